"""What is judged: a question, the answer that was wanted, and what each of two systems wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter


@dataclass(frozen=True, kw_only=True)
class Row:
    question: str  # the user's turn, with its sources where it has some
    gold: str
    base: str
    tuned: str


ROW = TypeAdapter(Row)


def dump(rows: Sequence[Row]) -> bytes:
    """A JSON object a line."""
    return b"".join(ROW.dump_json(one) + b"\n" for one in rows)


def read(path: Path) -> list[Row]:
    """Raises OSError, and ValueError that names the line."""
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                found.append(ROW.validate_json(line))
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
    return found
