"""Requests of the engine's process: chat template, streaming, adapters. Runs beside vLLM only."""

import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any

from app.engine.config import EngineConfig


class Refused(Exception):
    """A request that must not reach the engine; ``status`` is the HTTP status of the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Serving:
    """An ``AsyncLLM`` with adapters that are checked before any request may name them.

    ``generate`` with an adapter that cannot be loaded kills vLLM's engine; ``add_lora`` with the
    same adapter only raises. So a request may name an adapter only after ``add_lora`` took it, and
    one that the engine may have dropped from its cache since is added again first.
    """

    def __init__(self, engine: Any, config: EngineConfig) -> None:
        self._engine = engine
        self._config = config
        self._tokenizer: Any = engine.get_tokenizer()
        self._adapters: dict[str, Any] = {}  # name -> LoRARequest
        # Certainly in the engine's cache: only half of what it holds, since its own order of use may differ.
        self._recent: OrderedDict[str, None] = OrderedDict()
        if not getattr(self._tokenizer, "chat_template", None):
            raise ValueError(f"the model {config.model} has no chat template")

    @property
    def running(self) -> int:
        return int(self._engine.get_num_unfinished_requests())

    async def add_adapter(self, name: str, number: int, folder: str) -> None:
        from vllm.lora.request import LoRARequest

        await self._add(LoRARequest(lora_name=name, lora_int_id=number, lora_path=folder))

    async def _add(self, adapter: Any) -> None:
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            await self._engine.add_lora(adapter)
        except EngineDeadError:
            raise
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise Refused(422, "invalid_adapter", f"the engine cannot load it: {reason}") from error
        name = adapter.lora_name
        self._adapters[name] = adapter
        self._touch(name)

    def _touch(self, name: str) -> None:
        self._recent[name] = None
        self._recent.move_to_end(name)
        while len(self._recent) > self._config.adapters_in_memory // 2:
            self._recent.popitem(last=False)

    async def generate(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Deltas with running totals. Everything that can be refused is refused before the first one."""
        from vllm import SamplingParams, TokensPrompt
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        adapter = await self._adapter(body.get("adapter"))
        tokens: list[int] = self._tokenizer.apply_chat_template(
            body["messages"], add_generation_prompt=True, tokenize=True, return_dict=False
        )
        room = self._config.max_model_len - len(tokens)
        if room < 1:
            raise Refused(
                413,
                "question_too_long",
                f"the prompt has {len(tokens)} tokens, the model's window is {self._config.max_model_len}",
            )
        schema = body.get("schema")
        sampling = SamplingParams(
            max_tokens=min(int(body["max_tokens"]), room),
            temperature=float(body["temperature"]),
            stop=list(body.get("stop") or ()),
            seed=self._config.seed,
            output_kind=RequestOutputKind.DELTA,
            structured_outputs=None if schema is None else StructuredOutputsParams(json=schema),
        )
        if schema is not None:
            _require_grammar(sampling)
        outputs = self._engine.generate(
            TokensPrompt(prompt_token_ids=tokens), sampling, str(body["request_id"]), lora_request=adapter
        )
        return self._deltas(outputs, len(tokens))

    async def _deltas(self, outputs: Any, prompt_tokens: int) -> AsyncIterator[dict[str, Any]]:
        written = 0
        try:
            async for output in outputs:
                part = output.outputs[0]
                written += len(part.token_ids)
                yield {
                    "text": part.text,
                    "prompt_tokens": prompt_tokens,
                    "completion_tokens": written,
                    "finish_reason": part.finish_reason if output.finished else None,
                }
        finally:
            await outputs.aclose()  # tells the engine to abort what is not finished

    async def logprobs(self, body: dict[str, Any]) -> list[float]:
        from vllm import SamplingParams, TokensPrompt

        ids = list(body["ids"])
        if not 2 <= len(ids) < self._config.max_model_len:
            raise Refused(422, "invalid_adapter", f"{len(ids)} tokens cannot be scored")
        sampling = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0)
        adapter = await self._adapter(body.get("adapter"))
        try:
            outputs = self._engine.generate(
                TokensPrompt(prompt_token_ids=ids), sampling, uuid.uuid4().hex, lora_request=adapter
            )
            async for output in outputs:
                scored = output.prompt_logprobs
        except ValueError as error:  # a token that the model does not know
            raise Refused(422, "invalid_adapter", str(error)) from error
        return [of[token].logprob for token, of in zip(ids[1:], scored[1:], strict=True)]

    async def _adapter(self, name: str | None) -> Any:
        if name is None:
            return None
        adapter = self._adapters.get(name)
        if adapter is None:
            raise Refused(409, "adapter_not_ready", f"the adapter {name} is not loaded")
        if name in self._recent:
            self._touch(name)
        else:
            await self._add(adapter)
        return adapter


def _require_grammar(sampling: Any) -> None:
    """Raises Refused for a schema of which no grammar can be made: vLLM would say so once it has begun."""
    from vllm.exceptions import VLLMClientError
    from vllm.v1.structured_output.backend_xgrammar import validate_xgrammar_grammar

    try:
        validate_xgrammar_grammar(sampling)
    except (VLLMClientError, ValueError) as error:
        raise Refused(422, "invalid_schema", f"the engine cannot follow this schema: {error}") from error
