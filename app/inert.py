"""Untrusted text made inert for a prompt: it reads the same, but cannot close its block or open a turn."""

import re

# What a reader does not see but a tokenizer does: controls, zero-width and bidirectional marks, and tag
# characters and variation selectors (both carry hidden ASCII). The joiners U+200C and U+200D stay: Persian
# is written with them.
UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f\xad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef]"
)
LINE_END = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# <source>, </s>, <|im_start|>, <start_of_turn>, <<SYS>>; not a < b, a <= b, <3 or <-.
TAG = re.compile(r"([<＜﹤])(?=[^\s\d=<-])")
# [INST], [/INST], [TOOL_CALLS], [gMASK], [|user|].
TEMPLATE_BRACKET = re.compile(r"\[(/?[A-Z_]{2,}|[gs]MASK|\|\w+\|)\]")
MARKER = re.compile(r"\[\s*(\d{1,3})\s*\]")
LABELS = (
    "questions?", "sources?", "answers?", "system", "user", "human", "assistant", "instructions?", "response",
    "input", "پرسش", "سؤال", "سوال", "پاسخ", "کاربر", "دستیار", "问题", "回答", "系统", "用户", "助手",
)  # fmt: skip
LABEL = re.compile(
    rf"^((?:[^\w\n]|[\d_]){{0,40}}(?:{'|'.join(LABELS)})(?:[^\w\n:：]|_){{0,8}}[:：])",
    re.IGNORECASE | re.MULTILINE,
)


def seen(text: str) -> str:
    """What a reader sees of it, with one kind of line end."""
    return UNSEEN.sub("", LINE_END.sub("\n", text))


def without_tokens(text: str) -> str:
    """No chat template's token is left: ``<|im_end|>`` becomes ``< |im_end|>`` and ``[INST]`` ``(INST)``."""
    return TEMPLATE_BRACKET.sub(r"(\1)", TAG.sub(r"\1 ", text))


def as_data(text: str) -> str:
    """As ``without_tokens``, and with nothing unseen, no marker ``[1]`` (it becomes ``(1)``) and no line that
    begins like a part of the prompt or a turn: ``Question:`` becomes ``> Question:``."""
    return LABEL.sub(r"> \1", MARKER.sub(r"(\1)", without_tokens(seen(text))))


def as_title(text: str, longest: int = 160) -> str:
    """One line of data, at most ``longest`` characters."""
    return " ".join(as_data(text).split())[:longest]
