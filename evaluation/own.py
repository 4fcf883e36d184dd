"""A user's own questions: read from a file, asked of the running service, scored."""

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from evaluation import metrics
from evaluation.metrics import estimate
from evaluation.refusing import refuses
from evaluation.report import Report, Section, Table, surroundings

FIELDS = {"question", "answers", "document"}
CUTS = (1, 5, 10)
SHOWN = 100  # characters of a question or an answer in the table


class BadQuestions(Exception):
    """``lines`` say what is wrong with each, with its number."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class Pages(Protocol):
    """What lists documents, as GET /documents does."""

    def get(self, path: str, **params: Any) -> Any: ...


class Service(Pages, Protocol):
    """The running service, as the command line speaks to it."""

    def post(self, path: str, body: Any) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class OwnQuestion:
    line: int
    text: str
    answers: tuple[str, ...] | None  # empty: it should be refused; None: not known
    document: str | None  # name, id, title or uri of the one that answers


@dataclass(frozen=True, kw_only=True)
class Outcome:
    question: OwnQuestion
    reply: Mapping[str, Any]
    rank: int | None  # of the document that answers, among the documents found; None: not among them

    @property
    def refused(self) -> bool:
        return bool(self.reply["abstained"]) or refuses(str(self.reply["answer"]))

    @property
    def text(self) -> str:
        return "" if self.refused else str(self.reply["answer"])

    @property
    def exact(self) -> float:
        return metrics.exact(self.text, self.question.answers or ()) if self.text else 0.0

    @property
    def f1(self) -> float | None:
        """None where it is not known what is right."""
        if self.question.answers is None:
            return None
        if not self.question.answers:
            return float(self.refused)
        return metrics.f1(self.text, self.question.answers) if self.text else 0.0


def read(path: Path) -> list[OwnQuestion]:
    """One JSON object a line. Raises BadQuestions, OSError."""
    found, wrong = [], []
    lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_question(number, line))
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
    if not found and not wrong:
        wrong.append(f"{path} holds no questions")
    if wrong:
        raise BadQuestions(wrong)
    return found


def _question(number: int, line: str) -> OwnQuestion:
    try:
        raw = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ValueError('not an object like {"question": "…", "answers": ["…"]}')
    if unknown := sorted(set(raw) - FIELDS):
        raise ValueError(f"unknown {', '.join(unknown)}: use {', '.join(sorted(FIELDS))}")
    text, answers, document = raw.get("question"), raw.get("answers"), raw.get("document")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("`question` must be a text that is not empty")
    if answers is not None and (
        not isinstance(answers, list) or not all(isinstance(one, str) and one.strip() for one in answers)
    ):
        raise ValueError("`answers` must be a list of texts; an empty list says that it should be refused")
    if document is not None and (not isinstance(document, str) or not document.strip()):
        raise ValueError("`document` must be the name, id, title or uri of a document")
    known = None if answers is None else tuple(answers)
    return OwnQuestion(line=number, text=text, answers=known, document=document)


def measure(
    service: Service,
    questions: Sequence[OwnQuestion],
    *,
    collection: str,
    adapter: str | None,
    top_k: int,
    each: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """One after the other, so that the times are those of a single user. ``each`` is called after every one.

    Raises BadQuestions for a document that is not in the collection.
    """
    named = documents(service, collection, questions)
    found = []
    for one in questions:
        scope = {"question": one.text, "collection": collection}
        rank = None
        if one.document is not None:
            sources = service.post("/search", {**scope, "top_k": max(CUTS)})["sources"]
            rank = rank_of((source["document_id"] for source in sources), named[one.document])
        reply = service.post("/ask", {**scope, "adapter": adapter, "top_k": top_k})
        found.append(Outcome(question=one, reply=reply, rank=rank))
        each()
    return found


def report(outcomes: Sequence[Outcome], *, seed: int = 0, **facts: str) -> Report:
    return Report(
        title="Evaluation on own questions",
        facts=surroundings(questions=str(len(outcomes)), **facts),
        sections=(_summary(outcomes, seed), _each(outcomes)),
    )


def _summary(outcomes: Sequence[Outcome], seed: int) -> Section:
    rows: list[tuple[str, str, str]] = []

    def add(name: str, values: Sequence[float]) -> None:
        if values:
            rows.append((name, str(estimate(values, seed=seed)), str(len(values))))

    named = [one for one in outcomes if one.question.document is not None]
    for k in CUTS:
        add(
            f"recall@{k} of the named document",
            [float(one.rank is not None and one.rank <= k) for one in named],
        )
    answerable = [one for one in outcomes if one.question.answers]
    add("EM", [one.exact for one in answerable])
    add("F1", [one.f1 or 0.0 for one in answerable])
    add(
        "the gold answer stands in the answer",
        [float(metrics.contains(one.text, one.question.answers or ())) for one in answerable],
    )
    add("refused although there is an answer", [float(one.refused) for one in answerable])
    add(
        "refused where it should be",
        [float(one.refused) for one in outcomes if one.question.answers == ()],
    )
    answered = [one for one in outcomes if not one.refused]
    add(
        "groundedness of what was answered",
        [one.reply["groundedness"] for one in answered if one.reply["groundedness"] is not None],
    )
    times = sorted(one.reply["timings_ms"]["total"] for one in outcomes)
    slow = times[min(len(times) - 1, int(0.95 * len(times)))]
    return Section(
        title="Summary",
        text=(
            "Scored as SQuAD does, after NFKC, with Persian letters unified and Chinese by character; in "
            "brackets 95 % bootstrap intervals.\n\n"
            f"Time to the whole answer: median {statistics.median(times):.0f} ms, "
            f"95th percentile {slow:.0f} ms."
        ),
        tables=(Table(title="Scores", header=("figure", "mean", "questions"), rows=tuple(rows)),),
    )


def _each(outcomes: Iterable[Outcome]) -> Section:
    rows = []
    for one in outcomes:
        rank = "–" if one.question.document is None else str(one.rank or "not found")
        score = "–" if one.f1 is None else f"{one.f1:.2f}"
        said = "(refused)" if one.refused else one.text
        rows.append((str(one.question.line), short(one.question.text), short(said), score, rank))
    table = Table(title="Each", header=("line", "question", "answer", "F1", "rank"), rows=tuple(rows))
    return Section(title="Questions", text="", tables=(table,))


def documents(service: Pages, collection: str, questions: Sequence[OwnQuestion]) -> Mapping[str, set[str]]:
    """Whatever a document may be called -> the ids of those that are called so.

    Raises BadQuestions where one that a question names is not in the collection; nothing is looked up where
    none names any."""
    if all(one.document is None for one in questions):
        return {}
    named = _named(service, collection)
    wrong = [
        f"line {one.line}: there is no document {one.document!r} in the collection {collection!r}"
        for one in questions
        if one.document is not None and one.document not in named
    ]
    if wrong:
        raise BadQuestions(wrong)
    return named


def _named(service: Pages, collection: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    after = None
    while True:
        page = service.get(
            "/documents", collection=collection, limit=100, **({"after": after} if after else {})
        )
        for one in page["data"]:
            for name in (one["document_id"], one["name"], one["title"], one["uri"]):
                if name:
                    found.setdefault(name, set()).add(one["document_id"])
            after = one["document_id"]
        if not page["has_more"]:
            return found


def rank_of(ids: Iterable[str], gold: set[str]) -> int | None:
    return next((rank for rank, one in enumerate(dict.fromkeys(ids), 1) if one in gold), None)


def short(text: str) -> str:
    """On one line, of a length that a table bears."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
