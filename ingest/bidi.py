"""From the order in which a line is seen to the order in which it is read.

The other way round of the Unicode Bidirectional Algorithm (UAX #9), for one line that was laid out
already: runs that are read from left to right are found and turned back.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

RTL = re.compile("[\u0590-\u05ff\u0600-\u065f\u066e-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
ARABIC_DIGITS = re.compile("[\u0660-\u0669\u06f0-\u06f9]")
OPENING, CLOSING = "([{<«‹", ")]}>»›"
MIRRORED = dict(zip(OPENING + CLOSING, CLOSING + OPENING, strict=True))
COMMON = set(",.:/\u00a0\u060c\u066b\u066c")  # stand between two digits of one number: UAX #9, W4
SIGNS = set("+-\u2212")  # the same, unless an Arabic letter came before
TERMINATORS = set("#$%°٪\u20ac\u00a3\u066a")  # the same: W5
Kind = Literal["R", "L", "N", "S", "O"]  # right-to-left, left-to-right, digit, space, other


def kind(text: str) -> Kind:
    """Of a cluster: its first strong character's, else a digit's."""
    if text.isspace():
        return "S"
    for letter in text:
        if RTL.match(letter):
            if unicodedata.category(letter) in ("Lo", "Lm", "So"):
                return "R"
            continue
        if letter.isdigit():
            return "N"
        if unicodedata.bidirectional(letter) == "L":
            return "L"
    return "O"


def logical(
    seen: Sequence[str],
    *,
    rtl: bool,
    leftwards: Sequence[bool] | None = None,
    after_letter: bool = True,
) -> list[int]:
    """Places in ``seen`` (clusters from left to right) in reading order.

    ``rtl`` is the paragraph's direction. ``leftwards`` marks clusters whose run the file itself says to be
    right-to-left: spaces and signs among them part what would else be one Latin run. ``after_letter``:
    whether the line goes on from a right-to-left letter, which decides how ``12-05`` at its start is read.
    """
    kinds = [kind(text) for text in seen]
    if leftwards is not None:
        neutral = ("S", "O")
        kinds = ["R" if left and one in neutral else one for one, left in zip(kinds, leftwards, strict=True)]
    turned = [not one for one in _ltr_runs(seen, kinds, after_letter)] if rtl else _rtl_runs(kinds)
    return _unwound(turned, kinds, rtl)


def _unwound(turned: list[bool], kinds: list[Kind], rtl: bool) -> list[int]:
    order: list[int] = []
    count = len(turned)
    if rtl:
        at = count
        while at > 0:
            begin = at - 1
            if not turned[begin]:
                while begin > 0 and not turned[begin - 1]:
                    begin -= 1
            order.extend(range(begin, at))
            at = begin
        return order
    at = 0
    while at < count:
        end = at + 1
        if not turned[at]:
            order.append(at)
        else:
            while end < count and (turned[end] or _number_within(turned, kinds, end)):
                end += 1
            inner = _unwound(turned[at:end], kinds[at:end], True)
            order.extend(at + place for place in inner)
        at = end
    return order


def _number_within(turned: list[bool], kinds: list[Kind], at: int) -> bool:
    """Whether a number stands between two right-to-left runs of a left-to-right line."""
    end = at
    while end < len(turned) and not turned[end]:
        if kinds[end] in ("L", "S"):
            return False
        end += 1
    return end < len(turned) and end > at


def _ltr_runs(seen: Sequence[str], kinds: list[Kind], after_letter: bool) -> list[bool]:
    """Of a right-to-left line: which clusters belong to a word or number that runs to the right."""
    count = len(seen)
    run = [one in ("L", "N") for one in kinds]
    for at in range(1, count - 1):
        between = kinds[at - 1] == kinds[at + 1] == "N"
        if between and seen[at] in COMMON:
            run[at] = True
    # From one Latin letter to the next, and on to Latin digits, whatever neutral stands between (N1, W7).
    last = -1
    for at in range(count):
        if kinds[at] == "R":
            last = -1
        elif kinds[at] == "L" or (last >= 0 and kinds[at] == "N" and not ARABIC_DIGITS.match(seen[at])):
            if last >= 0:
                run[last:at] = [True] * (at - last)
            elif kinds[at] == "L":
                begin = _digits_before(seen, kinds, at)
                run[begin:at] = [True] * (at - begin)
            last = at
    _close_brackets(seen, kinds, run)
    # Signs and terminators hold to a number where no Arabic letter came before it, that is, to its right.
    letter = after_letter
    for at in range(count - 1, -1, -1):
        if kinds[at] in ("R", "L"):
            letter = kinds[at] == "R"
        elif not letter and not run[at]:
            left, right = at > 0 and kinds[at - 1] == "N", at + 1 < count and kinds[at + 1] == "N"
            if (seen[at] in SIGNS and left and right) or (seen[at] in TERMINATORS and (left or right)):
                run[at] = True
    return run


def _close_brackets(seen: Sequence[str], kinds: list[Kind], run: list[bool]) -> None:
    """A bracket that was opened within a Latin run is closed in it (N0)."""
    begin = None
    for at in range(1, len(seen)):
        if not run[at - 1]:
            begin = None
            continue
        begin = at - 1 if begin is None else begin
        if not run[at] and kinds[at] == "O" and seen[at] in MIRRORED:
            pair = (seen[at], MIRRORED[seen[at]])
            latin = any(one == "L" for one in kinds[begin:at])
            run[at] = latin and sum(one in pair for one in seen[begin:at]) % 2 == 1


def _digits_before(seen: Sequence[str], kinds: list[Kind], at: int) -> int:
    """Where Latin digits begin that stand left of a Latin word on its own line of thought (``10 Hz``)."""
    begin = at
    for place in range(at - 1, -1, -1):
        if kinds[place] in ("R", "L"):
            break
        if kinds[place] == "N" and not ARABIC_DIGITS.match(seen[place]):
            begin = place
    return begin


def _rtl_runs(kinds: list[Kind]) -> list[bool]:
    """Of a left-to-right line: from one right-to-left letter to the last before a Latin one."""
    run = [one == "R" for one in kinds]
    last = -1
    for at, one in enumerate(kinds):
        if one == "L":
            last = -1
        elif one == "R":
            if last >= 0:
                for place in range(last + 1, at):
                    run[place] = kinds[place] != "N"
            last = at
    return run


def unmirrored(text: str) -> str:
    """Brackets of a right-to-left line set by what stands beside them: one opens after a space.

    Files store either the character or the shape that was drawn for it, which is its mirror image.
    """
    letters = list(text)
    for at, letter in enumerate(letters):
        if letter not in MIRRORED:
            continue
        before = at == 0 or _loose(text[at - 1], opening=True)
        after = at + 1 == len(text) or _loose(text[at + 1], opening=False)
        if before != after and (letter in OPENING) != before:
            letters[at] = MIRRORED[letter]
    return "".join(letters)


def _loose(beside: str, *, opening: bool) -> bool:
    """Whether the neighbour is a space, or a mark that keeps to the other side."""
    return beside.isspace() or (beside in "،؛:.!؟," and not opening)
