"""A small OpenAI-compatible server on loopback, answering with a FakeGenerator."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.engine.fake import FakeGenerator
from app.generator import GenerationRequest, LoadedAdapter, Message
from indexes.errors import EngineUnavailable, SimurghError, WindowExceeded

MODEL = "fake-model"


class OpenAIServer:
    """``with OpenAIServer() as server: server.url``; ``server.fake`` tells what was asked of it."""

    def __init__(self, fake: FakeGenerator | None = None) -> None:
        self.fake = fake or FakeGenerator()
        self.authorizations: list[str | None] = []
        self.url = ""
        routes = [
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/load_lora_adapter", self._load, methods=["POST"]),
            Route("/tokenize", self._tokenize, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), port=0, log_level="error", lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.run(self._server.serve())

    def __enter__(self) -> "OpenAIServer":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    async def _models(self, request: Request) -> Response:
        self.authorizations.append(request.headers.get("authorization"))
        cards = [{"id": MODEL, "max_model_len": 4096}]
        cards += [{"id": name, "parent": MODEL} for name in self.fake.adapters]
        return JSONResponse({"object": "list", "data": cards})

    async def _tokenize(self, request: Request) -> Response:
        counts = await self.fake.count([(await request.json())["prompt"]])
        return JSONResponse({"count": counts[0], "max_model_len": 4096})

    async def _load(self, request: Request) -> Response:
        body = await request.json()
        name = body["lora_name"]
        if name in self.fake.adapters:
            return _error(400, f"The lora adapter '{name}' has already been loaded.")
        try:
            await self.fake.load_adapter(LoadedAdapter(name=name, number=1, folder=Path(body["lora_path"])))
        except EngineUnavailable as error:
            return _error(503, error.message)
        except SimurghError as error:
            return _error(400, error.message)
        return Response("Success: LoRA adapter added successfully.")

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        adapter = self.fake.adapters.get(body["model"])
        if body["model"] != MODEL and adapter is None:
            return _error(404, f"The model `{body['model']}` does not exist.")
        asked = GenerationRequest(
            request_id=str(len(self.fake.requests)),
            messages=tuple(Message(role=m["role"], content=m["content"]) for m in body["messages"]),
            adapter=adapter,
            max_tokens=body["max_tokens"],
            temperature=body["temperature"],
            stop=tuple(body["stop"]),
            schema=body.get("response_format", {}).get("json_schema", {}).get("schema"),
        )
        deltas = self.fake.generate(asked)
        try:
            first = await anext(deltas)
        except WindowExceeded as error:
            return _error(400, f"This model's maximum context length is 4096 tokens: {error.message}")
        except EngineUnavailable as error:
            return _error(503, error.message)

        async def events() -> AsyncIterator[str]:
            delta = first
            async with aclosing(deltas):
                while True:
                    yield _event(
                        delta.text, delta.finish_reason, delta.prompt_tokens, delta.completion_tokens
                    )
                    if delta.finish_reason:
                        yield "data: [DONE]\n\n"
                        return
                    delta = await anext(deltas)

        return StreamingResponse(events(), media_type="text/event-stream")


def _event(text: str, reason: str | None, prompt: int, written: int) -> str:
    chunk: dict[str, Any] = {
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": written},
    }
    return f"data: {json.dumps(chunk)}\n\n"


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "code": status}}, status_code=status)
