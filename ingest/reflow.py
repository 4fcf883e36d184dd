"""Puts the lines of a printed page back into paragraphs: a sentence must not end where the paper did."""

import re

FULL = 0.7  # of the page's usual width: a line this long was broken by the margin, not by the author
USUAL = 0.9  # quantile of the line lengths that counts as the usual width
MIN_LINES = 3
ENDS = re.compile(r"[.!?؟:;。！？：；…][\"'”’»)\]]*$")
BULLET = re.compile(r"^\s*(?:[•·▪●◦*–—-]\s|\(?\d{1,3}[.)]\s)")
HAN = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
HYPHENATED = re.compile(r"[a-z]-$")


def reflow(page: str) -> str:
    """Lines of one page, joined where the first runs to the margin and does not end a sentence."""
    lines = [line.strip() for line in page.split("\n")]
    lengths = sorted(len(line) for line in lines if line)
    if len(lengths) < MIN_LINES:
        return page
    width = lengths[int(USUAL * (len(lengths) - 1))]
    text = lines[0]
    last = lines[0]
    for line in lines[1:]:
        if line and last and _runs_on(last, line, width):
            text = _joined(text, line)
        else:
            text += "\n" + line
        last = line
    return text


def _runs_on(last: str, line: str, width: int) -> bool:
    return len(last) >= FULL * width and not ENDS.search(last) and not BULLET.match(line)


def _joined(text: str, line: str) -> str:
    if HYPHENATED.search(text) and line[0].islower():
        return text[:-1] + line
    between = "" if HAN.match(text[-1]) and HAN.match(line[0]) else " "
    return text + between + line
