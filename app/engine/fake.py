"""A generator without a model: deterministic, for tests of everything around it."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from app.generator import Delta, GenerationRequest, LoadedAdapter
from indexes.errors import AdapterNotReady, EngineUnavailable, InvalidAdapter, WindowExceeded

Script = Callable[[GenerationRequest], str]


class FakeGenerator:
    """Implements Generator and TokenCounter; a token is a word with the white space after it.

    Without a script it answers with the first sentence of the last message. An adapter's answer is
    preceded by ``<name>: ``. Where there is a schema, an answer that is no JSON becomes the
    text in the smallest one that follows it. Set ``down`` to have it unavailable; ``requests``,
    ``adapters`` and ``aborted`` tell what was asked of it.
    """

    def __init__(self, script: Script | None = None, *, window: int = 4096, delay: float = 0.0) -> None:
        self.down = False
        self.requests: list[GenerationRequest] = []
        self.adapters: dict[str, LoadedAdapter] = {}
        self.aborted: list[str] = []  # request ids
        self.running = 0
        self._script = script or first_sentence
        self._window = window
        self._delay = delay  # seconds before each token

    async def load_adapter(self, adapter: LoadedAdapter) -> None:
        if self.down:
            raise EngineUnavailable("the fake engine is down", retry_after=1)
        if not (adapter.folder / "adapter_config.json").is_file():
            raise InvalidAdapter(f"{adapter.folder} holds no adapter", param="adapter")
        self.adapters[adapter.name] = adapter

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Delta, None]:
        if self.down:
            raise EngineUnavailable("the fake engine is down", retry_after=1)
        if request.adapter is not None and request.adapter.name not in self.adapters:
            raise AdapterNotReady(f"the adapter {request.adapter.name} is not loaded", param="adapter")
        self.requests.append(request)
        prompt = sum(len(tokens(m.content)) for m in request.messages)
        if prompt >= self._window:
            raise WindowExceeded(f"the prompt has {prompt} tokens, the model's window is {self._window}")
        text, ended = self._answer(request)
        words = tokens(text)
        limit = min(request.max_tokens, self._window - prompt)
        finished = False
        self.running += 1
        try:
            for count, word in enumerate(words[:limit], 1):
                await asyncio.sleep(self._delay)
                if self.down:
                    finished = True
                    raise EngineUnavailable("the fake engine died", retry_after=1)
                yield Delta(text=word, prompt_tokens=prompt, completion_tokens=count)
            finished = True
            yield Delta(
                text="",
                prompt_tokens=prompt,
                completion_tokens=min(len(words), limit),
                finish_reason="stop" if ended or len(words) <= limit else "length",
            )
        finally:
            self.running -= 1
            if not finished:
                self.aborted.append(request.request_id)

    async def count(self, texts: list[str]) -> list[int]:
        return [len(tokens(text)) for text in texts]

    def _answer(self, request: GenerationRequest) -> tuple[str, bool]:
        """The text up to the first stop string, and whether one was met within the limit."""
        text = self._script(request)
        if request.adapter is not None:
            text = f"{request.adapter.name}: {text}"
        if request.schema is not None and not _is_json(text):
            text = json.dumps(_following(request.schema, text), ensure_ascii=False)
        cut = min((at for stop in request.stop if (at := text.find(stop)) >= 0), default=None)
        if cut is None:
            return text, False
        return text[:cut], len(tokens(text[:cut])) < request.max_tokens


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _following(schema: Mapping[str, Any], text: str) -> Any:
    """The smallest value that follows a schema of those that `app.json_schema` lets pass."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _following(schema["anyOf"][0], text)
    match schema["type"]:
        case "object":
            return {name: _following(part, text) for name, part in schema["properties"].items()}
        case "array":
            return [_following(schema["items"], text) for _ in range(schema.get("minItems", 0))]
        case "string":
            return text
        case "boolean":
            return False
        case "null":
            return None
    return 0


def first_sentence(request: GenerationRequest) -> str:
    text = request.messages[-1].content.strip()
    match = re.match(r".+?[.!?؟。！？]", text, re.DOTALL)
    return match.group() if match else text


def tokens(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*?(?=\s|$)|\s+", text)
