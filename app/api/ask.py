"""POST /ask, whole and streamed, and POST /search."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from app.api import errors, views
from app.api.deps import RequestIdDep, ServiceDep, Strict, TenantDep, unless_gone
from app.asking import MAX_TOKENS, TOP_K, Answer, Event, Question, SourcesFound, Token
from app.compose import Service
from app.generator import Message
from app.json_schema import require_plain
from indexes.errors import InvalidRequest, SimurghError
from indexes.records import Filters

router = APIRouter(tags=["ask"])
SSE_PING = 15  # seconds


def _some_text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _plain(name: str) -> str:
    if '"' in name or not name.isprintable():
        raise ValueError("must be a plain field name")
    return name


QuestionText = Annotated[str, AfterValidator(_some_text)]
FilterName = Annotated[str, AfterValidator(_plain)]
FilterValues = Annotated[list[str], Field(min_length=1, max_length=100)]  # none would match everything


class Turn(Strict):
    role: Literal["user", "assistant"]
    content: str


class SearchBody(Strict):
    question: QuestionText
    collection: str = "default"
    top_k: int = Field(TOP_K, ge=1)
    filters: dict[FilterName, FilterValues | str] = Field({}, max_length=20)


class AskBody(SearchBody):
    adapter: str | None = None
    history: list[Turn] = []
    mode: Literal["rag", "model"] = "rag"
    stream: bool = False
    max_tokens: int = Field(MAX_TOKENS, ge=1)
    temperature: float = Field(0, ge=0, le=2)
    answer_schema: dict[str, Any] | None = Field(None, alias="schema")
    verbatim: bool = False


@router.post("/ask")
async def ask(
    body: AskBody, request: Request, service: ServiceDep, tenant: TenantDep, request_id: RequestIdDep
) -> Response:
    """Retrieve, generate with the chosen adapter, cite."""
    check_limits(service, question=body.question, top_k=body.top_k, max_tokens=body.max_tokens)
    question = Question(
        request_id=request_id,
        tenant=tenant,
        text=body.question,
        collection=body.collection,
        adapter=body.adapter,
        top_k=body.top_k,
        filters=listed(body.filters),
        history=tuple(Message(role=turn.role, content=turn.content) for turn in body.history),
        mode=body.mode,
        max_tokens=body.max_tokens,
        temperature=body.temperature,
        schema=body.answer_schema,
        verbatim=body.verbatim,
    )
    if question.schema is not None:
        if question.mode != "model":
            raise InvalidRequest('a schema goes with "mode": "model"', param="schema")
        require_plain(question.schema)
    events = measured(service, question)
    if not body.stream:
        return JSONResponse(views.answer(await unless_gone(request, whole(events))))
    first = await unless_gone(request, started(events))
    return EventSourceResponse(_server_sent(first, events, request_id), ping=SSE_PING)


@router.post("/search")
async def search(body: SearchBody, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """The retrieval of /ask without generation."""
    check_limits(service, question=body.question, top_k=body.top_k)
    begun = time.perf_counter()
    collection = await asyncio.to_thread(service.collections.usable, tenant, body.collection)
    hits = await asyncio.to_thread(
        service.retrieval.search, collection, body.question, top_k=body.top_k, filters=listed(body.filters)
    )
    took = round((time.perf_counter() - begun) * 1000, 2)
    return {"sources": [views.source(hit) for hit in hits], "timings_ms": {"retrieve": took, "total": took}}


def check_limits(service: Service, *, question: str, top_k: int, max_tokens: int = 1) -> None:
    """Raises InvalidRequest for what is beyond the configured limits."""
    settings = service.settings
    if len(question) > settings.max_question_chars:
        raise InvalidRequest(
            f"the question has {len(question):,} characters, the limit is {settings.max_question_chars:,}",
            param="question",
            code="question_too_long",
        )
    if top_k > settings.max_top_k:
        raise InvalidRequest(f"top_k must be from 1 to {settings.max_top_k}", param="top_k")
    if max_tokens > service.parts.card.window:
        raise InvalidRequest(
            f"max_tokens must be less than the model's window of {service.parts.card.window}",
            param="max_tokens",
        )


def listed(filters: dict[str, list[str] | str]) -> Filters:
    return {name: [value] if isinstance(value, str) else value for name, value in filters.items()}


async def measured(service: Service, question: Question) -> AsyncGenerator[Event, None]:
    """The answer's events, counted in the metrics as they pass."""
    async with aclosing(service.answerer.ask(question)) as events:
        async for event in events:
            if isinstance(event, Answer):
                service.metrics.record(event)
            yield event


async def whole(events: AsyncGenerator[Event, None]) -> Answer:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answer):
                return event
    raise RuntimeError("the ask story ended without an answer")


async def started(events: AsyncGenerator[Event, None]) -> Event:
    """The first event: what goes wrong before it still gets a status of its own."""
    try:
        return await anext(events)
    except BaseException:
        await events.aclose()
        raise


async def _server_sent(
    first: Event, events: AsyncGenerator[Event, None], request_id: str
) -> AsyncGenerator[ServerSentEvent, None]:
    async with aclosing(events):
        yield _server_sent_event(first)
        try:
            async for event in events:
                yield _server_sent_event(event)
        except SimurghError as error:
            yield _sse("error", errors.body(error, request_id))
        except Exception as error:  # noqa: BLE001  logged with its trace; the stream must end in the contract's form
            yield _sse("error", errors.unexpected_body(error, request_id))


def _server_sent_event(event: Event) -> ServerSentEvent:
    match event:
        case SourcesFound(sources=sources):
            return _sse("sources", [views.source(hit) for hit in sources])
        case Token(text=text):
            return _sse("token", {"text": text})
        case Answer():
            return _sse("answer", views.answer(event))


def _sse(name: str, data: Any) -> ServerSentEvent:
    return ServerSentEvent(event=name, data=json.dumps(data, ensure_ascii=False))
