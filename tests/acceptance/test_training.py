"""Real trainings, by TRL and PEFT, of a base that is small enough: what ends them, and what comes of them."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.adapter_check import BaseModel, base_shapes, check
from tests.support.training import examples, task
from tuning.run import run
from tuning.spectrum import chosen
from tuning.tune import tune
from tuning.workspace import Outcome, Workspace


def trained(
    folder: Path, base: Path, *, tell: Any = lambda _: None, cancelled: Any = None, **changes: object
) -> tuple[Workspace, Outcome]:
    work = Workspace(folder)
    pairs = "dpo" in changes.get("stages", ())  # type: ignore[operator]
    every = examples(36, pairs=pairs)
    work.begin(task(base, **changes), every[:24], every[24:])
    return work, run(work, tell=tell, cancelled=cancelled, niceness=0)


def told(work: Workspace) -> str:
    return work.log.read_text()[-3000:]


def running(folder: Path) -> list[psutil.Process]:
    """Trainings below ``folder`` that live: this process may have other children."""
    found = []
    for one in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # which a zombie is, too
            if any(part.startswith(str(folder)) for part in one.cmdline()):
                found.append(one)
    return found


@pytest.fixture(scope="module")
def long_run(
    tiny_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Outcome, list[Mapping[str, Any]]]:
    """Forty epochs on twenty-four rows, and pairs afterwards."""
    events: list[Mapping[str, Any]] = []
    work, outcome = trained(
        tmp_path_factory.mktemp("long") / "run",
        tiny_base,
        tell=events.append,
        epochs=40,
        stages=("sft", "dpo"),
        replay=0.1,
        ewc=1.0,
    )
    assert outcome.status == "succeeded", (outcome, told(work))
    return work, outcome, events


def test_it_stops_early_and_goes_back_to_its_best_step(
    long_run: tuple[Workspace, Outcome, list[Mapping[str, Any]]],
) -> None:
    _, outcome, events = long_run
    assert outcome.figures is not None
    assert outcome.figures["sft_steps"] < 40 * 3, "of 24 rows in steps of 8"
    losses = {
        one["step"]: one["validation_loss"]
        for one in events
        if one.get("stage") == "sft" and "validation_loss" in one
    }
    best = min(losses, key=lambda step: losses[step])
    assert outcome.figures["sft_best_step"] == best
    assert outcome.figures["sft_best"] == pytest.approx(losses[best], abs=1e-3)
    assert outcome.figures["replayed"] > 0
    assert outcome.figures["target_perplexity"] < outcome.figures["target_perplexity_base"] / 10
    assert outcome.figures["f1_gain_low"] > 0


def test_it_learns_what_is_preferred(
    long_run: tuple[Workspace, Outcome, list[Mapping[str, Any]]],
) -> None:
    _, outcome, _ = long_run
    assert outcome.figures is not None
    assert outcome.figures["reward_accuracy"] >= 0.65, "of pairs that it has not seen"


def test_what_comes_of_it_can_be_served(
    long_run: tuple[Workspace, Outcome, list[Mapping[str, Any]]], tiny_base: Path
) -> None:
    work, _, _ = long_run
    assert sorted(path.name for path in work.adapter.iterdir() if path.suffix != ".md") == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "canary.json",
    ]
    facts = check(work.adapter, BaseModel(id="tiny", max_rank=8, shapes=base_shapes(tiny_base)))
    assert facts.rank == 8
    assert len(facts.target_modules) == 7
    tuned = tune(work, "tiny")
    assert tuned.verdict is not None
    card = (work.folder / "model-card.md").read_text()
    assert "answers that validate: perplexity" in card
    assert "| ROUGE-L | 0.0" in card, "of the base, which is random"
    assert "G-Eval: the judge was refused" in card, "which is the base"
    answers = [json.loads(line) for line in (work.folder / "answers.jsonl").read_text().splitlines()]
    assert len(answers) == 12
    assert sum(one["tuned"].startswith("Aye, the ") for one in answers) >= 10
    assert "<svg" in (work.folder / "model-card.html").read_text()


def test_a_killed_one_goes_on_where_it_was(tiny_base: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def tell(event: Mapping[str, Any]) -> None:
        if "checkpoint" in event and not killed:
            [child] = running(tmp_path)
            killed.append(event["checkpoint"])
            os.kill(child.pid, signal.SIGKILL)

    work, outcome = trained(tmp_path / "run", tiny_base, tell=tell, epochs=4)
    assert outcome.status == "succeeded", (outcome, told(work))
    assert killed
    steps = [one["step"] for one in work.events() if "loss" in one]
    assert steps.count(1) == 1, "it went on, and did not begin again"
    assert max(steps) == 4 * 3


def test_in_four_bits_spectrum_trains_what_it_chose_and_nothing_else(tiny_base: Path, tmp_path: Path) -> None:
    modules = tuple(chosen(tiny_base, 0.5))
    work, outcome = trained(tmp_path / "half", tiny_base, epochs=1, method="qlora", modules=modules)
    assert outcome.figures is not None, told(work)
    facts = check(work.adapter, BaseModel(id="tiny", max_rank=8, shapes=base_shapes(tiny_base)))
    assert len(facts.target_modules) == 7
    from safetensors import safe_open

    with safe_open(str(work.adapter / "adapter_model.safetensors"), framework="np") as tensors:
        found = {name.split(".lora_")[0].removeprefix("base_model.model.") for name in tensors.keys()}  # noqa: SIM118
    assert found == set(modules)
    (*_, last) = work.checkpoints("sft").glob("*/adapter_model.safetensors")
    with safe_open(str(last), framework="np") as tensors:
        kinds = {tensors.get_slice(name).get_dtype() for name in tensors.keys()}  # noqa: SIM118
    assert kinds == {"F32"}, "a step of bf16 is lost, and on some CPUs no number"


def test_a_loss_that_is_no_number_ends_it(tiny_base: Path, tmp_path: Path) -> None:
    _, outcome = trained(tmp_path / "run", tiny_base, learning_rate=1e30)
    assert (outcome.status, outcome.code) == ("failed", "nan_loss")


def test_it_is_cancelled(tiny_base: Path, tmp_path: Path) -> None:
    cancelled = threading.Event()
    work, outcome = trained(
        tmp_path / "run", tiny_base, tell=lambda _: cancelled.set(), cancelled=cancelled, epochs=50
    )
    assert outcome.status == "cancelled"
    assert not work.adapter.exists()
    assert not running(tmp_path)
