"""Training rows made from a collection, the whole story: the engine writes questions about its passages, what
does not hold is dropped, and what holds becomes rows of the prompt that serves."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from app.generator import TokenCounter
from app.markers import without_markers
from app.prompt import Prompt, build_prompt
from app.rewrite import follows_up
from evaluation.metrics import contains, f1
from indexes.records import Hit
from indexes.text import fold
from tuning import triples
from tuning.pairs import Preference, pair_row, preference_row
from tuning.raft import around, chat_row, refusal, with_marker
from tuning.sampling import places
from tuning.triples import Triple

FOUND_AT = 5  # places: the passage must be among so many that are retrieved for its question
LOOKED_AT = 10  # passages from which those beside it are taken
SURVIVES = 0.5  # F1 of the answer and what the engine answers when it is asked again
SAID_AGAIN = 96  # tokens
WRONG = 0.2  # F1 from which down that is another answer
Kind = Literal["answer", "refusal", "pair"]


class Writer(Protocol):
    """The engine behind the service."""

    def ask(self, prompt: str, *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> str: ...


class Retriever(Protocol):
    """The retrieval behind the service."""

    def search(self, question: str, *, top_k: int, document: str | None = None) -> list[Hit]:
        """Best first; of one document, if it is named."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    rows: int
    tries: int  # passages of which the engine is asked, at most
    refusals: float = 0.2  # of the rows, at most a half
    sources: int = FOUND_AT  # passages in a prompt, as many as are served
    window: int  # tokens of a prompt and its answer
    max_tokens: int = 256  # of an answer, as the service reserves for it
    closed_book: bool = False  # no sources in a prompt: what is asked is to be known
    seed: int = 17


@dataclass(frozen=True, kw_only=True)
class Made:
    kind: Kind
    row: dict[str, Any]


@dataclass
class Tally:
    """How many passages were tried, what came of them, and why the others were dropped."""

    tried: int = 0
    made: Counter[Kind] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.made["answer"] + self.made["refusal"]


class Maker:
    """Not to be shared: what it has asked about already is remembered, and counted in ``tally``."""

    def __init__(
        self, *, writer: Writer, retriever: Retriever, counter: TokenCounter, recipe: Recipe
    ) -> None:
        self.tally = Tally()
        self._writer = writer
        self._retriever = retriever
        self._counter = counter
        self._recipe = recipe
        self._draw = random.Random(recipe.seed)
        self._passages: set[int] = set()  # chunk ids
        self._questions: set[str] = set()

    async def rows(self, documents: Sequence[str], text_of: Callable[[str], str]) -> AsyncIterator[Made]:
        """Until there are enough, or as many passages were tried as may be."""
        for document, words in places(documents, text_of, self._draw, most=self._recipe.tries):
            passage = self._passage(document, words)
            if passage is None:
                continue
            self.tally.tried += 1
            for one in await self._of(passage):
                self.tally.made[one.kind] += 1
                yield one
            if self.tally.rows >= self._recipe.rows:
                return

    async def pairs(self, preferences: Iterable[Preference]) -> AsyncIterator[Made]:
        """From feedback, with the passages that the answers stood on, as they are retrieved now."""
        for one in preferences:
            if follows_up(one.question):
                self._dropped("feedback_on_a_question_that_follows_up")
                continue
            hits = self._named(one) if one.better_ids else None
            if hits is not None and not hits:
                self._dropped("feedback_on_passages_not_found_again")
                continue
            document = hits[0].document_id if hits else f"feedback:{one.id}"
            row = preference_row(await self._prompt(one.question, hits), one, document)
            if row is None:
                self._dropped("feedback_without_a_difference")
                continue
            self.tally.made["pair"] += 1
            yield Made(kind="pair", row=row)

    async def _of(self, passage: Hit) -> list[Made]:
        written = self._writer.ask(
            triples.task(passage.title, passage.text), max_tokens=triples.MAX_TOKENS, schema=triples.SCHEMA
        )
        triple = triples.parsed(written)
        if triple is None:
            return self._dropped("not_json")
        if (reason := triples.fault(triple, passage.text)) is not None:
            return self._dropped(reason)
        if (question := fold(triple.question)) in self._questions:
            return self._dropped("question_asked_before")
        self._questions.add(question)
        hits = self._retriever.search(triple.question, top_k=LOOKED_AT)
        gold = next((hit for hit in hits[:FOUND_AT] if _tells(hit, passage, triple)), None)
        if gold is None:
            return self._dropped("retriever_does_not_find_it")
        alone = await self._prompt(triple.question, [gold])
        if not alone.sources:
            return self._dropped("passage_does_not_fit")
        said = self._asked_again(alone)
        score = f1(said, [triple.answer])
        if score < SURVIVES and not contains(said, [triple.answer]):
            self._dropped("answer_does_not_survive")
            return _failed(triple, gold, said, alone) if score < WRONG else []
        return await self._taught(triple, gold, [hit for hit in hits if not _answers(hit, triple)])

    async def _taught(self, triple: Triple, gold: Hit, others: Sequence[Hit]) -> list[Made]:
        if self._recipe.closed_book:
            prompt = await self._prompt(triple.question, None)
            return [Made(kind="answer", row=chat_row(prompt, triple.answer, gold.document_id))]
        beside = around(gold, others, self._recipe.sources - 1, self._draw)
        prompt = await self._prompt(triple.question, [gold, *beside])
        answer = with_marker(triple.answer, gold, prompt)
        assert answer is not None  # noqa: S101  it comes first, and fits alone
        made = [Made(kind="answer", row=chat_row(prompt, answer, gold.document_id))]
        if self._refuses():
            if not others:
                self._dropped("nothing_to_refuse_from")
            else:
                prompt = await self._prompt(triple.question, others[: self._recipe.sources])
                row = chat_row(prompt, refusal(triple.question), gold.document_id)
                made.append(Made(kind="refusal", row=row))
        return made

    def _dropped(self, reason: str) -> list[Made]:
        self.tally.dropped[reason] += 1
        return []

    def _refuses(self) -> bool:
        """Whether the share of refusals falls short, now that there will be one answer more."""
        return self.tally.made["refusal"] + 1 <= self._recipe.refusals * (self.tally.rows + 2)

    def _passage(self, document: str, words: str) -> Hit | None:
        """What the service would show of that place; None if it was tried."""
        found = self._retriever.search(words, top_k=1, document=document)
        if not found or found[0].chunk_id in self._passages:
            return None
        self._passages.add(found[0].chunk_id)
        return found[0]

    def _asked_again(self, prompt: Prompt) -> str:
        """With what the service would send, in one message: it takes no system turn from outside."""
        whole = "\n\n".join(turn.content for turn in prompt.messages)
        return without_markers(self._writer.ask(whole, max_tokens=SAID_AGAIN)).strip()

    def _named(self, preference: Preference) -> list[Hit]:
        found = self._retriever.search(preference.question, top_k=LOOKED_AT)
        return [hit for hit in found if hit.chunk_id in preference.better_ids]

    async def _prompt(self, question: str, hits: Sequence[Hit] | None) -> Prompt:
        """As it is served."""
        return await build_prompt(
            question,
            hits=hits,
            history=(),
            window=self._recipe.window,
            max_tokens=self._recipe.max_tokens,
            counter=self._counter,
        )


def _failed(triple: Triple, gold: Hit, said: str, prompt: Prompt) -> list[Made]:
    """The right answer above the wrong one; none unless the quote itself says which is right."""
    if not said or not contains(triple.quote, [triple.answer]):
        return []
    better, worse = (f"{answer} [1]" for answer in (triple.answer, said))
    return [Made(kind="pair", row=pair_row(prompt, better, worse, gold.document_id))]


def _tells(hit: Hit, passage: Hit, triple: Triple) -> bool:
    """Neighbours may be shown with the passage, or it with them."""
    return hit.document_id == passage.document_id and triples.holds(hit.text, triple.quote)


def _answers(hit: Hit, triple: Triple) -> bool:
    return triples.holds(hit.text, triple.quote) or contains(hit.text, [triple.answer])
