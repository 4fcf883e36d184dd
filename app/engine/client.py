"""The generator over the engine's own process."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx

from app.engine.process import EngineProcess
from app.generator import Delta, GenerationRequest, LoadedAdapter
from indexes.errors import (
    AdapterNotReady,
    EngineUnavailable,
    InvalidAdapter,
    InvalidRequest,
    UpstreamFailed,
    WindowExceeded,
)


class LocalEngine:
    """Implements Generator and Scorer. Takes over the process's ``on_ready`` to bring back its adapters.

    ``rejected`` holds the adapters that a restarted engine would not load, with the reason: they do not
    keep it from answering.
    """

    def __init__(self, process: EngineProcess) -> None:
        self.process = process
        self.rejected: dict[str, str] = {}
        self._adapters: dict[str, LoadedAdapter] = {}
        process.on_ready = self._restore

    async def load_adapter(self, adapter: LoadedAdapter) -> None:
        self._check_ready()
        await self._send(adapter)
        self._adapters[adapter.name] = adapter
        self.rejected.pop(adapter.name, None)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Delta, None]:
        self._check_ready()
        body = {
            "request_id": request.request_id,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "adapter": request.adapter.name if request.adapter else None,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stop": list(request.stop),
            "schema": request.schema,
        }
        finished = False
        try:
            async with self.process.client.stream("POST", "/generate", json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise refusal(response)
                async for line in response.aiter_lines():
                    delta = Delta(**json.loads(line))
                    finished = delta.finish_reason is not None
                    yield delta
        except (httpx.TransportError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
            raise self._lost() from error
        if not finished:
            raise self._lost()

    async def logprobs(self, ids: Sequence[int], adapter: LoadedAdapter | None) -> list[float]:
        body = {"ids": list(ids), "adapter": adapter.name if adapter else None}
        return [float(one) for one in (await self._post("/logprobs", body))["logprobs"]]

    async def _restore(self) -> None:
        for adapter in list(self._adapters.values()):
            try:
                await self._send(adapter)
            except InvalidAdapter as error:
                self.rejected[adapter.name] = error.message
                del self._adapters[adapter.name]

    async def _send(self, adapter: LoadedAdapter) -> None:
        body = {"name": adapter.name, "number": adapter.number, "folder": str(adapter.folder.absolute())}
        await self._post("/adapters", body)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        try:
            response = await self.process.client.post(path, json=body)
        except (httpx.TransportError, RuntimeError) as error:
            raise self._lost() from error
        if response.status_code != 200:
            raise refusal(response)
        return response.json()

    def _check_ready(self) -> None:
        if self.process.state != "ready":
            raise self.process.unavailable()

    def _lost(self) -> EngineUnavailable:
        if self.process.state != "ready":
            return self.process.unavailable()
        expected = round(self.process.load_seconds or 30)
        return EngineUnavailable("the engine died; it is being restarted", retry_after=max(1, expected))


def refusal(response: httpx.Response) -> Exception:
    """The domain's error for an answer other than 200."""
    try:
        body: dict[str, Any] = response.json()
        code, message = str(body["code"]), str(body["message"])
    except (ValueError, KeyError, TypeError):
        return UpstreamFailed(f"the engine answered with status {response.status_code}")
    match code:
        case "adapter_not_ready":
            return AdapterNotReady(message, param="adapter")
        case "invalid_adapter":
            return InvalidAdapter(message, param="adapter")
        case "question_too_long":
            return WindowExceeded(message)
        case "invalid_schema":
            return InvalidRequest(message, param="schema", code=code)
        case _:
            return UpstreamFailed(message)
