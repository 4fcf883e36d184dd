"""The glyphs of a page, each with its letters and its place."""

import math
from collections import Counter
from typing import NamedTuple

from ingest.letters import typed
from ingest.pdfium import REVERSED, Layer, Mark, TextObject

MAX_ACTUAL = 8  # letters of an ActualText that stands for one glyph; a longer one describes a whole passage
ANGLES = 200  # letters that are asked for their angle
GLUE = "\u200c\u200d"
ALEFS = ("ا", "أ", "إ", "آ", "ٱ")


class Glyph(NamedTuple):
    """One cluster as it was drawn: a letter, a letter with its marks, a ligature, a space, a joiner."""

    text: str  # in logical order
    x: float  # origin, points
    y: float  # baseline
    left: float
    right: float
    size: float  # of the font, points
    order: int  # place in the content stream
    leftwards: (
        bool | None
    )  # whether the file says that its run is read from right to left; None: it never says


def glyphs(layer: Layer) -> list[Glyph]:
    """In the order of the content stream; turned so that lines of text run along x."""
    characters = layer.characters()
    by_object: dict[int, list[int]] = {}
    for number, owner in enumerate(characters.objects):
        if owner:
            by_object.setdefault(owner, []).append(number)
    objects = list(layer.text_objects())
    says = any(mark.name == REVERSED for one in objects for mark in one.marks)
    origins, boxes = characters.origins.tolist(), characters.boxes.tolist()
    found: list[Glyph] = []
    spoken: dict[int, int] = {}  # identity of an ActualText -> its glyph's place in ``found``
    for one in objects:
        leftwards = any(mark.name == REVERSED for mark in one.marks) if says else None
        actual = _actual(one)
        numbers = by_object.get(one.identity, [])
        if actual is not None:
            text = typed(actual.actual_text or "")
            place = spoken.get(actual.identity)
            if place is not None:
                found[place] = _joined(found[place], one)
            elif text:
                spoken[actual.identity] = len(found)
                found.append(Glyph(text, one.x, one.y, *_span(one), one.size, one.order, leftwards))
        elif not numbers:
            if one.right - one.left < 0.01 * one.size:  # nothing drawn: a space
                found.append(Glyph(" ", one.x, one.y, one.x, one.x, one.size, one.order, leftwards))
        else:
            alone = len(numbers) == 1
            if not alone:  # PDFium has turned round what it takes for a right-to-left word
                numbers.sort(key=lambda number: origins[number][0])
            last: tuple[float, float] | None = None
            for number in numbers:
                text = _letter(characters.codes[number])
                x, y = (one.x, one.y) if alone else origins[number]
                if not text or (text == " " and layer.generated(number)):
                    continue
                left, _top, right, _bottom = boxes[number]
                if last == (x, y) and found[-1].text != " ":  # the letters of one ligature
                    before = found.pop()
                    letters = (
                        text + before.text if before.text in ALEFS and text == "ل" else before.text + text
                    )
                    found.append(before._replace(text=letters, right=max(before.right, right)))
                else:
                    found.append(Glyph(text, x, y, left, right, one.size, one.order, leftwards))
                last = (x, y)
    return _turned(found, layer, characters.codes)


def _actual(one: TextObject) -> Mark | None:
    for mark in reversed(one.marks):
        if mark.actual_text is not None:
            return mark if len(mark.actual_text) <= MAX_ACTUAL else None
    return None


def _span(one: TextObject) -> tuple[float, float]:
    return (one.left, one.right) if one.right > one.left else (one.x, one.x)


def _joined(glyph: Glyph, one: TextObject) -> Glyph:
    """A cluster of several objects: dots beside their letter."""
    left, right = _span(one)
    return glyph._replace(
        x=min(glyph.x, one.x), left=min(glyph.left, left), right=max(glyph.right, right), y=one.y
    )


def _letter(code: int) -> str:
    if code in (0, 0xFFFE, 0xFFFF) or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return ""
    if code in (2, 0xAD):
        return "-"
    text = chr(code)
    if text.isspace():
        return " "
    return typed(text) if code >= 32 else ""


def _turned(found: list[Glyph], layer: Layer, codes: list[int]) -> list[Glyph]:
    """A page of turned text, turned back by a multiple of 90 degrees."""
    letters = [number for number, code in enumerate(codes) if code > 0x40]
    step = max(1, len(letters) // ANGLES)
    turns = Counter(round(layer.angle(number) / (math.pi / 2)) % 4 for number in letters[::step])
    if not turns:
        return found
    turn = turns.most_common(1)[0][0]
    if turn == 0:
        return found
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[turn]
    made = []
    for glyph in found:
        x = glyph.x * cosine + glyph.y * sine
        y = -glyph.x * sine + glyph.y * cosine
        width = abs(glyph.right - glyph.left)
        made.append(glyph._replace(x=x, y=y, left=x, right=x + min(width, glyph.size)))
    return made
