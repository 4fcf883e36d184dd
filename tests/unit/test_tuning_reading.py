"""Training files: OpenAI's formats and CSV; each fault is told with its line."""

import json
from pathlib import Path
from typing import Any

import pytest

from indexes.errors import InvalidTrainingFile
from ingest.data import csv_text
from tuning.reading import read


def chat(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **more}


GOOD = chat(("user", "پایتخت ایران کجاست؟"), ("assistant", "تهران."))


def written(folder: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    file = folder / name
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return file


def refused(file: Path) -> InvalidTrainingFile:
    with pytest.raises(InvalidTrainingFile) as caught:
        read(file)
    return caught.value


def test_a_conversation_teaches_each_of_its_answers(tmp_path: Path) -> None:
    turns = [
        ("system", "Be short."),
        ("user", "1?"),
        ("assistant", "One."),
        ("user", "2?"),
        ("assistant", "Two."),
    ]
    found = read(written(tmp_path, chat(*turns, document="a.pdf")))
    assert found.format == "chat"
    assert [(one.question, one.answer, len(one.prompt)) for one in found.examples] == [
        ("1?", "One.", 2),
        ("2?", "Two.", 4),
    ]
    assert {one.document for one in found.examples} == {"a.pdf"}
    assert {one.line for one in found.examples} == {1}


def test_a_turn_of_no_weight_is_context_only(tmp_path: Path) -> None:
    row = chat(("user", "1?"), ("assistant", "One."), ("user", "2?"), ("assistant", "Two."))
    row["messages"][1]["weight"] = 0
    assert [one.answer for one in read(written(tmp_path, row)).examples] == ["Two."]


def test_text_in_parts(tmp_path: Path) -> None:
    row = chat(("user", ""), ("assistant", "Yes."))
    row["messages"][0]["content"] = [{"type": "text", "text": "Is "}, {"type": "text", "text": "it?"}]
    assert read(written(tmp_path, row)).examples[0].question == "Is it?"


def test_prompt_and_completion(tmp_path: Path) -> None:
    found = read(written(tmp_path, {"prompt": "首都?", "completion": "北京。"}))
    assert found.format == "completion"
    assert (found.examples[0].question, found.examples[0].answer) == ("首都?", "北京。")


@pytest.mark.parametrize(
    "row",
    [
        {
            "input": {"messages": [{"role": "user", "content": "Hi"}]},
            "preferred_output": [{"role": "assistant", "content": "Hello."}],
            "non_preferred_output": [{"role": "assistant", "content": "What?"}],
        },
        {"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"},
    ],
    ids=["openai", "trl"],
)
def test_preferences(tmp_path: Path, row: dict[str, Any]) -> None:
    found = read(written(tmp_path, row))
    assert found.format == "preference"
    assert (found.examples[0].answer, found.examples[0].rejected) == ("Hello.", "What?")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(tmp_path: Path, delimiter: str) -> None:
    rows = [
        delimiter.join(["Answer", "Question", "Document"]),
        delimiter.join(['"Two\nlines."', '"What, or; what?"', "d"]),
        delimiter.join(["Yes.", "Is it?", ""]),
    ]
    found = read(written(tmp_path, *rows, "", name="rows.csv"))
    assert [(one.line, one.question, one.answer, one.document) for one in found.examples] == [
        (2, "What, or; what?", "Two\nlines.", "d"),
        (4, "Is it?", "Yes.", None),
    ]


def test_a_long_cell_after_a_short_file(tmp_path: Path) -> None:
    """The limit of a cell is the whole process's: a small file must leave none for a larger one."""
    assert csv_text("a,b\n1,2\n")
    answer = "long " * 40_000
    file = tmp_path / "rows.csv"
    file.write_text(f"question,answer\nHow long?,{answer}\n")
    [example] = read(file).examples
    assert example.answer == answer.strip()


def test_a_mark_of_byte_order_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    file = written(tmp_path, "\ufeff" + json.dumps(GOOD), "", json.dumps(GOOD), "")
    assert [one.line for one in read(file).examples] == [1, 3]


@pytest.mark.parametrize(
    ("row", "code", "told"),
    [
        ("{", "not_jsonl", "not JSON"),
        ("3", "not_jsonl", "no JSON object"),
        ("[" * 100_000, "not_jsonl", "not JSON"),
        ({"text": "x"}, "invalid_row", "none of"),
        ({"prompt": "x", "completion": "y"}, "mixed_formats", "line 1"),
        (chat(("user", "x")), "no_answer", "last turn"),
        (chat(("assistant", "x")), "turn_order", "does not follow"),
        (chat(("user", "x"), ("assistant", " ")), "empty", "empty"),
        (chat(("user", "x"), ("tool", "y"), ("assistant", "z")), "invalid_role", "'tool'"),
        ({"messages": []}, "invalid_row", "empty"),
        ({"messages": "x"}, "invalid_row", "no list"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "empty", "no text"),
        ({**GOOD, "document": 3}, "invalid_row", "document"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, row: Any, code: str, told: str) -> None:
    error = refused(written(tmp_path, GOOD, GOOD, row))
    assert (error.code, error.message.startswith("line 3: ")) == (code, True)
    assert told in error.message


def test_the_worse_answer_must_be_another(tmp_path: Path) -> None:
    error = refused(written(tmp_path, {"prompt": "Hi", "chosen": "Hello.", "rejected": "Hello."}))
    assert error.code == "same_answers"


def test_many_bad_rows_are_counted(tmp_path: Path) -> None:
    error = refused(written(tmp_path, GOOD, *["{"] * 25))
    assert error.message.count("line ") == 10
    assert error.message.endswith("and 15 more lines")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.jsonl", b"", "empty_file"),
        ("a.jsonl", b" \n\n", "empty_file"),
        ("a.jsonl", b'{"prompt": "x",\n"\xff', "not_utf8"),
        ("a.jsonl", json.dumps(GOOD).encode("utf-16"), "not_utf8"),
        ("a.json", b'[{"prompt": "x", "completion": "y"}]', "not_jsonl"),
        ("a.txt", b"question,answer\nx,y\n", "not_jsonl"),
        ("a.csv", b"x,y\n1,2\n", "no_columns"),
        ("a.csv", b"question,answer\nx,\n", "empty"),
        ("a.csv", b'question,answer\n"x,y\n', "not_csv"),
        ("a.csv", b"question,answer\n", "empty_file"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert refused(file).code == code
