"""Whether inline CSS hides what it styles."""

import functools
import re
from collections.abc import Mapping
from typing import NamedTuple

OFF_SCREEN = -900.0  # px: further than this from its place nobody scrolls
SMALLEST = 1.0  # px: text of this size or less is not read
FAINT = 0.05  # opacity up to which text is not seen
NEAR = 24  # of 255, in each of red, green and blue: two colours closer than this look alike
LENGTH = re.compile(r"^(-?\d{0,9}\.?\d{1,9})(px|pt|em|rem|ex|ch|in|cm|mm|pc|vw|vh|%)?$")
PX = {"pt": 4 / 3, "em": 16, "rem": 16, "ex": 8, "ch": 8, "in": 96, "cm": 37.8, "mm": 3.78, "pc": 16}
WINDOW = {"vw": 12.8, "vh": 8.0, "%": 10.0}  # a hundredth of a usual window, in px
NOWHERE = re.compile(
    r"translate[xy3d]*\(\s*-(?:\d{4,}px|[1-9]\d{2,}(?:%|vw|vh))|scale[xy]?\(\s*0(?:\.0*)?\s*[,)]"
)
CLIPPED = re.compile(
    r"rect\(\s*(?:0|1px)\D+(?:0|1px)\D+(?:0|1px)\D+(?:0|1px)|inset\(\s*(?:5\d|[6-9]\d|100)%|circle\(0"
)
NAMED = {
    "white": (255, 255, 255),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "floralwhite": (255, 250, 240),
    "whitesmoke": (245, 245, 245),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "navy": (0, 0, 128),
}


class Colour(NamedTuple):
    red: int
    green: int
    blue: int

    def looks_like(self, other: "Colour") -> bool:
        return all(abs(one - two) <= NEAR for one, two in zip(self, other, strict=True))


WHITE = Colour(255, 255, 255)


@functools.lru_cache(maxsize=4096)  # a page repeats few styles many times
def declarations(style: str) -> Mapping[str, str]:
    """Properties and values of a style attribute, in lower case; the last of a name counts."""
    style = re.sub(r"/\*.*?(?:\*/|\Z)", "", style, flags=re.S).lower()
    found = (part.partition(":") for part in style.split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _colon, value in found if value}


def hides(style: str) -> bool:
    """Whether the whole element is out of sight, whatever its descendants say."""
    css = declarations(style)
    if css.get("display") == "none" or css.get("visibility") in ("hidden", "collapse"):
        return True
    if css.get("content-visibility") == "hidden" or _at_most(css.get("opacity"), FAINT):
        return True
    painted = any(name.endswith("background-clip") and "text" in value for name, value in css.items())
    if tiny(css) or (transparent(css.get("color")) and not painted):
        return True
    sides = ["text-indent", "margin-left", "margin-top"]
    if css.get("position") in ("absolute", "fixed", "relative"):
        sides += ["left", "top", "right", "bottom"]
    if any(_at_most(css.get(side), OFF_SCREEN) for side in sides):
        return True
    if any(CLIPPED.search(css.get(name, "")) for name in ("clip", "clip-path")):
        return True
    if NOWHERE.search(css.get("transform", "")):
        return True
    flat = any(_at_most(css.get(side), 1) for side in ("width", "height", "max-width", "max-height"))
    return flat and css.get("overflow") in ("hidden", "clip")


def tiny(css: Mapping[str, str]) -> bool:
    return _at_most(css.get("font-size"), SMALLEST)


def transparent(value: str | None) -> bool:
    if value is None:
        return False
    alpha = re.match(r"(?:rgba|hsla)?\(.*[,/]\s*(\d{1,9}\.?\d{0,9}|\.\d{1,9})%?\s*\)$", value)
    faint = alpha is not None and value.startswith(("rgba", "hsla")) and float(alpha[1]) <= FAINT
    return value == "transparent" or faint


def colour(value: str | None) -> Colour | None:
    """None for what is no plain colour."""
    value = (value or "").strip().lower()
    if value in NAMED:
        return Colour(*NAMED[value])
    digits = re.fullmatch(r"#?([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{2})?", value)
    if digits:
        text = digits[1] if len(digits[1]) == 6 else "".join(2 * digit for digit in digits[1])
        return Colour(*(int(text[at : at + 2], 16) for at in (0, 2, 4)))
    parts = re.fullmatch(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\b.*\)", value)
    return Colour(*(min(int(part), 255) for part in parts.groups())) if parts else None


def _at_most(value: str | None, bound: float) -> bool:
    """Whether a length (or a bare number) is ``bound`` px or less."""
    length = LENGTH.match(value or "")
    if length is None:
        return False
    return float(length[1]) * ({**PX, **WINDOW}.get(length[2] or "", 1.0)) <= bound
