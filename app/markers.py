"""The markers [n] that tie an answer to its sources."""

import re

MARKER = re.compile(r"(?<!\s)\s*\[(\d{1,3})\]")


def without_markers(text: str) -> str:
    """Also of what becomes a marker when another is taken out of it."""
    while MARKER.search(text):
        text = MARKER.sub("", text)
    return text


class MarkerRewriter:
    """Renumbers markers in a stream of text, holding back only what may still become one."""

    def __init__(self, numbers: dict[int, int]) -> None:
        self._numbers = numbers
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        cut = text.rfind("[")
        open_marker = cut >= 0 and re.fullmatch(r"\[\d{0,3}", text[cut:]) is not None
        self._held = text[cut:] if open_marker else ""
        return self._rewrite(text[:cut] if open_marker else text)

    def flush(self) -> str:
        held, self._held = self._held, ""
        return held

    def _rewrite(self, text: str) -> str:
        def renumber(match: re.Match[str]) -> str:
            number = self._numbers.get(int(match.group(1)))
            return f"[{number}]" if number else ""

        return re.sub(r"\[(\d{1,3})\]", renumber, text)
