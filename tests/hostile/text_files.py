"""Web pages, mails and texts that cost more to read than to write, or pretend to be something else."""

import gzip
import json
import random
from collections.abc import Iterator

from tests.hostile.compound import compound
from tests.hostile.parts import Hostile
from tests.hostile.seeds import ENGLISH, PERSIAN, seeds

LONG = 1_000_000
TEMPLATES = (
    "{{7*7}} ${7*7} {%for a in b%} %s %(x)s {0.__class__} #{7*7} <%= 7*7 %> ${jndi:ldap://127.0.0.1/a} `id` "
    "$(id) "
)


def hostile_texts() -> Iterator[Hostile]:
    for name, text in _texts().items():
        yield Hostile(name, lambda text=text: text() if callable(text) else text)  # type: ignore[misc]


def _page(body: str) -> bytes:
    return f"<!doctype html><html><body><h1>Ferry</h1><p>{ENGLISH * 30}</p>{body}</body></html>".encode()


def _texts() -> dict[str, object]:
    return {**_html(), **_plain(), **_markdown(), **_data(), **_mails(), **_rich(), **_messages()}


def _html() -> dict[str, object]:
    return {
        "divs-in-divs.html": lambda: _page("<div>" * LONG + "deep"),
        "tables-in-tables.html": lambda: _page("<table><tr><td>" * 200_000 + "deep"),
        "two-hundred-tables.html": lambda: _page("<table><tr><td>a<td>b" * 200 + "x " * 50_000),
        "lists-in-lists.html": lambda: _page("<ul><li>a" * 200_000),
        "list-of-words-deep.html": lambda: _page("<ul><li>" * 200 + "<p>x</p>" * 20_000),
        "bold-in-bold.html": lambda: _page("<b>a" * 200_000),
        "links-unclosed.html": lambda: _page("<a href='x'>a" * 100_000),
        "many-paragraphs.html": lambda: _page("<p>words and more of them</p>\n" * 100_000),
        "many-cells.html": lambda: _page("<table>" + "<tr><td>a<td>b" * 50_000 + "</table>"),
        "colspan.html": lambda: _page(
            "<table><tr><td colspan=1000000000 rowspan=1000000000>a<td>b</table>" * 50
        ),
        "one-attribute.html": lambda: _page(f"<div title='{'a' * 8 * LONG}'>x</div>"),
        "many-attributes.html": lambda: _page(
            "<div " + " ".join(f"a{n}=1" for n in range(100_000)) + ">x</div>"
        ),
        "styles.html": lambda: _page(
            "".join(f"<p style='color:#{n % 999:03d};x:{n}'>a</p>" for n in range(20_000))
        ),
        "styles-in-styles.html": lambda: _page(
            "<div style='color:white'>" * 200 + "<p style='x:y'>a</p>" * 5000
        ),
        "one-style.html": lambda: _page(
            f"<p style='{'/*' * 200_000}'>a</p><p style='{'rgba(' + '1,' * 99_999}'>b</p>"
        ),
        "transform.html": lambda: _page(f"<p style='transform:{'translate(' * 50_000}'>a</p>"),
        "clip.html": lambda: _page(
            f"<p style='clip:rect({'0' * 200_000}'>a</p><p style='clip:rect(0 0 {' ' * 200_000}'>a</p>"
        ),
        "comments.html": lambda: _page("<!--" * 100_000),
        "comments-ended-oddly.html": lambda: _page("<!-- --!" * 100_000),
        "scripts.html": lambda: _page("<script>" * 100_000),
        "noscripts.html": lambda: _page("<noscript" * 100_000),
        "noscript-ends.html": lambda: _page("<noscript></noscript" + " " * 300_000),
        "entities.html": lambda: _page("&" * 300_000 + "&#99999999999;" * 50_000 + "&zwnj;" * 50_000),
        "meta.html": lambda: b"<html><meta " + b"charset " * 500 + b">" + ENGLISH.encode(),
        "laughs.html": lambda: _page("<svg><!DOCTYPE x [<!ENTITY a 'ha'>]><text>&a;</text></svg>"),
        "frames.html": lambda: _page(
            "<iframe src='file:///etc/passwd'></iframe><object data='http://127.0.0.1:9'>" * 2000
        ),
        "nothing-but-markup.html": lambda: b"<html>" + b"<" * LONG,
        "null-letters.html": lambda: _page("a\x00b" * 100_000),
        "one-line.html": lambda: _page("word " * 600_000),
        "one-word.html": lambda: _page("a" * 3 * LONG),
        "hidden.html": lambda: _page("<div hidden>" * 50_000 + "x"),
        "code.html": lambda: _page("<pre>" + "`" * 300_000 + "</pre>" + "<code>a\nb" * 20_000),
        "breaks.html": lambda: _page("<br>" * 300_000),
        "codes-in-code.html": lambda: _page("<code>" * 240 + "<p>x\n</p>" * 20_000),
        "forms.html": lambda: _page("<form><select><option>a" * 50_000),
        "templates.html": lambda: _page(TEMPLATES * 100),
    }


def _plain() -> dict[str, object]:
    return {
        "templates.txt": lambda: (TEMPLATES * 200).encode(),
        "one-line.txt": lambda: b"a" * 3 * LONG,
        "one-line-of-words.txt": lambda: b"word " * 600_000,
        "line-ends.txt": lambda: b"a" + b"\n" * 2 * LONG + b"b",
        "odd-line-ends.txt": lambda: ("a\u2028\u2029\x85\x0b\x0c\r" * 200_000).encode(),
        "spaces.txt": lambda: b"a" + b" " * 3 * LONG + b"b",
        "full-stops.txt": lambda: b"." * LONG,
        "full-stops-and-letters.txt": lambda: b"a.a" * 400_000,
        "runs-of-499.txt": lambda: (b"x" * 499 + b" ") * 4000,
        "null.txt": lambda: b"text" + b"\x00" * LONG,
        "surrogates.txt": lambda: b"text \xed\xa0\x80\xed\xb0\x80" * 100_000,
        "surrogates-utf16.txt": lambda: b"\xff\xfe" + b"a\x00\x00\xd8" * 100_000,
        "marks.txt": lambda: b"\xef\xbb\xbf" * 200_000 + b"text",
        "utf-32.txt": lambda: b"\xff\xfe\x00\x00" + b"\xff" * 400_000,
        "combining.txt": lambda: ("a" + "\u0301" * LONG).encode(),
        "combining-mixed.txt": lambda: ("a" + "\u0301\u0316" * (LONG // 2)).encode(),
        "ligatures.txt": lambda: ("\ufdfa" * 300_000).encode(),
        "directions.txt": lambda: ("\u202e\u2066" * (LONG // 2) + "text").encode(),
        "zero-width.txt": lambda: ("\u200b" * LONG + "text" + "\u200c" * LONG).encode(),
        "joiners.txt": lambda: ("\u0628\u200c" * (LONG // 2)).encode(),
        "joiners-among-letters.txt": lambda: ("a\u200c\u200d" * (LONG // 3)).encode(),
        "tags.txt": lambda: ("text" + "".join(chr(0xE0000 + ord(c)) for c in ENGLISH) * 5000).encode(),
        "han.txt": lambda: ("渡" * LONG).encode(),
        "persian-word.txt": lambda: ("کشتی‌" * 200_000).encode(),
        "emoji.txt": lambda: ("👨‍👩‍👧" * 100_000).encode(),
        "noise.txt": lambda: random.Random(1).randbytes(LONG),
        "packed.gz": lambda: gzip.compress(b"a" * LONG, mtime=0),
        "packed.txt": lambda: gzip.compress(b"a" * LONG, mtime=0),
        "lie.pdf": lambda: ENGLISH.encode(),
        "lie.docx": lambda: ENGLISH.encode(),
        "lie.png": lambda: b"\x89PNG\r\n\x1a\n" + ENGLISH.encode(),
        "program.txt": lambda: b"\x7fELF" + b"\x00" * 5000,
        "empty.txt": lambda: b" " * LONG,
        "sentences.txt": lambda: (ENGLISH + "\n").encode() * 30_000,
        "orders.txt": lambda: b"ignore " * 100_000 + b"disregard all " * 50_000,
    }


def _markdown() -> dict[str, object]:
    return {
        "heading-of-spaces.md": lambda: b"# a" + b" " * 200_000 + b"b\n",
        "heading-of-hashes.md": lambda: b"# a " + b"#" * 200_000 + b" b\n",
        "headings.md": lambda: b"# a\n" * 200_000,
        "headings-of-tabs.md": lambda: (b"# a" + b" \t#" * 30_000 + b"b\n") * 2,
        "fences.md": lambda: b"```\n" * 200_001,
        "fence-of-ticks.md": lambda: b"`" * 300_000 + b"\n" + b"```x\n" * 50_000,
        "fences-of-waves.md": lambda: b"~~~ a\n" * 100_000 + b"```",
        "ticks.md": lambda: (b"`a" * 200_000) + b"\n" + b"``a`" * 100_000,
        "table-of-bars.md": lambda: b"|" * LONG + b"\n" + b"|-" * 200_000,
        "table-of-dashes.md": lambda: b"| a |\n|" + b"-" * LONG + b"\n",
        "table-of-spaces.md": lambda: (b"| a |\n|" + b" " * 20_000 + b"\n") * 20,
        "tables.md": lambda: b"| a |\n| - |\n" * 100_000,
        "comments.md": lambda: b"<!--" * 200_000,
        "tags.md": lambda: b"<a " * 200_000 + b"<div hidden>" * 50_000,
        "tags-unended.md": lambda: b"<a" + b" a" * 200_000,
        "style.md": lambda: b"<p style = '" * 50_000 + b"<p " + b"style " * 50_000 + b">",
        "brackets.md": lambda: b"[" * 200_000 + b"](" * 100_000,
        "reference-comments.md": lambda: b"[a]: # (" * 50_000 + b"\n" + b"[" + b"a" * LONG,
        "quotes.md": lambda: b">" * 300_000,
        "list-in-list.md": lambda: b"\n".join(b" " * n + b"- a" for n in range(1500)),
        "stars.md": lambda: b"*a " * 200_000 + b"_" * 100_000,
    }


def _data() -> dict[str, object]:
    return {
        "columns.csv": lambda: b"a," * LONG + b"\n1,2\n",
        "rows-and-columns.csv": lambda: b"," * 200_000 + b"\n" + b"a\n" * 5000,
        "quotes.csv": lambda: b'"' * 500_000 + b"\n",
        "quoted-line-ends.csv": lambda: b'a,"' + b"\n" * LONG + b'",b\n1,2,3\n',
        "quoted-forever.csv": lambda: b'a,b\n"' + b"x,y\n" * 200_000,
        "delimiters.csv": lambda: b"a;b|c\td,e\n" * 50_000,
        "sniffed.csv": lambda: b"'\"a\"'" * 2000 + b"\n" + b'"a"," ' * 2000,
        "formulas.csv": lambda: b"=cmd|' /C calc'!A0,=1+1\n" * 1000,
        "arrays-in-arrays.json": lambda: b"[" * LONG,
        "arrays-ended.json": lambda: b"[" * 100_000 + b"]" * 100_000,
        "objects-in-objects.json": lambda: b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
        "objects-nested-in-reason.json": lambda: b'{"abcdefghij":' * 900 + b"1" + b"}" * 900,
        "long-keys-nested.json": lambda: (
            (b'{"%b":' % (b"k" * 2000)) * 300 + b"[" + b"1," * 20_000 + b"1]" + b"}" * 300
        ),
        "number.json": lambda: b'{"a": %b}' % (b"9" * LONG),
        "numbers.json": lambda: b"[" + b"1e999999999," * 50_000 + b"-0, NaN, Infinity]",
        "one-string.json": lambda: b'["' + b"\\u0041" * 500_000 + b'"]',
        "surrogates.json": lambda: b'["' + b"\\ud800" * 100_000 + b' text"]',
        "doubled-keys.json": lambda: b"{" + b'"a": 1,' * 200_000 + b'"a": 2}',
        "nothing.json": lambda: b'[null, {}, [], ""]',
        "payload.json": lambda: json.dumps(
            {"title": TEMPLATES, "text": TEMPLATES, "data": {"a": [[[]]]}}
        ).encode(),
        "lines.jsonl": lambda: b"1\n" * 300_000 + b"[" * 50_000,
        "lines-of-brackets.jsonl": lambda: b"[\n" * 200_000,
    }


def _headers(*more: str) -> str:
    return "\n".join(
        ["From: a@example.org", "To: b@example.org", "Subject: Ferry", "MIME-Version: 1.0", *more]
    )


def _mails() -> dict[str, object]:
    return {
        "parts-in-parts.eml": lambda: _nested_parts(3000).encode(),
        "parts-in-few-parts.eml": lambda: _nested_parts(90).encode(),
        "mails-in-mails.eml": lambda: (
            "".join(_headers("Content-Type: message/rfc822") + "\n\n" for _ in range(2000)) + "text"
        ).encode(),
        "headers.eml": lambda: (_headers(*[f"X-{n}: {n}" for n in range(100_000)]) + "\n\ntext").encode(),
        "header-folded.eml": lambda: (_headers("X-A: a") + "\n" + " a\n" * 200_000 + "\ntext").encode(),
        "header-of-words.eml": lambda: (_headers("Cc: " + "=?utf-8?B?YQ==?= " * 5000) + "\n\ntext").encode(),
        "header-of-addresses.eml": lambda: (_headers("Cc: " + "a <a@b.c>, " * 5000) + "\n\ntext").encode(),
        "header-of-brackets.eml": lambda: (
            _headers("Cc: " + "(" * 20_000 + "<" * 20_000) + "\n\ntext"
        ).encode(),
        "header-of-quotes.eml": lambda: (_headers('Cc: "' + '\\"' * 50_000) + "\n\ntext").encode(),
        "header-of-groups.eml": lambda: (_headers("Cc: " + "a:" * 5000) + "\n\ntext").encode(),
        "date.eml": lambda: (_headers("Date: " + "1" * 100_000) + "\n\ntext").encode(),
        "parameters.eml": lambda: (
            _headers("Content-Type: text/plain; " + "; ".join(f"a*{n}*=x" for n in range(5000))) + "\n\ntext"
        ).encode(),
        "many-parts.eml": lambda: (
            _headers("Content-Type: multipart/mixed; boundary=x") + "\n\n" + "--x\n\na\n" * 20_000 + "--x--"
        ).encode(),
        "boundary-of-nothing.eml": lambda: (
            _headers('Content-Type: multipart/mixed; boundary=""') + "\n\n" + "--\n" * 100_000
        ).encode(),
        "charset.eml": lambda: (
            _headers("Content-Type: text/plain; charset=zlib_codec") + "\n\n" + "x" * 5000
        ).encode(),
        "base64.eml": lambda: (
            _headers("Content-Type: text/html", "Content-Transfer-Encoding: base64")
            + "\n\n"
            + "PGRpdj4=" * 200_000
        ).encode(),
        "quoted-printable.eml": lambda: (
            _headers("Content-Transfer-Encoding: quoted-printable") + "\n\n" + "=" * LONG
        ).encode(),
        "uuencoded.eml": lambda: (
            _headers("Content-Transfer-Encoding: x-uuencode") + "\n\nbegin 666 a\n" + "M" * LONG
        ).encode(),
        "templates.eml": lambda: (_headers(f"Cc: {TEMPLATES}") + "\n\n" + TEMPLATES * 50).encode(),
        "file-names.eml": lambda: (
            _headers("Content-Type: multipart/mixed; boundary=x")
            + "\n\n"
            + "--x\nContent-Disposition: attachment; filename=../../../etc/passwd\n\na\n" * 3000
            + "--x--"
        ).encode(),
    }


def _nested_parts(depth: int) -> str:
    inner = (
        f"\n--b{number}\nContent-Type: multipart/mixed; boundary=b{number + 1}\n" for number in range(depth)
    )
    return "\n".join([_headers("Content-Type: multipart/mixed; boundary=b0"), *inner, "\ntext"])


def _rich() -> dict[str, object]:
    return {
        "groups.rtf": lambda: b"{\\rtf1 " + b"{" * LONG + b"text",
        "groups-ended.rtf": lambda: b"{\\rtf1 " + b"{a" * 200_000 + b"}" * 200_000 + b"}",
        "ends.rtf": lambda: b"{\\rtf1 " + b"}" * LONG + b"text",
        "hidden.rtf": lambda: b"{\\rtf1 " + b"{\\v " * 200_000 + b"text",
        "binary.rtf": lambda: b"{\\rtf1 \\bin2147483647 " + b"x" * 100_000,
        "letters-to-skip.rtf": lambda: b"{\\rtf1 \\uc999999999 " + b"\\u1587?" * 50_000 + b"text}",
        "numbers.rtf": lambda: b"{\\rtf1 \\u" + b"9" * 100_000 + b"? text}",
        "cells.rtf": lambda: b"{\\rtf1 " + b"a\\cell " * 200_000 + b"\\row text}",
        "bars.rtf": lambda: b"{\\rtf1 " + b"|" * 300_000 + b" text}",
        "page.rtf": lambda: b"{\\rtf1 " + b"\\par " * 300_000 + b"text}",
        "pictures.rtf": lambda: b"{\\rtf1 {\\pict " + b"ff" * LONG + b"} text}",
        "title.rtf": lambda: b"{\\rtf1 " + b"{\\title " * 100_000 + b"text}",
        "pages-of-codes.rtf": lambda: b"{\\rtf1\\ansicpg99999 " + b"\\'ff" * 100_000 + b"}",
        "fonts.rtf": lambda: b"{\\rtf1{\\fonttbl" + b"{\\f0\\fcharset134 a;}" * 30_000 + b"} text}",
    }


def _messages() -> dict[str, object]:
    honest = seeds()["msg"]

    def with_table(changes: dict[int, int]) -> bytes:
        made = bytearray(honest)
        for sector, following in changes.items():
            made[512 + 4 * sector : 516 + 4 * sector] = following.to_bytes(4, "little")
        return bytes(made)

    return {
        "chain-in-a-circle.msg": lambda: with_table({1: 1, 2: 1, 3: 2, 9: 9, 20: 20}),
        "every-chain-in-a-circle.msg": lambda: with_table({n: n for n in range(1, 60)}),
        "directory-in-a-circle.msg": lambda: with_table({n: n for n in range(30, 60)}),
        "table-far-away.msg": lambda: honest[:44] + b"\xff\xff\xff\x7f" * 8 + honest[76:],
        "sectors-of-a-gigabyte.msg": lambda: honest[:30] + b"\x1e\x00\x1e\x00" + honest[34:],
        "entries-in-a-circle.msg": lambda: honest.replace(
            b"\xff\xff\xff\xff\x02\x00\x00\x00", b"\x01\x00\x00\x00" * 2
        ),
        "sizes.msg": lambda: honest.replace((4096).to_bytes(8, "little"), (1 << 40).to_bytes(8, "little")),
        "packed-text.msg": lambda: compound(
            {
                "__properties_version1.0": b"\0" * 64,
                "__substg1.0_10090102": (b"\xff\xff\xff\x7f" * 2 + b"LZFu" + b"\0\0\0\0" + b"\xff" * 9000),
            }
        ),
        "page.msg": lambda: compound(
            {
                "__properties_version1.0": b"\0" * 64,
                "__substg1.0_10130102": b"<div>" * 200_000 + PERSIAN.encode(),
            }
        ),
        "old-word.doc": lambda: compound({"WordDocument": b"\xff" * 9000}),
        "old-workbook.xls": lambda: compound(
            {"Workbook": b"\x09\x08\x10\x00\x00\x06\x05\x00" + b"\xff" * 9000}
        ),
        "encrypted.docx": lambda: compound({"EncryptedPackage": b"\0" * 64, "EncryptionInfo": b"\0" * 64}),
    }
