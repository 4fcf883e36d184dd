"""The whole ask story: retrieve, weigh the evidence, prompt, generate, cite."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

from app.adapters import AdapterRegistry
from app.citations import Citation, Cited, MarkerRewriter, cite
from app.extractive import best_quote
from app.generator import Delta, GenerationRequest, Generator, Message, ModelCard, TokenCounter
from app.language import ABSTAINED, Reason, detect
from app.prompt import Prompt, build_prompt
from app.repetition import LoopGuard
from indexes.collections import Collections
from indexes.embedder import Embedder
from indexes.errors import AdapterNotReady, InvalidRequest
from indexes.records import Adapter, Collection, Filters, Hit
from indexes.retrieval import Retrieval

EXTRACTIVE = "extractive"  # named as the model where the answer is a quotation


@dataclass(frozen=True, kw_only=True)
class Question:
    request_id: str
    tenant: str
    text: str
    collection: str = "default"
    adapter: str | None = None  # None: the collection's own; "base": none
    top_k: int = 5
    filters: Filters = field(default_factory=dict)
    history: tuple[Message, ...] = ()
    mode: Literal["rag", "model"] = "rag"
    max_tokens: int = 256
    temperature: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Milliseconds; ``first_token`` counts from the question's arrival."""

    retrieve: float = 0.0
    first_token: float = 0.0
    generate: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SourcesFound:
    sources: tuple[Hit, ...]  # best first


@dataclass(frozen=True, kw_only=True)
class Token:
    text: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    request_id: str
    answer: str
    sources: tuple[Hit, ...]
    citations: tuple[Citation, ...]
    groundedness: float | None  # None where no sources were asked for
    abstained: bool
    reason: Reason | None
    collection: str
    adapter: Adapter | None
    model: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    timings: Timings


Event = SourcesFound | Token | Answer


class Answerer:
    def __init__(
        self,
        *,
        collections: Collections,
        retrieval: Retrieval,
        embedder: Embedder,
        adapters: AdapterRegistry,
        generator: Generator,
        counter: TokenCounter,
        card: ModelCard,
        min_score: float,
        min_groundedness: float,
    ) -> None:
        self._collections = collections
        self._retrieval = retrieval
        self._embedder = embedder
        self._adapters = adapters
        self._generator = generator
        self._counter = counter
        self._card = card
        self._min_score = min_score
        self._min_groundedness = min_groundedness

    async def ask(self, question: Question) -> AsyncGenerator[Event, None]:
        """The sources, the tokens as they come, then the whole answer; closing the iterator stops it all.

        Raises CollectionNotFound, EmbedderMismatch, AdapterNotFound, AdapterNotReady, InvalidRequest,
        WindowExceeded, IndexUnavailable, EngineUnavailable.
        """
        clock = _Clock()
        if not question.text.strip():
            raise InvalidRequest("the question is empty", param="question")
        rag = question.mode == "rag"
        find = self._collections.usable if rag else self._collections.get
        collection = await asyncio.to_thread(find, question.tenant, question.collection)
        adapter = await self._adapters.chosen(question.tenant, question.adapter, collection)

        hits = await self._retrieve(question, collection) if rag else ()
        clock.retrieved()
        draft = Answer(
            request_id=question.request_id,
            answer="",
            sources=tuple(hits),
            citations=(),
            groundedness=None,
            abstained=False,
            reason=None,
            collection=collection.name,
            adapter=adapter,
            model=self._card.id,
            prompt_tokens=0,
            completion_tokens=0,
            finish_reason="stop",
            timings=Timings(),
        )
        if rag:
            yield SourcesFound(sources=tuple(hits))
            reason = self._weak(hits, question.filters)
            if reason is not None:
                yield _abstained(draft, question, reason, clock)
                return
            if adapter is None and not self._writes(question.text):
                yield await self._quoted(draft, question, clock)
                return

        prompt = await build_prompt(
            question.text,
            hits=hits if rag else None,
            history=question.history,
            window=self._card.window,
            max_tokens=question.max_tokens,
            counter=self._counter,
        )
        numbers = _public_numbers(prompt, hits)
        rewriter, guard = MarkerRewriter(numbers), LoopGuard()
        text, last = "", Delta(text="", prompt_tokens=0, completion_tokens=0, finish_reason="stop")
        async with aclosing(self._generate(question, prompt, adapter)) as deltas:
            async for last in deltas:
                clock.token()
                shown = rewriter.feed(last.text) if rag else last.text
                if shown:
                    text += shown
                    yield Token(text=shown)
                if rag and (repeat := guard.first_repeat(text)) is not None:
                    text = text[:repeat]
                    break
            else:
                if rest := rewriter.flush():
                    text += rest
                    yield Token(text=rest)

        draft = replace(
            draft,
            prompt_tokens=last.prompt_tokens,
            completion_tokens=last.completion_tokens,
            finish_reason=last.finish_reason or "stop",
        )
        if not rag:
            yield replace(draft, answer=text.strip(), timings=clock.timings())
            return
        used = hits[: len(prompt.sources)]
        cited = await asyncio.to_thread(cite, text, question.text, used)
        if adapter is None and cited.groundedness < self._min_groundedness:
            yield await self._quoted(draft, question, clock)
            return
        yield replace(
            draft,
            answer=cited.answer,
            citations=cited.citations,
            groundedness=cited.groundedness,
            timings=clock.timings(),
        )

    async def _retrieve(self, question: Question, collection: Collection) -> Sequence[Hit]:
        return await asyncio.to_thread(
            self._retrieval.search,
            collection,
            question.text,
            top_k=question.top_k,
            filters=question.filters,
        )

    def _weak(self, hits: Sequence[Hit], filters: Filters) -> Reason | None:
        if not hits:
            return "weak_evidence" if filters else "no_documents"
        return "weak_evidence" if hits[0].score < self._min_score else None

    def _writes(self, question: str) -> bool:
        return not self._card.languages or detect(question) in self._card.languages

    async def _quoted(self, draft: Answer, question: Question, clock: "_Clock") -> Answer:
        """An answer in the best source's own words: never what no source supports."""
        found: Cited | None = await asyncio.to_thread(
            best_quote, question.text, draft.sources, self._embedder, min_score=self._min_score
        )
        clock.token()
        if found is None:
            return _abstained(draft, question, "unsupported_answer", clock)
        return replace(
            draft,
            answer=found.answer,
            citations=found.citations,
            groundedness=found.groundedness,
            model=EXTRACTIVE,
            finish_reason="stop",
            timings=clock.timings(),
        )

    async def _generate(
        self, question: Question, prompt: Prompt, adapter: Adapter | None
    ) -> AsyncGenerator[Delta, None]:
        request = GenerationRequest(
            request_id=question.request_id,
            messages=prompt.messages,
            adapter=self._adapters.loaded(adapter) if adapter else None,
            max_tokens=question.max_tokens,
            temperature=question.temperature,
        )
        async with aclosing(self._generator.generate(request)) as deltas:
            try:
                async for delta in deltas:
                    yield delta
            except AdapterNotReady:
                if adapter is not None:
                    self._adapters.dropped(adapter)
                raise


def _abstained(draft: Answer, question: Question, reason: Reason, clock: "_Clock") -> Answer:
    return replace(
        draft,
        answer=ABSTAINED[reason][detect(question.text)],
        abstained=True,
        reason=reason,
        groundedness=0.0,
        timings=clock.timings(),
    )


def _public_numbers(prompt: Prompt, hits: Sequence[Hit]) -> dict[int, int]:
    """A source's number in the prompt (canonical order) -> its place in the reply (best first)."""
    place = {hit.chunk_id: number for number, hit in enumerate(hits, 1)}
    return {number: place[hit.chunk_id] for number, hit in enumerate(prompt.sources, 1)}


class _Clock:
    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._retrieved = self._first = 0.0

    def _since(self) -> float:
        return round((time.perf_counter() - self._started) * 1000, 2)

    def retrieved(self) -> None:
        self._retrieved = self._since()

    def token(self) -> None:
        self._first = self._first or self._since()

    def timings(self) -> Timings:
        total = self._since()
        return Timings(
            retrieve=self._retrieved,
            first_token=self._first,
            generate=round(total - self._retrieved, 2),
            total=total,
        )
