"""Token counts by the generator's own tokenizer, without importing transformers."""

import asyncio
from pathlib import Path
from typing import Any


class LocalTokenCounter:
    """Implements TokenCounter from a model folder's ``tokenizer.json``."""

    def __init__(self, model: Path) -> None:
        from tokenizers import Tokenizer

        file = model / "tokenizer.json"
        if not file.is_file():
            raise FileNotFoundError(f"{file} is absent: the model folder needs a fast tokenizer")
        self._tokenizer: Any = Tokenizer.from_file(str(file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    async def count(self, texts: list[str]) -> list[int]:
        if sum(map(len, texts)) < 20_000:  # a few milliseconds: not worth a thread
            return self.count_now(texts)
        return await asyncio.to_thread(self.count_now, texts)

    def count_now(self, texts: list[str]) -> list[int]:
        return [len(e) for e in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
