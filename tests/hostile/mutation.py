"""Honest files made dishonest: what a fuzzer does, by a seed, so that a failure comes back."""

import random
import re
from collections.abc import Callable, Iterator

from tests.hostile.parts import Hostile, unzipped, zipped
from tests.hostile.seeds import seeds

DICTIONARY: dict[str, list[bytes]] = {
    "pdf": [
        b"/Kids[2 0 R]",
        b"/Filter/FlateDecode",
        b"/Count 2147483647",
        b"<<" * 50,
        b"[" * 50,
        b"endobj",
        b"/JS(x)",
    ],
    "zip": [b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"<w:p>" * 50, b"]]>", b"\x00", b"xmlns:w='x'", b"</"],
    "html": [
        b"<table>",
        b"<div style='",
        b"<!--",
        b"<svg>",
        b"&#x110000;",
        b"<plaintext>",
        b"<template>",
        b"\x00",
    ],
    "text": [
        b"\xff",
        b"\xed\xa0\x80",
        b"\x00",
        b"\xe2\x80\x8f",
        b"| --- |",
        b"```",
        b"# ",
        b"\r",
        b'"',
        b"[",
        b"{",
    ],
    "eml": [
        b"Content-Type: multipart/mixed; boundary=outer\n\n",
        b"=?utf-8?B?/w==?=",
        b"\n--outer--\n",
        b"charset=rot13",
    ],
    "rtf": [b"{" * 40, rb"\u-1?", rb"\bin99999999 ", rb"\'zz", b"}", rb"\ucnone", rb"\uc999999999 "],
    "picture": [b"\xff\xff\xff\xff", b"IDAT", b"\x00\x00\x00\x00"],
}
GROUPS = {
    **dict.fromkeys(("docx", "pptx", "xlsx", "odt", "epub", "xml"), "zip"),
    **dict.fromkeys(("png", "jpg", "tif", "msg"), "picture"),
    **dict.fromkeys(("pdf", "rtl.pdf"), "pdf"),
    **{kind: kind for kind in ("html", "eml", "rtf")},
}
ARCHIVES = ("docx", "pptx", "xlsx", "odt", "epub")
DIGITS = re.compile(rb"\d{1,9}")
Change = Callable[[bytearray, random.Random, bytes, list[bytes]], None]


def mutated(kind: str, number: int, honest: dict[str, bytes]) -> bytes:
    """The ``number``-th of a kind. Of archives every second one is damaged within and packed again."""
    luck = random.Random(f"{kind} {number}")
    other = honest[luck.choice(sorted(honest))]
    words = DICTIONARY[GROUPS.get(kind, "text")]
    content = honest[kind]
    if kind in ARCHIVES and number % 2:
        inner = unzipped(content)
        texts = sorted(name for name in inner if name.endswith((".xml", ".rels", ".opf", ".xhtml")))
        for name in luck.sample(texts, min(3, len(texts))):
            inner[name] = _changed(inner[name], luck, other, words)
        return zipped(inner, level=1)
    return _changed(content, luck, other, words)


def _changed(content: bytes, luck: random.Random, other: bytes, words: list[bytes]) -> bytes:
    made = bytearray(content)
    for change in luck.choices(CHANGES, k=luck.choice((1, 1, 2, 4))):
        if made:
            change(made, luck, other, words)
    return bytes(made)


def _flip(made: bytearray, luck: random.Random, _other: bytes, _words: list[bytes]) -> None:
    for _ in range(luck.choice((1, 8, 64, max(1, len(made) // 100)))):
        made[luck.randrange(len(made))] ^= 1 << luck.randrange(8)


def _cut(made: bytearray, luck: random.Random, _other: bytes, _words: list[bytes]) -> None:
    del made[luck.randrange(len(made)) :]


def _take_out(made: bytearray, luck: random.Random, _other: bytes, _words: list[bytes]) -> None:
    at = luck.randrange(len(made))
    del made[at : at + luck.choice((1, 16, 512))]


def _double(made: bytearray, luck: random.Random, _other: bytes, _words: list[bytes]) -> None:
    at = luck.randrange(len(made))
    made[at:at] = made[at : at + luck.choice((4, 64, 1024))] * luck.choice((1, 3, 200))


def _splice(made: bytearray, luck: random.Random, other: bytes, _words: list[bytes]) -> None:
    at = luck.randrange(len(other))
    made[luck.randrange(len(made)) :] = other[at : at + 100_000]


def _blow_up(made: bytearray, luck: random.Random, _other: bytes, _words: list[bytes]) -> None:
    """What could be a length."""
    for _ in range(luck.choice((1, 4))):
        at = luck.randrange(len(made))
        made[at : at + 4] = luck.choice(
            (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x7f\xff\xff\xff")
        )


def _enlarge(made: bytearray, luck: random.Random, _other: bytes, _words: list[bytes]) -> None:
    """A number that is written out."""
    found = list(DIGITS.finditer(bytes(made[:200_000])))
    if found:
        place = luck.choice(found)
        made[place.start() : place.end()] = luck.choice(
            (b"999999999", b"2147483648", b"-1", b"0", b"1" * 400)
        )


def _insert(made: bytearray, luck: random.Random, _other: bytes, words: list[bytes]) -> None:
    for _ in range(luck.choice((1, 5, 40))):
        at = luck.randrange(len(made))
        made[at:at] = luck.choice(words)


CHANGES: list[Change] = [_flip, _cut, _take_out, _double, _splice, _blow_up, _enlarge, _insert, _insert]


def mutations(each: int) -> Iterator[Hostile]:
    """``each`` of every kind."""
    honest = seeds()
    for kind in honest:
        for number in range(each):
            name = f"mutated-{number}.{kind}"
            yield Hostile(name, lambda kind=kind, number=number: mutated(kind, number, honest))  # type: ignore[misc]
