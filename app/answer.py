"""The whole ask story: retrieve, weigh the evidence, prompt, generate, cite."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from app.adapters import AdapterRegistry
from app.asking import Answer, Clock, Event, Question, SourcesFound, Timings, Token
from app.citations import cite
from app.extractive import best_sentence, read_answer
from app.gate import Evidence, EvidenceGate
from app.generator import BASE, Delta, GenerationRequest, Generator, ModelCard, TokenCounter
from app.grounding import Judge
from app.language import ABSTAINED, Reason, detect
from app.markers import MarkerRewriter
from app.prompt import Prompt, build_prompt
from app.repetition import LoopGuard
from app.rewrite import standalone
from indexes.collections import Collections
from indexes.embedder import Embedder
from indexes.errors import AdapterNotReady, InvalidRequest
from indexes.records import Adapter, Collection, Hit
from indexes.retrieval import Retrieval

EXTRACTIVE = "extractive"  # named as the model where the answer is the source's own words


class Answerer:
    def __init__(
        self,
        *,
        collections: Collections,
        retrieval: Retrieval,
        embedder: Embedder,
        gate: EvidenceGate,
        judge: Judge,
        adapters: AdapterRegistry,
        generator: Generator,
        counter: TokenCounter,
        card: ModelCard,
        quotes: bool,
        min_groundedness: float,
    ) -> None:
        """``quotes``: without an adapter, answers are the source's own words instead of the generator's."""
        self._collections = collections
        self._retrieval = retrieval
        self._embedder = embedder
        self._gate = gate
        self._judge = judge
        self._adapters = adapters
        self._generator = generator
        self._counter = counter
        self._card = card
        self._quotes = quotes
        self._min_groundedness = min_groundedness

    async def ask(self, question: Question) -> AsyncGenerator[Event, None]:
        """The sources, the tokens as they come, then the whole answer; closing the iterator stops it all.

        Raises CollectionNotFound, EmbedderMismatch, AdapterNotFound, AdapterNotReady, InvalidRequest,
        WindowExceeded, IndexUnavailable, EngineUnavailable.
        """
        clock = Clock()
        if not question.text.strip():
            raise InvalidRequest("the question is empty", param="question")
        rag = question.mode == "rag"
        find = self._collections.usable if rag else self._collections.get
        collection = await asyncio.to_thread(find, question.tenant, question.collection)
        adapter = await self._adapters.chosen(question.tenant, question.adapter, collection)
        # Its voice, or what was asked for as it comes: flagged where unsupported, never replaced.
        as_it_comes = adapter is not None or question.verbatim

        asked = standalone(question.text, question.history)
        hits = await self._retrieve(question, asked, collection) if rag else ()
        clock.retrieved()
        draft = _draft(question, collection, adapter, self._card, hits)
        evidence = None
        if rag:
            yield SourcesFound(sources=tuple(hits))
            if not hits:
                for event in _at_once(_abstained(draft, question, _nothing(question), clock)):
                    yield event
                return
            evidence = await asyncio.to_thread(self._gate.weigh, asked, hits)
            draft = replace(draft, confidence=evidence.confidence)
            if not evidence.enough:
                for event in _at_once(_abstained(draft, question, "weak_evidence", clock)):
                    yield event
                return
            if not as_it_comes and self._is_quoted(question):
                for event in _at_once(await self._quoted(draft, question, evidence, clock)):
                    yield event
                return

        prompt = await build_prompt(
            question.text,
            hits=hits if rag else None,
            history=question.history,
            window=self._card.window,
            max_tokens=question.max_tokens,
            counter=self._counter,
        )
        rewriter, guard = MarkerRewriter(_public_numbers(prompt, hits)), LoopGuard()
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
        if evidence is None:
            yield replace(draft, answer=text.strip(), timings=clock.timings())
            return
        used = hits[: len(prompt.sources)]
        cited = await asyncio.to_thread(cite, text, question.text, used, self._judge, drop=not as_it_comes)
        if not as_it_comes and cited.groundedness < self._min_groundedness:
            yield await self._quoted(draft, question, evidence, clock)
            return
        yield replace(
            draft,
            answer=cited.answer,
            citations=cited.citations,
            unsupported=cited.unsupported,
            groundedness=cited.groundedness,
            timings=clock.timings(),
        )

    async def _retrieve(self, question: Question, asked: str, collection: Collection) -> Sequence[Hit]:
        return await asyncio.to_thread(
            self._retrieval.search,
            collection,
            asked,
            top_k=question.top_k,
            filters=question.filters,
        )

    def _is_quoted(self, question: Question) -> bool:
        """Whether the source's own words are the better answer: the generator is weak, or does not write the
        question's language. Who asks for the base gets it, as far as it can write."""
        if self._card.languages and detect(question.text) not in self._card.languages:
            return True
        return self._quotes and question.adapter != BASE

    async def _quoted(self, draft: Answer, question: Question, evidence: Evidence, clock: Clock) -> Answer:
        """An answer in the best source's own words: never what no source supports."""
        found = read_answer(draft.sources, evidence)
        if found is None:
            found = await asyncio.to_thread(best_sentence, question.text, draft.sources, self._embedder)
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
            schema=question.schema,
        )
        async with aclosing(self._generator.generate(request)) as deltas:
            try:
                async for delta in deltas:
                    yield delta
            except AdapterNotReady:
                if adapter is not None:
                    self._adapters.dropped(adapter)
                raise


def _draft(
    question: Question, collection: Collection, adapter: Adapter | None, card: ModelCard, hits: Sequence[Hit]
) -> Answer:
    return Answer(
        request_id=question.request_id,
        answer="",
        sources=tuple(hits),
        citations=(),
        unsupported=(),
        groundedness=None,
        confidence=None,
        abstained=False,
        reason=None,
        collection=collection.name,
        adapter=adapter,
        model=card.id,
        prompt_tokens=0,
        completion_tokens=0,
        finish_reason="stop",
        timings=Timings(),
    )


def _abstained(draft: Answer, question: Question, reason: Reason, clock: Clock) -> Answer:
    return replace(
        draft,
        answer=ABSTAINED[reason][detect(question.text)],
        abstained=True,
        reason=reason,
        groundedness=0.0,
        timings=clock.timings(),
    )


def _at_once(answer: Answer) -> tuple[Token, Answer]:
    """For who reads the tokens alone: all of an answer that nobody has to wait for is one of them."""
    return Token(text=answer.answer), answer


def _public_numbers(prompt: Prompt, hits: Sequence[Hit]) -> dict[int, int]:
    """A source's number in the prompt (canonical order) -> its place in the reply (best first)."""
    place = {hit.chunk_id: number for number, hit in enumerate(hits, 1)}
    return {number: place[hit.chunk_id] for number, hit in enumerate(prompt.sources, 1)}


def _nothing(question: Question) -> Reason:
    """Why nothing was found: filters may leave nothing of a collection that holds documents."""
    return "weak_evidence" if question.filters else "no_documents"
