"""Training files as they come: JSONL of one format, or CSV of questions and answers."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from app.generator import Message
from indexes.errors import InvalidTrainingFile
from ingest.data import csv_rows
from tuning.formats import BadRow, examples_of, format_of
from tuning.records import Example, Format, TrainingFile

SHOWN = 10  # lines that an error names
QUESTION = ("question", "prompt", "input", "پرسش", "问题")
ANSWER = ("answer", "completion", "output", "response", "پاسخ", "回答", "答案")
DOCUMENT = ("document", "source", "سند", "文档")
DELIMITERS = ",;\t"


def read(path: Path) -> TrainingFile:
    """Every line is looked at before anything is refused.

    Raises InvalidTrainingFile, which names the lines, OSError.
    """
    text = _decoded(path.read_bytes())
    if not text.strip():
        raise InvalidTrainingFile("the file is empty", code="empty_file")
    first = text.lstrip()[0]
    if first == "[":
        raise InvalidTrainingFile(
            "it is one JSON list: write one JSON object a line (JSONL)", code="not_jsonl"
        )
    if first == "{":
        return _jsonl(text)
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise InvalidTrainingFile(
            "line 1: it is neither a JSON object (JSONL) nor is the file's name *.csv", code="not_jsonl"
        )
    examples = tuple(_csv(text))
    if not examples:
        raise InvalidTrainingFile("there is nothing below its columns' names", code="empty_file")
    return TrainingFile(format="csv", examples=examples)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidTrainingFile(f"line {line}: it is not UTF-8", code="not_utf8") from error


def _jsonl(text: str) -> TrainingFile:
    faults = _Faults()
    examples: list[Example] = []
    begun: tuple[int, Format] | None = None
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: JSON may hold U+2028
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise BadRow("it is no JSON object", code="not_jsonl")
            format_ = format_of(row)
            begun = begun or (number, format_)
            if format_ != begun[1]:
                raise BadRow(
                    f"it is of the format {format_}, and line {begun[0]} of {begun[1]}: one format a file",
                    code="mixed_formats",
                )
            examples += examples_of(row, number)
        except json.JSONDecodeError as error:
            faults.add(
                number, BadRow(f"it is not JSON ({error.msg}, column {error.colno})", code="not_jsonl")
            )
        except RecursionError:
            faults.add(number, BadRow("it is not JSON (nested too deeply)", code="not_jsonl"))
        except BadRow as error:
            faults.add(number, error)
    faults.tell()
    assert begun is not None  # noqa: S101  an empty file was refused
    return TrainingFile(format=begun[1], examples=tuple(examples))


def _csv(text: str) -> Iterator[Example]:
    head = text.split("\n", 1)[0]
    rows = csv_rows(text, max(DELIMITERS, key=head.count), strict=True)
    faults = _Faults()
    try:
        names = [name.strip().casefold() for name in next(rows)]
        places = [_place(names, known) for known in (QUESTION, ANSWER, DOCUMENT)]
        if places[0] is None or places[1] is None:
            raise InvalidTrainingFile(
                "line 1: the columns need names, among them `question` and `answer`", code="no_columns"
            )
        line = rows.line_num + 1
        for row in rows:
            question, answer, document = (
                row[place].strip() if place is not None and place < len(row) else "" for place in places
            )
            if question and answer:
                prompt = (Message(role="user", content=question),)
                yield Example(line=line, prompt=prompt, answer=answer, document=document or None)
            elif any(cell.strip() for cell in row):
                faults.add(line, BadRow("its question or its answer is empty", code="empty"))
            line = rows.line_num + 1
    except csv.Error as error:
        faults.add(rows.line_num, BadRow(f"it is not CSV ({error})", code="not_csv"))
    faults.tell()


def _place(names: list[str], known: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


class _Faults:
    def __init__(self) -> None:
        self._found: list[tuple[int, BadRow]] = []

    def add(self, line: int, fault: BadRow) -> None:
        self._found.append((line, fault))

    def tell(self) -> None:
        """Raises InvalidTrainingFile if there are any."""
        if not self._found:
            return
        told = "; ".join(f"line {line}: {fault.reason}" for line, fault in self._found[:SHOWN])
        more = len(self._found) - SHOWN
        raise InvalidTrainingFile(
            told + (f"; and {more} more lines" if more > 0 else ""), code=self._found[0][1].code
        )
