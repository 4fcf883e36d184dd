"""OpenAI's dialect: models, chat completions with retrieval, embeddings."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from app.answer import EXTRACTIVE
from app.api import errors
from app.api.ask import check_limits, measured, started, whole
from app.api.deps import RequestIdDep, ServiceDep, Strict, TenantDep, unless_gone
from app.asking import MAX_TOKENS, Answer, Event, Question, Token
from app.citations import Citation
from app.compose import Service
from app.generator import Message
from app.markdown import Defuser, defused
from app.source_page import link, public
from indexes.errors import InvalidRequest, NotFound, SimurghError

router = APIRouter(prefix="/v1", tags=["openai"])
MODEL = "simurgh"
OWNER = "simurgh"
TOP_K = 5
MAX_INPUTS = 256


class TextPart(Strict):
    type: Literal["text"]
    text: str


class ChatMessage(Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None
    annotations: list[Any] | None = None  # what we sent comes back in histories
    refusal: str | None = None

    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content)


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: bool = False


class ChatBody(Strict):
    """Fields that change nothing here are named so that they pass: clients send them unasked."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    seed: int | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class EmbeddingsBody(Strict):
    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None


@router.get("/models")
def models(service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Each collection, alone and with each adapter that is ready."""
    service.collections.get(tenant, "default")
    collections = service.collections.page(tenant, limit=1000, after=None).data
    adapters = [one.name for one in service.adapters.list(tenant) if one.status == "ready"]
    bases = [MODEL, *(f"{MODEL}/{one.name}" for one in collections if one.name != "default")]
    names = [name for base in bases for name in (base, *(f"{base}:{adapter}" for adapter in adapters))]
    created = int(min(one.created_at for one in collections))
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": created, "owned_by": OWNER} for name in names],
    }


@router.get("/models/{name:path}")
def model(name: str, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    for one in models(service, tenant)["data"]:
        if one["id"] == name:
            return dict(one)
    raise _no_model(name)


@router.post("/chat/completions")
async def chat(
    body: ChatBody, request: Request, service: ServiceDep, tenant: TenantDep, request_id: RequestIdDep
) -> Response:
    question = _question(body, tenant, request_id)
    check_limits(service, question=question.text, top_k=TOP_K, max_tokens=question.max_tokens)
    events = measured(service, question)
    dialect = _Dialect(service, request, body.model, request_id)
    if not body.stream:
        answer = await unless_gone(request, whole(events))
        return JSONResponse(dialect.completion(answer))
    first = await unless_gone(request, started(events))
    usage = body.stream_options is not None and body.stream_options.include_usage
    return EventSourceResponse(dialect.stream(first, events, usage=usage), sep="\n")


@router.post("/embeddings")
async def embeddings(body: EmbeddingsBody, service: ServiceDep, _tenant: TenantDep) -> dict[str, Any]:
    """Vectors of the service's own embedder, as it embeds passages."""
    texts = [body.input] if isinstance(body.input, str) else body.input
    if not texts or len(texts) > MAX_INPUTS or not all(texts):
        raise InvalidRequest(f"input must be 1 to {MAX_INPUTS} texts, none of them empty", param="input")
    vectors = await asyncio.to_thread(service.embedders.own.embed_passages, texts)
    counts = await service.parts.counter.count(texts)
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
            if body.encoding_format == "base64"
            else vector.tolist(),
        }
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
    return {"object": "list", "data": data, "model": service.embedders.own.identity.id, "usage": usage}


def _question(body: ChatBody, tenant: str, request_id: str) -> Question:
    """``simurgh[/<collection>][:<adapter>]``; the last user message is the question. Raises NotFound."""
    base, _, adapter = body.model.partition(":")
    name, _, collection = base.partition("/")
    if name != MODEL:
        raise _no_model(body.model)
    if body.messages[-1].role != "user":
        raise InvalidRequest("the last message must be the user's", param="messages")
    history = [turn for turn in body.messages[:-1] if turn.role in ("user", "assistant")]
    return Question(
        request_id=request_id,
        tenant=tenant,
        text=body.messages[-1].text(),
        collection=collection or "default",
        adapter=adapter or None,
        top_k=TOP_K,
        history=tuple(
            Message(role="user" if turn.role == "user" else "assistant", content=turn.text())
            for turn in history
        ),
        max_tokens=body.max_completion_tokens or body.max_tokens or MAX_TOKENS,
        temperature=body.temperature or 0.0,
    )


class _Dialect:
    """One reply in OpenAI's form."""

    def __init__(self, service: Service, request: Request, model: str, request_id: str) -> None:
        self._service = service
        self._base = str(request.base_url)
        self._request_id = request_id
        self._head = {
            "id": f"chatcmpl-{request_id}",
            "created": int(time.time()),
            "model": model,
        }

    def completion(self, answer: Answer) -> dict[str, Any]:
        content = defused(answer.answer)
        message = {
            "role": "assistant",
            "content": content,
            "refusal": None,
            "annotations": self._annotations(answer, content),
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}

    async def stream(
        self, first: Event, events: AsyncGenerator[Event, None], *, usage: bool
    ) -> AsyncGenerator[ServerSentEvent, None]:
        """Role, text, one source event a cited source, the annotations with the finish reason, [DONE]."""
        yield self._chunk({"role": "assistant", "content": ""})
        written, streamed, answered_at = "", "", 0
        defuser = Defuser()  # clients render Markdown
        try:
            async with aclosing(_chained(first, events)) as every:
                async for event in every:
                    if isinstance(event, Token):
                        text = defuser.feed(event.text)
                        written += event.text
                        streamed += text
                        yield self._chunk({"content": text})
                    elif isinstance(event, Answer):
                        if event.answer != written and (event.model == EXTRACTIVE or event.abstained):
                            answered_at = len(streamed)  # what was written, if anything, did not hold
                            text = defuser.feed(f"\n\n{event.answer}" if written else event.answer)
                            streamed += text
                            yield self._chunk({"content": text})
                        for source in self._source_events(event):
                            yield self._chunk({}, event=source)
                        annotations = self._annotations(event, streamed, answered_at)
                        yield self._chunk({"annotations": annotations}, finish=_finish(event))
                        if usage:
                            yield self._data({**self._chunk_head(), "choices": [], "usage": _usage(event)})
        except SimurghError as error:
            yield self._data(errors.body(error, self._request_id))
        except Exception as error:  # noqa: BLE001  logged with its trace; the stream must end in OpenAI's form
            yield self._data(errors.unexpected_body(error, self._request_id))
        yield ServerSentEvent(data="[DONE]")

    def _chunk(
        self, delta: dict[str, Any], *, finish: str | None = None, event: dict[str, Any] | None = None
    ) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        more = {"event": event} if event else {}
        return self._data({**self._chunk_head(), "choices": [choice], **more})

    def _chunk_head(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk"}

    def _data(self, content: dict[str, Any]) -> ServerSentEvent:
        return ServerSentEvent(data=json.dumps(content, ensure_ascii=False))

    def _annotations(self, answer: Answer, shown: str, at: int = 0) -> list[dict[str, Any]]:
        """A url_citation for each citation, over its marker in what the client was ``shown`` from ``at`` on;
        at the end where a stream showed none."""
        annotations = []
        for citation in answer.citations:
            marker = f"[{citation.marker}]"
            start = shown.find(marker, at)
            if start < 0:
                start = end = len(shown)
            else:
                end = at = start + len(marker)
            annotations.append(
                {
                    "type": "url_citation",
                    "url_citation": {
                        "url": self._url(citation),
                        "title": citation.hit.title,
                        "start_index": start,
                        "end_index": end,
                    },
                }
            )
        return annotations

    def _source_events(self, answer: Answer) -> list[dict[str, Any]]:
        """Open WebUI's source events, one a cited source, in the order of their markers."""
        cited = {citation.marker: citation for citation in reversed(answer.citations)}
        return [
            {
                "type": "source",
                "data": {
                    "source": {
                        "id": citation.hit.document_id,
                        "name": citation.hit.title,
                        "url": self._url(citation),
                    },
                    "document": [citation.quote],
                    "metadata": [
                        {
                            "source": citation.hit.uri,
                            "name": citation.hit.title,
                            "page": citation.hit.page - 1 if citation.hit.page else None,  # it counts from 0
                            "source_url": self._url(citation),
                        }
                    ],
                    "distances": [round(citation.hit.score, 4)],
                },
            }
            for _, citation in sorted(cited.items())
        ]

    def _url(self, citation: Citation) -> str:
        """The page itself when it came from the web, else our own page of its text, the citation marked."""
        uri = citation.hit.uri
        return (
            uri if public(uri) else link(self._base, citation.hit.document_id, (citation.start, citation.end))
        )


async def _chained(first: Event, rest: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    async with aclosing(rest):
        yield first
        async for event in rest:
            yield event


def _finish(answer: Answer) -> str:
    return "length" if answer.finish_reason == "length" else "stop"


def _usage(answer: Answer) -> dict[str, int]:
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _no_model(name: str) -> NotFound:
    return NotFound(
        f"there is no model {name!r}: use simurgh, simurgh/<collection>, or either with :<adapter>",
        param="model",
        code="model_not_found",
    )
