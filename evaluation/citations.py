"""Whether citations are true: the quote is the stored text, and it stands where the answer comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.answers import Answered, Reply
from evaluation.metrics import contains
from evaluation.report import Section, Table
from evaluation.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Checked:
    name: str
    quotes: int
    exact: int  # quotes that are the stored text at their place
    right: int  # answers that contain the gold one
    cite_gold: int  # of them: a citation lies in the gold passage
    quote_gold: int  # of them: a quote holds the gold answer
    uncited: int  # answers without any citation


async def check(stage: Stage, answered: Answered) -> Checked:
    texts: dict[str, str] = {}
    quotes = exact = 0
    replies = [reply for reply in (*answered.replies, *answered.others) if not reply.body["abstained"]]
    for reply in replies:
        for one in reply.body["citations"]:
            if one["document_id"] not in texts:
                texts[one["document_id"]] = await stage.text(one["document_id"])
            quotes += 1
            exact += is_exact(one, texts[one["document_id"]])
    right = [reply for reply in answered.replies if reply.contains]
    return Checked(
        name=f"{answered.data.name}, {answered.way.name}",
        quotes=quotes,
        exact=exact,
        right=len(right),
        cite_gold=sum(cites_gold(reply) for reply in right),
        quote_gold=sum(quotes_gold(reply) for reply in right),
        uncited=sum(not reply.body["citations"] for reply in replies),
    )


def is_exact(citation: Mapping[str, Any], text: str) -> bool:
    """``quote == text[start:end]``, and there is something quoted."""
    return bool(citation["quote"]) and citation["quote"] == text[citation["start"] : citation["end"]]


def cites_gold(reply: Reply) -> bool:
    return any(one["uri"].removeprefix("payload:") in reply.question.gold for one in reply.body["citations"])


def quotes_gold(reply: Reply) -> bool:
    return any(contains(one["quote"], reply.question.answers) for one in reply.body["citations"])


def section(found: Sequence[Checked]) -> Section:
    return Section(
        title="Citations",
        text=(
            "Every quote is compared with the stored text at its place. Of the answers that contain the gold "
            "answer: how many cite a span of the gold passage, and how many quotes hold the gold answer."
        ),
        tables=(
            Table(
                title="Citations of the answers above",
                header=(
                    "set and way", "quotes", "equal the stored text", "right answers",
                    "cite the gold passage", "quote the gold answer", "answers without a citation",
                ),
                rows=tuple(
                    (
                        one.name, str(one.quotes), _of(one.exact, one.quotes), str(one.right),
                        _of(one.cite_gold, one.right), _of(one.quote_gold, one.right), str(one.uncited),
                    )
                    for one in found
                ),
            ),
        ),
    )  # fmt: skip


def _of(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"
