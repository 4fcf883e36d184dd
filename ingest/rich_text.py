"""Rich Text Format, by striprtf; its hidden runs are taken out first."""

import re

from ingest import markdown

TOKEN = re.compile(r"\\'[0-9a-fA-F]{2}|\\([a-zA-Z]+)(-?\d+)? ?|\\.|[{}]|[^\\{}]+", re.S)
TITLE = re.compile(r"\{\\title ([^{}\\]+)\}")
ROW = re.compile(r"^(?:[^|\n]*\|)+\s*$")


def extract_rich_text(content: bytes) -> tuple[str, str | None]:
    """Markdown, and the title that it gives itself."""
    from striprtf.striprtf import rtf_to_text

    source = content.decode("latin-1")
    title = TITLE.search(source)
    text: str = rtf_to_text(_shown(source), encoding="cp1252", errors="replace")  # type: ignore[no-untyped-call]
    blocks: list[str] = []
    rows: list[list[str]] = []
    for line in [*text.split("\n"), ""]:
        if ROW.match(line):
            rows.append(line.rstrip().removesuffix("|").split("|"))
            continue
        if rows:
            blocks.append(markdown.table(rows))
            rows = []
        blocks.append(line.strip())
    return markdown.join(blocks), " ".join(title[1].split()) or None if title else None


def _shown(source: str) -> str:
    r"""Without the text of runs that \v hides, until \v0, \plain or the end of their group."""
    if r"\v" not in source:
        return source
    kept: list[str] = []
    hidden = [False]
    for token in TOKEN.finditer(source):
        word, text = token[1], token.group()
        if text == "{":
            hidden.append(hidden[-1])
        elif text == "}":
            if len(hidden) > 1:
                hidden.pop()
        elif word == "v":
            hidden[-1] = token[2] != "0"
        elif word == "plain":
            hidden[-1] = False
        elif hidden[-1] and (word in (None, "u", "tab", "par", "line", "cell")):
            continue
        kept.append(text)
    return "".join(kept)
