"""The generator over OpenAI-compatible vLLM servers by URL: any number of replicas of one model."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Literal

import httpx

from app.engine.replicas import Lost, Replica, Replicas, error_of, message_of
from app.generator import Delta, GenerationRequest, LoadedAdapter, ModelCard
from indexes.errors import AdapterNotReady, EngineUnavailable, InvalidAdapter, InvalidRequest, UpstreamFailed

FINISH: dict[str, Literal["stop", "length", "abort"]] = {"length": "length", "abort": "abort"}


class RemoteEngines:
    """Implements Generator and TokenCounter. Call ``aclose()`` at the end.

    A request goes to the replica with the fewest running; until its first piece of text has come,
    another replica may take over. Adapters are loaded on every replica, again on one that lost them;
    the servers need ``--enable-lora`` and ``VLLM_ALLOW_RUNTIME_LORA_UPDATING=1``, and must see the
    adapter folders under the same path.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        api_key: str | None = None,
        model: str | None = None,  # default: the first that the servers offer
        languages: tuple[str, ...] = (),
        max_lora_rank: int = 16,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._replicas = Replicas(urls, api_key=api_key, transport=transport)
        self._model = model
        self._languages = languages
        self._max_lora_rank = max_lora_rank
        self._adapters: dict[str, LoadedAdapter] = {}

    async def aclose(self) -> None:
        await self._replicas.aclose()

    async def card(self) -> ModelCard:
        """From /v1/models; raises EngineUnavailable when no replica answers."""
        body = (await self._any("GET", "/v1/models")).json()
        models: list[dict[str, Any]] = [m for m in body.get("data", []) if not m.get("parent")]
        found = next((m for m in models if self._model in (None, m["id"])), None)
        if found is None:
            raise UpstreamFailed(
                f"the generator servers do not offer {self._model or 'any model'}; "
                f"they offer: {', '.join(m['id'] for m in models) or 'nothing'}"
            )
        self._model = str(found["id"])
        return ModelCard(
            id=self._model,
            window=int(found.get("max_model_len") or 4096),
            languages=self._languages,
            max_lora_rank=self._max_lora_rank,
        )

    async def load_adapter(self, adapter: LoadedAdapter) -> None:
        """On every healthy replica at once; the others get it before their next request that names it."""
        results = await asyncio.gather(
            *(self._load(replica, adapter) for replica in self._replicas.all), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, EngineUnavailable):
                raise result
        if all(isinstance(result, EngineUnavailable) for result in results):
            raise self._replicas.unavailable()
        self._adapters[adapter.name] = adapter

    async def _load(self, replica: Replica, adapter: LoadedAdapter) -> None:
        if adapter.name in replica.adapters:
            return
        body = {"lora_name": adapter.name, "lora_path": str(adapter.folder.absolute())}
        try:
            response = await replica.client.post("/v1/load_lora_adapter", json=body)
        except httpx.TransportError as error:
            raise self._replicas.lost(replica, error) from error
        text = message_of(response)
        if response.status_code == 404 and "adapter" not in text.lower():
            raise UpstreamFailed(
                f"{replica.url} cannot load adapters at run time: start it with --enable-lora and "
                "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"
            )
        if response.status_code in (400, 404, 422) and "already" not in text:
            raise InvalidAdapter(f"{replica.url} refuses the adapter: {text}", param="adapter")
        if response.status_code not in (200, 400):
            raise self._replicas.translate(replica, response)
        replica.adapters.add(adapter.name)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Delta, None]:
        if request.adapter is not None and request.adapter.name not in self._adapters:
            raise AdapterNotReady(f"the adapter {request.adapter.name} is not loaded", param="adapter")
        if self._model is None:
            await self.card()
        tried: set[str] = set()
        while True:
            replica = self._replicas.pick(tried)
            tried.add(replica.url)
            begun = False
            replica.running += 1
            try:
                async with aclosing(self._stream(replica, request)) as deltas:
                    async for delta in deltas:
                        begun = True
                        yield delta
                return
            except Lost as error:
                if begun or len(tried) == len(self._replicas.all):
                    raise error.seen from error
            finally:
                replica.running -= 1

    async def _stream(self, replica: Replica, request: GenerationRequest) -> AsyncGenerator[Delta, None]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stop": list(request.stop),
            "stream": True,
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        }
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": request.schema, "strict": True},
            }
        try:
            if request.adapter is not None:
                await self._load(replica, request.adapter)
                body["model"] = request.adapter.name
            async with replica.client.stream("POST", "/v1/chat/completions", json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                    raise self._refused(replica, response, request)
                async with aclosing(self._deltas(replica, response)) as deltas:
                    async for delta in deltas:
                        yield delta
        except httpx.TransportError as error:
            raise Lost(self._replicas.lost(replica, error)) from error
        except EngineUnavailable as error:
            raise Lost(error) from error

    def _refused(self, replica: Replica, response: httpx.Response, request: GenerationRequest) -> Exception:
        if response.status_code == 404 and request.adapter is not None:
            # It was restarted since and knows no adapters; the next attempt loads them again.
            replica.adapters.clear()
            return EngineUnavailable(f"{replica.url} lost its adapters", retry_after=1)
        error = self._replicas.translate(replica, response)
        if request.schema is not None and response.status_code == 400 and isinstance(error, UpstreamFailed):
            return InvalidRequest(error.message, param="schema", code="invalid_schema")
        return error

    async def _deltas(self, replica: Replica, response: httpx.Response) -> AsyncGenerator[Delta, None]:
        prompt = written = 0
        reason: Literal["stop", "length", "abort"] | None = None
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data == "[DONE]":
                break
            chunk = json.loads(data)
            if "error" in chunk:
                raise error_of(replica, chunk["error"])
            usage = chunk.get("usage") or {}
            prompt = usage.get("prompt_tokens", prompt)
            choice: dict[str, Any] = next(iter(chunk.get("choices") or ()), {})
            text = (choice.get("delta") or {}).get("content") or ""
            # A server that counts only at the end sends about one token a chunk.
            written = usage.get("completion_tokens", written + bool(text))
            if choice.get("finish_reason"):
                reason = FINISH.get(choice["finish_reason"], "stop")
            if text:
                yield Delta(text=text, prompt_tokens=prompt, completion_tokens=written)
        if reason is None:
            raise EngineUnavailable(f"{replica.url} ended its answer too early", retry_after=5)
        yield Delta(text="", prompt_tokens=prompt, completion_tokens=written, finish_reason=reason)

    async def count(self, texts: list[str]) -> list[int]:
        """By the servers' /tokenize; where there is none, an upper estimate: three bytes a token."""
        if self._model is None:
            await self.card()
        return list(await asyncio.gather(*(self._count(text) for text in texts)))

    async def _count(self, text: str) -> int:
        body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        try:
            return int((await self._any("POST", "/tokenize", body)).json()["count"])
        except (UpstreamFailed, KeyError, ValueError):
            return math.ceil(len(text.encode()) / 3)

    async def _any(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        tried: set[str] = set()
        while True:
            replica = self._replicas.pick(tried)
            tried.add(replica.url)
            try:
                response = await replica.client.request(method, path, json=body)
                if response.status_code == 200:
                    return response
                raise self._replicas.translate(replica, response)
            except (httpx.TransportError, EngineUnavailable) as error:
                if len(tried) == len(self._replicas.all):
                    if isinstance(error, EngineUnavailable):
                        raise
                    raise self._replicas.lost(replica, error) from error
                if isinstance(error, httpx.TransportError):
                    self._replicas.lost(replica, error)
