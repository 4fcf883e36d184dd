"""The plan is a pure function; what cannot be served is refused before anything is trained."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import cli
from app.settings import Settings
from indexes.errors import InvalidRequest, TooFewExamples
from tuning.plan import Base, Data, Hardware, Plan, plan, reckoned_memory

SMALL = Base(
    id="small", parameters=135_000_000, layers=30, hidden=576, window=8192, served_prompt=1700, max_rank=64
)
LARGE = Base(
    id="large", parameters=8_000_000_000, layers=32, hidden=4096, window=8192, served_prompt=1700, max_rank=64
)
CPU = Hardware(device="cpu", memory=20.0)
GPU = Hardware(device="cuda", memory=24.0)


def data(examples: int, pairs: int = 0, tokens: int = 300) -> Data:
    return Data(examples=examples, pairs=pairs, tokens=tokens, longest=tokens)


def planned(examples: int, base: Base = SMALL, machine: Hardware = CPU, **more: Any) -> Plan:
    return plan(data(examples), base, machine, **more)


def test_too_few_examples_are_told_what_else_helps() -> None:
    with pytest.raises(TooFewExamples) as caught:
        planned(99)
    assert caught.value.code == "too_few_examples"
    assert all(word in caught.value.message for word in ("99", "prompt", "RAG", "force"))
    assert planned(99, force=True).warnings
    assert not planned(100).warnings


def test_more_examples_bear_a_higher_rank_and_need_less_dropout() -> None:
    plans = [planned(count) for count in (100, 500, 2_000, 10_000)]
    assert [one.rank for one in plans] == [16, 16, 32, 64]
    assert [one.dropout for one in plans] == [0.2, 0.1, 0.05, 0.05]
    assert [one.rslora for one in plans] == [False, False, True, True]
    assert [one.epochs for one in plans] == [5, 3, 3, 2]


def test_the_rank_is_one_that_the_engine_serves() -> None:
    base = Base(**{**vars(SMALL), "max_rank": 8})
    made = planned(10_000, base)
    assert made.rank == 8
    assert "SIMURGH_MAX_LORA_RANK" in made.reasons["rank"]


def test_short_memory_takes_four_bits() -> None:
    assert planned(500, LARGE, GPU).method == "lora"
    made = planned(500, LARGE, Hardware(device="cuda", memory=12.0))
    assert made.method == "qlora"
    assert "NF4" in made.reasons["method"]
    assert made.memory < 12


def test_memory_is_reckoned_in_the_right_order() -> None:
    lora, qlora = (reckoned_memory(one, data(500), LARGE, GPU, 16) for one in ("lora", "qlora"))
    assert 14 < lora < 20  # 8e9 parameters of two bytes are 15 GiB
    assert 4 < qlora < 8


def test_it_is_never_shorter_than_a_prompt_that_is_served() -> None:
    assert plan(data(500, tokens=300), SMALL, CPU).max_length == 1728
    assert plan(data(500, tokens=3000), SMALL, CPU).max_length == 3008
    assert plan(data(500, tokens=30_000), SMALL, CPU).max_length == SMALL.window


def test_pairs_are_learnt_after_the_answers() -> None:
    assert plan(data(500, pairs=0), SMALL, CPU).stages == ("sft",)
    assert plan(data(500, pairs=200), SMALL, CPU).stages == ("sft", "dpo")


def test_facts_are_warned_of() -> None:
    assert "retrieved" in planned(500, goal="facts").warnings[0]


def test_its_owner_may_have_it_otherwise() -> None:
    made = planned(500, changes={"rank": 8, "spectrum": 0.25, "epochs": 40})
    assert (made.rank, made.spectrum, made.epochs) == (8, 0.25, 40)
    assert made.reasons["rank"] == "as you asked"


def test_fewer_modules_learn_faster() -> None:
    rates = [planned(500, changes={"spectrum": share}).learning_rate for share in (None, 1.0, 0.5, 0.25)]
    assert rates == [4e-4, 4e-4, 6e-4, 1e-3]
    asked = planned(500, changes={"spectrum": 0.25, "learning_rate": 2e-4})
    assert (asked.learning_rate, asked.reasons["learning_rate"]) == (2e-4, "as you asked")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("use_dora", True, "not_servable"),
        ("pissa", True, "not_servable"),
        ("bias", "all", "not_servable"),
        ("modules_to_save", ["lm_head"], "not_servable"),
        ("rank", 65, "invalid_request"),
        ("rank", True, "invalid_request"),
        ("dropout", 0.9, "invalid_request"),
        ("max_length", 10**6, "invalid_request"),
        ("learning_rate", float("nan"), "invalid_request"),
        ("method", "full", "invalid_request"),
        ("reasons", {}, "invalid_request"),
        ("warmth", 1, "invalid_request"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: Any, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        planned(500, changes={name: value})
    assert (caught.value.param, caught.value.code) == (name, code)


def test_every_choice_that_needs_one_has_a_reason() -> None:
    made = plan(data(2_000, pairs=300), SMALL, CPU)
    assert {"method", "rank", "stages", "dropout", "learning_rate", "epochs", "max_length", "replay"} <= set(
        made.reasons
    )


# -- simurgh tune check


def pairs(folder: Path, data_folder: Path) -> Path:
    """The public preference pairs, as OpenAI's format has them."""
    rows = json.loads((data_folder / "tuning" / "dpo_zh_demo.json").read_text("utf-8"))
    names = {"human": "user", "gpt": "assistant", "system": "system"}

    def turn(given: dict[str, str]) -> dict[str, str]:
        return {"role": names[given["from"]], "content": given["value"]}

    file = folder / "pairs.jsonl"
    file.write_text(
        "\n".join(
            json.dumps(
                {
                    "input": {"messages": [turn(one) for one in row["conversations"]]},
                    "preferred_output": [turn(row["chosen"])],
                    "non_preferred_output": [turn(row["rejected"])],
                },
                ensure_ascii=False,
            )
            for row in rows
        ),
        "utf-8",
    )
    return file


@pytest.mark.shared
def test_real_pairs_are_described_and_planned(
    tmp_path: Path, shared_data: Path, prepared_models: Settings
) -> None:
    command = ["tune", "check", str(pairs(tmp_path, shared_data)), "--json", "--out", str(tmp_path / "card")]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    data_, plan_ = found["data"], found["plan"]
    assert data_["format"] == "preference"
    assert data_["read"] == 300
    assert data_["train"] + data_["validation"] + sum(data_["dropped"].values()) == 300
    assert data_["validation"] == pytest.approx(0.2 * (data_["train"] + data_["validation"]), rel=0.1)
    assert data_["languages"]["zh"] > 0.8 * (data_["train"] + data_["validation"])
    assert plan_["stages"] == ["sft", "dpo"]
    assert "<svg" in (tmp_path / "card" / "data-card.html").read_text()


def test_a_bad_line_is_told(tmp_path: Path, prepared_models: Settings) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"prompt": "x", "completion": "y"}\n{"prompt": "x"}\n')
    done = CliRunner().invoke(cli, ["tune", "check", str(file)])
    assert done.exit_code == 2
    assert "line 2: the answer in `completion` is empty" in done.output.replace("\n", " ")


def test_a_file_that_is_not_there(tmp_path: Path, prepared_models: Settings) -> None:
    done = CliRunner().invoke(cli, ["tune", "check", str(tmp_path / "none.jsonl")])
    assert done.exit_code == 2
    assert "none.jsonl" in done.output.replace("\n", "")


def test_a_choice_is_changed_and_its_modules_named(
    tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMURGH_GENERATOR", str(tiny_base))
    rows = tmp_path / "rows.csv"
    words = [f"{number * 7919:x}{number * 104729:o}" for number in range(60)]
    rows.write_text("question,answer\n" + "".join(f"What is {word}?,It is {word[::-1]}.\n" for word in words))
    command = ["tune", "check", str(rows), "--force", "--json", "--set", "spectrum=0.5", "--set", "rank=8"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["plan"]["rank"], found["plan"]["spectrum"]) == (8, 0.5)
    assert len(found["modules"]) == 7  # half of two layers, of each of seven kinds
    refused = CliRunner().invoke(cli, [*command, "--set", "use_dora=true"])
    assert refused.exit_code == 2
    assert "DoRA" in refused.output
