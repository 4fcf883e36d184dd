"""The formats of a row, OpenAI's: chat messages, prompt and completion, preference pairs.

https://platform.openai.com/docs/guides/fine-tuning (chat, preference); https://huggingface.co/docs/trl
(prompt/chosen/rejected).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.generator import Message
from tuning.records import Example, Format

ROLES = ("system", "user", "assistant")
PREFERRED, OTHER = "preferred_output", "non_preferred_output"


class BadRow(Exception):
    """Says what is wrong with one row; ``code`` is a name for it."""

    def __init__(self, reason: str, *, code: str = "invalid_row") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def format_of(row: Mapping[str, Any]) -> Format:
    """Raises BadRow."""
    if "messages" in row:
        return "chat"
    if PREFERRED in row or OTHER in row or "chosen" in row or "rejected" in row:
        return "preference"
    if "prompt" in row or "completion" in row:
        return "completion"
    raise BadRow("it has none of `messages`, `prompt` and `completion`, `preferred_output`")


def examples_of(row: Mapping[str, Any], line: int) -> Iterator[Example]:
    """A conversation is as many examples as the assistant has turns in it. Raises BadRow."""
    document = row.get("document")
    if document is not None and not isinstance(document, str):
        raise BadRow("`document` is not a text")
    match format_of(row):
        case "chat":
            yield from _of_chat(row["messages"], line, document)
        case "preference":
            yield _of_preference(row, line, document)
        case _:
            prompt, answer = (
                _prompt(row.get("prompt"), "prompt"),
                _answer(row.get("completion"), "completion"),
            )
            yield Example(line=line, prompt=prompt, answer=answer, document=document)


def _of_chat(messages: Any, line: int, document: str | None) -> Iterator[Example]:
    turns = _turns(messages, "messages")
    if turns[-1].role != "assistant":
        raise BadRow("its last turn is not the assistant's: there is nothing to learn", code="no_answer")
    found = False
    for at, turn in enumerate(turns):
        if turn.role != "assistant" or messages[at].get("weight", 1) == 0:
            continue
        if at == 0 or turns[at - 1].role != "user":
            raise BadRow("an assistant's turn does not follow one of the user's", code="turn_order")
        found = True
        yield Example(
            line=line, prompt=turns[:at], answer=_answer(turn.content, "messages"), document=document
        )
    if not found:
        raise BadRow("every assistant's turn has the weight 0: there is nothing to learn", code="no_answer")


def _of_preference(row: Mapping[str, Any], line: int, document: str | None) -> Example:
    if PREFERRED in row or OTHER in row:
        given = row.get("input")
        prompt = _prompt(given.get("messages") if isinstance(given, Mapping) else None, "input.messages")
        names = (PREFERRED, OTHER)
    else:
        prompt, names = _prompt(row.get("prompt"), "prompt"), ("chosen", "rejected")
    better, worse = (_last(row.get(name), name) for name in names)
    if better == worse:
        raise BadRow("both answers are the same: there is nothing to prefer", code="same_answers")
    return Example(line=line, prompt=prompt, answer=better, rejected=worse, document=document)


def _prompt(given: Any, name: str) -> tuple[Message, ...]:
    """A text is the user's turn."""
    if isinstance(given, str):
        if not given.strip():
            raise BadRow(f"`{name}` is empty", code="empty")
        return (Message(role="user", content=given),)
    turns = _turns(given, name)
    if turns[-1].role != "user":
        raise BadRow(f"the last turn of `{name}` is not the user's", code="turn_order")
    return turns


def _last(given: Any, name: str) -> str:
    if isinstance(given, str):
        return _answer(given, name)
    turns = _turns(given, name)
    if turns[-1].role != "assistant":
        raise BadRow(f"the last turn of `{name}` is not the assistant's", code="no_answer")
    return _answer(turns[-1].content, name)


def _answer(given: Any, name: str) -> str:
    if not isinstance(given, str) or not given.strip():
        raise BadRow(f"the answer in `{name}` is empty or no text", code="empty")
    return given


def _turns(given: Any, name: str) -> tuple[Message, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise BadRow(f"`{name}` is no list of messages, or an empty one")
    return tuple(_turn(one, f"{name}[{at}]") for at, one in enumerate(given))


def _turn(given: Any, name: str) -> Message:
    if not isinstance(given, Mapping):
        raise BadRow(f"`{name}` is no message")
    if (role := given.get("role")) not in ROLES:
        raise BadRow(f"the role of `{name}` is {role!r}: use one of {', '.join(ROLES)}", code="invalid_role")
    content = given.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
        texts = [part for part in parts if isinstance(part, str)]
        content = "".join(texts) if len(texts) == len(parts) else None
    if not isinstance(content, str) or not content.strip():
        raise BadRow(f"the content of `{name}` is empty or no text", code="empty")
    return Message(role=role, content=content)
