"""Examples as the engine will meet them: its chat template, the answer, and the token that ends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.generator import Message
from app.prompt import PLAIN_SYSTEM
from tuning.records import Example

IGNORED = -100  # a label of which no loss is taken


@dataclass(frozen=True, kw_only=True)
class Row:
    ids: list[int]  # prompt, answer and end
    answer_at: int  # where the answer begins in them

    @property
    def labels(self) -> list[int]:
        return [IGNORED] * self.answer_at + self.ids[self.answer_at :]


class Encoder:
    """``tokenizer``: that of transformers, with the chat template that the engine uses."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @property
    def end(self) -> str:
        return str(self._tokenizer.eos_token)

    def prompt(self, turns: Sequence[Message]) -> str:
        """Without a system turn it is given that which the service writes where nothing is retrieved."""
        if turns[0].role != "system":
            turns = (Message(role="system", content=PLAIN_SYSTEM), *turns)
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        return str(self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))

    def row(self, example: Example) -> Row:
        before = self._ids(self.prompt(example.prompt))
        answer = example.answer + self.end if example.whole else example.answer
        return Row(ids=[*before, *self._ids(answer)], answer_at=len(before))

    def pair(self, example: Example) -> dict[str, str]:
        """Of an example with a worse answer: what TRL's DPO takes."""
        return {
            "prompt": self.prompt(example.prompt),
            "chosen": example.answer + self.end,
            "rejected": f"{example.rejected}{self.end}",
        }

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)
