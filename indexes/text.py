"""What counts as the same word: one analysis for passages and questions.

It goes by script, never by a detected language, so that a question too short to tell its language by is
still analysed as its passages were. Stored texts stay as they came. Measured on the sets of PQuAD, CMRC
and SQuAD: `python scripts/fit_fusion.py` prints the figures.
"""

import re
import unicodedata
from collections.abc import Iterator
from threading import Lock

VERSION = (
    1  # of the terms; a change of theirs needs a new one, and a migration that sets chunks.terms to NULL
)

ZWNJ = "\u200c"
# Accents, Arabic vowel signs, tatweel, soft hyphens, marks of direction and joining: not part of a word.
UNSEEN = re.compile(
    "[\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u00ad\u200b\u200d-\u200f"
    "\u202a-\u202e\u2060\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)
LETTERS = str.maketrans(
    dict.fromkeys("يىېۍےێ", "ی")
    | dict.fromkeys("كڪګ", "ک")
    | dict.fromkeys("ةەہۃھۀۂ", "ه")
    | dict.fromkeys("ٱٲٳٵ", "ا")
    | {chr(zero + digit): str(digit) for zero in (0x660, 0x6F0, 0x966) for digit in range(10)}
)
HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = "\u3040-\u30ff\u31f0-\u31ff"
PIECE = re.compile(rf"[{HAN}{KANA}]+|[^\W_{HAN}{KANA}]+(?:{ZWNJ}+[^\W_{HAN}{KANA}]+)*")
IDEOGRAPHIC = re.compile(f"[{HAN}{KANA}]")
ARABIC = re.compile("[\u0600-\u06ff]")
PLURALS = tuple(sorted(
    ["ها", "های", "هایی", "هایش", "هایم", "هایت", "هایشان", "هایمان", "هایتان", "ترین"], key=len, reverse=True
))  # fmt: skip
MIN_STEM = 3  # letters
PAIR = "#"  # marks a pair of neighbouring characters, which is not the word that is written so


def fold(text: str) -> str:
    """The text with one code for letters that look or mean alike: compatibility forms, Persian and Arabic
    yeh, kaf, heh and alef, digits, case; without vowel signs and accents. ZWNJ stays."""
    bare = UNSEEN.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", bare).translate(LETTERS).casefold()


class Analyzer:
    """Terms of a text, in its order. Safe to share between threads."""

    def __init__(self) -> None:
        import opencc
        import rjieba
        import Stemmer

        self._simplified = opencc.OpenCC("t2s")
        self._cut = rjieba.cut
        self._stemmer = Stemmer.Stemmer("english")
        self._stemming = Lock()  # its cache is not made for threads

    def terms(self, text: str) -> list[str]:
        """Words: English ones stemmed, Persian ones without plural endings, both parts of one with a ZWNJ;
        Chinese ones in simplified characters, and every pair of neighbouring characters beside them."""
        found: list[str] = []
        for piece in PIECE.findall(fold(text)):
            if IDEOGRAPHIC.match(piece):
                found += self._chinese(piece)
            else:
                found += [self._stem(word) for word in piece.split(ZWNJ) if word]
        return found

    def _chinese(self, run: str) -> Iterator[str]:
        run = self._simplified.convert(run)
        yield from self._cut(run)
        for at in range(len(run) - 1):
            yield PAIR + run[at : at + 2]

    def _stem(self, word: str) -> str:
        if word.isascii():
            with self._stemming:
                return str(self._stemmer.stemWord(word))
        if ARABIC.match(word):
            for ending in PLURALS:
                if word.endswith(ending) and len(word) - len(ending) >= MIN_STEM:
                    return word.removesuffix(ending)
        return word
