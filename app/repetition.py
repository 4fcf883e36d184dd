"""Notices that a small model has begun to repeat itself: it would not stop by itself."""

from app.spans import sentences


class LoopGuard:
    """Fed with the answer as it grows."""

    def __init__(self) -> None:
        self._checked = 0  # characters that hold only sentences known to differ
        self._seen: set[str] = set()

    def first_repeat(self, text: str) -> int | None:
        """Where the first sentence begins that was written before; None while there is none. The last
        sentence may still be growing: it is not judged yet."""
        found = list(sentences(text[self._checked :]))[:-1]
        for span in found:
            key = span.text.casefold()
            if key in self._seen:
                return self._checked + span.start
            self._seen.add(key)
        if found:
            self._checked += found[-1].end
        return None
