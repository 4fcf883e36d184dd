"""What a text carries that no reader sees: taken out before the text is stored.

Letters without a shape hide instructions from people and words from search, so none stays but the joiners
that an orthography needs: ZWNJ in Persian and its kin and in Indic scripts, ZWJ in emoji and Indic scripts.
"""

import re

UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b\x0e-\x1f\x7f-\x9f"  # controls, but for tab, line feed and form feed
    "\ud800-\udfff\ufffe\uffff"  # lone surrogates, non-characters
    "\u00ad\u034f\u180e\u200b\ufeff"  # soft hyphen, grapheme joiner, zero-width spaces
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks, embeddings, overrides, isolates
    "\u2060-\u2065\u206a-\u206f\ufff9-\ufffb"  # invisible operators, deprecated format characters
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers and vowels without a shape
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f"  # musical format characters, tags
    "]+"
)
JOINERS = re.compile("[\u200c\u200d]{2,}")
ARABIC = "\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06df-\u06e8\u06ea-\u06ff\u0750-\u077f\u0870-\u08ff"
INDIC = "\u0900-\u0dff\u1000-\u109f\u1780-\u17d3"
EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
STRAY_ZWNJ = re.compile(  # a number may carry a suffix: ۱۰‌ساله
    f"(?<![{ARABIC}{INDIC}0-9\u0660-\u0669])\u200c|\u200c(?![{ARABIC}{INDIC}])"
)
STRAY_ZWJ = re.compile(
    f"(?<![{ARABIC}{INDIC}{EMOJI}])\u200d|(?<=[{EMOJI}])\u200d(?![{EMOJI}])|(?<=[{ARABIC}])\u200d(?=[{ARABIC}])"
)


def clean(text: str) -> str:
    """``text`` with its line ends unified and without what cannot be seen. Idempotent.

    Applied to every format and once, before the text is stored: offsets count in what it returns.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = UNSEEN.sub("", text)
    if "\u200c" in text or "\u200d" in text:
        text = JOINERS.sub(lambda run: run.group()[0], text)
        text = STRAY_ZWJ.sub("", STRAY_ZWNJ.sub("", text))
    return text
