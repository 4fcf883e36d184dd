"""Answers for clients that render Markdown: no link, image or tag of an answer's text becomes one there.

A client may fetch an image as soon as it is shown: a source that makes the model write one could so send out
what the conversation holds. The links to what an answer rests on travel beside the text, as annotations.
"""

import re

# A link's or an image's target, a reference's definition, an autolink or a tag; not a < b.
OPENING = re.compile(r"(?<=\])(?=[(:])|(?<=<)(?=[A-Za-z/!?])")


class Defuser:
    """Fed with a text as it grows; a space is put where markup would begin. Nothing is held back."""

    def __init__(self) -> None:
        self._last = ""  # character

    def feed(self, text: str) -> str:
        if not text:
            return ""
        before, self._last = self._last, text[-1]
        return OPENING.sub(" ", before + text)[len(before) :]


def defused(text: str) -> str:
    return Defuser().feed(text)
