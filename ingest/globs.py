"""Which files of a store are meant: by patterns, and not those that are hidden or half written."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

ASIDE_STARTS = (".", "~$")  # hidden; what Office keeps beside an open document
ASIDE_ENDS = ("~", ".tmp", ".part", ".partial", ".crdownload", ".swp")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_name(name: str) -> bool:
    """Whether a file or folder can be called so; a joiner may stand in a Persian name."""
    return name not in ("", ".", "..") and not CONTROL.search(name)


def aside(name: str) -> bool:
    """Whether a file or folder of that name is somebody's own: hidden, temporary, on its way."""
    return name.startswith(ASIDE_STARTS) or name.lower().endswith(ASIDE_ENDS)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether any of the ``patterns`` fits a path, or there are none.

    ``*`` and ``?`` stay within a name, ``**`` is any number of folders; capitals make no difference. The time
    grows with the product of the lengths and no faster, whatever the pattern.
    """
    names = path.lower().split("/")
    return not patterns or any(_fits(names, pattern.lower().split("/")) for pattern in patterns)


def _fits(names: Sequence[str], pattern: Sequence[str]) -> bool:
    reached = [True] + [False] * len(names)  # [i]: the pattern so far fits the first i names
    for part in pattern:
        if part == "**":
            for at in range(len(names)):
                reached[at + 1] |= reached[at]
            continue
        fits = [fnmatchcase(name, part) for name in names]
        reached = [False, *(before and one for before, one in zip(reached, fits, strict=False))]
    return reached[-1]
