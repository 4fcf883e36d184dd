"""The little Markdown that every format becomes: headings, paragraphs, lists, tables and code, nothing else.

No emphasis, links or escapes: what is indexed and quoted is the text as a reader sees it.
"""

import re
from collections.abc import Iterable, Sequence

from ingest.hidden import clean
from ingest.styles import hides

MAX_LEVEL = 6
PADDED = 64  # columns up to which a short row is filled up; a wide table could grow without bound by it
TOKEN = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,}).*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?P<ticks>`{1,2})[^`\n]+(?P=ticks)"
    r"|(?P<comment><!--.*?(?:-->|\Z)|^ {0,3}\[[^\]\n]*\]:[ \t]*(?:#|<>)[ \t]*[(\"'][^\n]*$)"
    r"|<(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*)\b(?P<attributes>[^<>]*)>",
    re.M | re.S,
)
STYLE = re.compile(r"""\bstyle\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
HIDDEN = re.compile(r"""(?<![\w-])hidden\b|\baria-hidden\s*=\s*["']?true""", re.I)
UNREAD = {"script", "style", "template", "noscript"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def line(text: str) -> str:
    """``text`` on one line, its white space collapsed."""
    return " ".join(text.split())


def heading(level: int, text: str) -> str:
    """Empty for a heading without text."""
    text = line(text)
    return f"{'#' * min(max(level, 1), MAX_LEVEL)} {text}" if text else ""


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells, the first the header. Empty rows and empty columns at the end are left out."""
    filled = [[line(cell).replace("|", "\\|") for cell in row] for row in rows]
    filled = [row for row in filled if any(row)]
    width = max((at for row in filled for at, cell in enumerate(row, 1) if cell), default=0)
    if not width:
        return ""
    lines = [f"| {' | '.join([*row[:width], *[''] * (min(width, PADDED) - len(row))])} |" for row in filled]
    lines.insert(1, f"|{' --- |' * width}")
    return "\n".join(lines)


def fence(code: str) -> str:
    """A block of code as it stands; its fence is longer than any in it."""
    code = code.strip("\n")
    ticks = max((len(run) for run in re.findall(r"`{3,}", code)), default=2) + 1
    return f"{'`' * ticks}\n{code}\n{'`' * ticks}" if code.strip() else ""


def join(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block)


def shown(markdown: str) -> str:
    """What a reader of the rendered ``markdown`` sees: without its comments and hidden HTML elements.

    Code is shown as it stands.
    """
    text = clean(markdown)
    kept, at = [], 0
    hidden, depth = "", 0  # the tag of the hidden element that we are in, and how many of that name are open
    for token in TOKEN.finditer(text):
        tag = (token["tag"] or "").lower()
        if hidden:
            if tag == hidden:
                depth += -1 if token["end"] else 1
            if depth == 0:
                hidden, at = "", token.end()
        elif token["comment"]:
            kept.append(text[at : token.start()])
            at = token.end()
        elif tag and not token["end"] and tag not in VOID and _hides(tag, token["attributes"]):
            kept.append(text[at : token.start()])
            hidden, depth = tag, 1
    return "".join(kept if hidden else [*kept, text[at:]])


def _hides(tag: str, attributes: str) -> bool:
    style = STYLE.search(attributes)
    return (
        tag in UNREAD
        or HIDDEN.search(STYLE.sub("", attributes)) is not None
        or (style is not None and hides(style[1] or style[2] or ""))
    )
