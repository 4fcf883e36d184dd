"""Texts that were written for this project, with questions that they answer and others that they do not.

`tuning/texts/PART/LANGUAGE/*.txt`, a line each: `# subject`, `P: paragraph`, `Q: question | answer as it
stands in the paragraph`, `U: question that the paragraph does not answer though it looks so`. The paragraphs
of a subject are near relatives, none of which answers what was asked of another. Many facts are invented.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent / "texts"
TRAIN = TEXTS / "train"
HELD = TEXTS / "held"  # never trained on: readers are compared on it


def own_texts(language: str, folder: Path = TRAIN) -> dict[str, Any]:
    """In the form of the question sets (`paragraphs`, `questions`). ValueError names a line that is wrong."""
    paragraphs: list[dict[str, Any]] = []
    questions: list[dict[str, Any]] = []
    subject = ""
    for path in sorted((folder / language).glob("*.txt")):
        for where, kind, rest in _lines(path):
            if kind == "#":
                subject = rest
            elif kind == "P:":
                paragraphs.append({"id": len(paragraphs), "title": subject, "text": rest})
            else:
                question, _, answer = (part.strip() for part in rest.partition("|"))
                if bool(answer) != (kind == "Q:") or not paragraphs or answer not in paragraphs[-1]["text"]:
                    raise ValueError(f"{where}: the paragraph before it does not hold this answer: {rest}")
                questions.append(
                    {
                        "id": f"{language}-{len(questions)}",
                        "question": question,
                        "paragraph": paragraphs[-1]["id"],
                        "answers": [answer] if answer else [],
                    }
                )
    return {"language": language, "paragraphs": paragraphs, "questions": questions}


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Where it stands, its kind, and the rest of it."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            kind, _, rest = line.partition(" ")
            if kind not in ("#", "P:", "Q:", "U:") or not rest.strip():
                raise ValueError(f"{path.name}:{number}: no line of such a file: {line}")
            yield f"{path.name}:{number}", kind, rest.strip()
