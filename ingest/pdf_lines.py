"""Lines of text from the glyphs of a page whose script runs from right to left."""

import re
import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np

from ingest.bidi import RTL, kind, logical, unmirrored
from ingest.columns import gutters
from ingest.pdf_glyphs import GLUE, Glyph
from ingest.pdf_rows import SAME_LINE, Row, cut, in_order, rows, runs, spans
from ingest.reflow import Line

STREWN = 5000  # pieces that no line of text connects; every one is compared with those at its height
# All in sizes of the font.
SPACE = 0.17  # the narrowest space between words, where the file holds no spaces
SPACE_BESIDE = 0.33  # the same where it does
UNJOINED = 0.04  # the narrowest gap between letters that could have been joined
RIGHT_JOINING = set("اأإآٱدذرزژوؤةىۀەۃۆۇۈۋء")
ARABIC = re.compile("[\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff]")


def lines(glyphs: list[Glyph]) -> list[Line] | None:
    """In reading order. None where glyphs are strewn over the page and make no lines."""
    drawn = [glyph for glyph in glyphs if not glyph.text.isspace() and glyph.text not in GLUE]
    if not drawn:
        return []
    size = float(np.median([glyph.size for glyph in drawn]))
    found = runs(glyphs)
    if len(found) > STREWN:
        return None
    cuts = gutters(spans(found, size), size)
    lined = rows([part for run in found for part in cut(run, cuts)])
    letters = Counter(kind(glyph.text) for glyph in drawn)
    mainly_rtl = letters["R"] >= 0.35 * (letters["R"] + letters["L"])
    spaced = sum(glyph.text == " " for glyph in glyphs) > 0.05 * len(glyphs)
    unjoined = glyphs[0].leftwards is None and _letters_join(lined)
    made = [_line(row, mainly_rtl, spaced, unjoined) for row in in_order(lined, cuts, mainly_rtl)]
    return _cells_together([line for line in made if line.text], cuts)


def _letters_join(rows: list[Row]) -> bool:
    """Whether the page's letters touch where they join, so that a gap says that they do not."""
    gaps = []
    for row in rows:
        for left, right in pairwise(row.glyphs):
            if _could_join(right.text, left.text):
                gaps.append((left.right - right.left) / -right.size)
    return len(gaps) > 10 and float(np.mean(np.array(gaps) > UNJOINED)) < 0.5


def _could_join(first: str, second: str) -> bool:
    return (
        bool(ARABIC.match(first[-1]) and ARABIC.match(second[0]))
        and first[-1] not in RIGHT_JOINING
        and second[0] != "ء"
    )


def _line(row: Row, mainly_rtl: bool, spaced: bool, unjoined: bool) -> Line:
    glyphs = _with_spaces(_with_marks(row.glyphs), spaced, unjoined)
    kinds = Counter(kind(glyph.text) for glyph in glyphs)
    rtl = kinds["R"] > 0 and (kinds["R"] >= kinds["L"] or (mainly_rtl and 4 * kinds["R"] >= kinds["L"]))
    if mainly_rtl and kinds["R"] == 0 and kinds["L"] == 0:
        rtl = True
    order = logical(
        [glyph.text for glyph in glyphs], rtl=rtl, leftwards=[bool(glyph.leftwards) for glyph in glyphs]
    )
    text = re.sub(r"\s+", " ", "".join(glyphs[at].text for at in order)).strip(" " + GLUE)
    text = re.sub("\u200c* \u200c*|\u200c+(?=\u200c)", lambda found: " " if " " in found[0] else "", text)
    if kinds["R"]:
        text = unicodedata.normalize("NFC", text)
        if rtl:
            text = unmirrored(text)
    return Line(
        text=text,
        left=min(glyph.left for glyph in glyphs),
        right=max(glyph.right for glyph in glyphs),
        y=row.y,
        size=row.size,
        rtl=rtl,
    )


def _cells_together(found: list[Line], cuts: list[float]) -> list[Line]:
    """Lines on one baseline that follow each other: the cells of a table's row."""
    made: list[Line] = []
    for line in found:
        last = made[-1] if made else None
        if last is not None and abs(last.y - line.y) <= SAME_LINE * min(last.size, line.size):
            onwards = line.right <= last.left if line.rtl else line.left >= last.right
            crossed = any(min(last.right, line.right) < one < max(last.left, line.left) for one in cuts)
            if onwards and not crossed:
                made[-1] = last._replace(
                    text=f"{last.text} {line.text}",
                    left=min(last.left, line.left),
                    right=max(last.right, line.right),
                    cells=True,
                )
                continue
        made.append(line)
    return made


def _with_marks(glyphs: list[Glyph]) -> list[Glyph]:
    """Marks that were drawn alone, put behind the letter they stand on."""
    made: list[Glyph] = []
    marks: list[Glyph] = []
    for glyph in glyphs:
        if all(unicodedata.combining(letter) for letter in glyph.text):
            marks.append(glyph)
        else:
            made.append(glyph)
    for mark in marks:
        middle = (mark.left + mark.right) / 2
        bases = [at for at, glyph in enumerate(made) if RTL.match(glyph.text) or glyph.text[0].isalpha()]
        if bases:
            nearest = min(bases, key=lambda at: abs((made[at].left + made[at].right) / 2 - middle))
            made[nearest] = made[nearest]._replace(text=made[nearest].text + mark.text)
    return made


def _with_spaces(glyphs: list[Glyph], spaced: bool, unjoined: bool) -> list[Glyph]:
    """With the spaces and joiners that the page shows and the file does not hold."""
    made = glyphs[:1]
    for left, right in pairwise(glyphs):
        gap, size = right.left - left.right, max(min(left.size, right.size), 1.0)
        shown = ""
        if " " in (left.text, right.text):
            pass
        elif gap > (SPACE_BESIDE if spaced else SPACE) * size:
            shown = " "
        elif unjoined and gap > UNJOINED * size and _could_join(right.text, left.text):
            shown = "\u200c"
        if shown:
            leftwards = left.leftwards and right.leftwards
            made.append(
                left._replace(
                    text=shown, x=left.right, left=left.right, right=left.right, leftwards=leftwards
                )
            )
        made.append(right)
    return made
