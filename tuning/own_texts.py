"""Texts that were written for this project, with questions that they answer and others that they do not.

`tuning/texts/PART/LANGUAGE/*.txt`, a line each: `# subject`, `P: paragraph`, `T: the paragraph told
otherwise`, `Q: question that P answers and T does not | answer as it stands in P`, `U: question that T
answers and P does not, though it looks so | answer as it stands in T`. As each question stands over both, its
words alone do not tell whether it is answered. The paragraphs of a subject are near relatives, none of which
answers what was asked of another. Many facts are invented.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent / "texts"
TRAIN = TEXTS / "train"
HELD = TEXTS / "held"  # never trained on: readers are compared on it


def own_texts(language: str, folder: Path = TRAIN, *, told_once: bool = False) -> dict[str, Any]:
    """In the form of the question sets (`paragraphs`, `questions`); a question stands there once for each of
    the paragraph's versions, of which ``told_once`` takes the first alone. ValueError names a line that is
    wrong."""
    paragraphs: list[dict[str, Any]] = []
    questions: list[dict[str, Any]] = []
    subject = ""
    versions: list[int] = []  # of the present paragraph: as P, as T
    wanted: set[int] = set()
    for path in sorted((folder / language).glob("*.txt")):
        for where, kind, rest in _lines(path):
            if kind == "#":
                subject, versions = rest, []
            elif kind in ("P:", "T:"):
                versions = [len(paragraphs)] if kind == "P:" else [*versions, len(paragraphs)]
                if kind == "P:" or not told_once:
                    wanted.add(len(paragraphs))
                paragraphs.append({"id": len(paragraphs), "title": subject, "text": rest})
            else:
                question, _, answer = (part.strip() for part in rest.partition("|"))
                if len(versions) != 2:
                    raise ValueError(f"{where}: no paragraph before it in two versions: {rest}")
                told = versions[kind == "U:"]  # the version that answers
                if not answer or answer not in paragraphs[told]["text"]:
                    raise ValueError(f"{where}: the paragraph before it does not hold this answer: {rest}")
                questions += [
                    {
                        "id": f"{language}-{len(questions) + number}",
                        "question": question,
                        "paragraph": version,
                        "answers": [answer] if version == told else [],
                    }
                    for number, version in enumerate(versions)
                ]
    return {
        "language": language,
        "paragraphs": [one for one in paragraphs if one["id"] in wanted],
        "questions": [one for one in questions if one["paragraph"] in wanted],
    }


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Where it stands, its kind, and the rest of it."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            kind, _, rest = line.partition(" ")
            if kind not in ("#", "P:", "T:", "Q:", "U:") or not rest.strip():
                raise ValueError(f"{path.name}:{number}: no line of such a file: {line}")
            yield f"{path.name}:{number}", kind, rest.strip()
