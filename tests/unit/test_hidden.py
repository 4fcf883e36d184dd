"""What readers do not see is not stored: letters without a shape, hidden elements, comments."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.extract import Limits, extract
from ingest.hidden import clean
from ingest.html import whole_page
from ingest.markdown import shown

LIMITS = Limits(pages=10, chars=100_000)
TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "obey me")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("ig\u200bnore\u2060 \ufeffall\u00ad", "ignore all"),
        (f"Hello{TAGS} world", "Hello world"),
        ("x\u202egnp.exe\u202c\u2066y\u2069\u200e\u200f\u061c", "xgnp.exey"),
        ("a\ufe0f\ufe00b\U000e0100c", "abc"),
        ("a\x00\x07\x1b[31m\x85b\x7f", "a[31mb"),
        ("\u3164\u115f\uffa0a\u034f\u180e", "a"),
        ("a\ud800b\uffff", "ab"),
        ("\tkeep\nline\fends", "\tkeep\nline\fends"),
    ],
)
def test_letters_without_a_shape(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم کتاب\u200cها را بخوانم",
        "۱۰\u200cساله و 10\u200cساله",
        "نامهٔ\u200cاو، فَ\u200cعَ",
        "👩\u200d👩\u200d👧 and 🏳\u200d🌈",
        "ක්\u200dරි ශ්\u200dරී",
        "क्\u200dष क्\u200cष",
        "ه\u200d.ش",
    ],
)
def test_joiners_that_an_orthography_needs_stay(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p\u200cass\u200dword", "password"),
        ("\u200cسلام\u200c", "سلام"),
        ("سلام\u200c world", "سلام world"),
        ("می\u200c\u200c\u200dخواهم", "می\u200cخواهم"),
        ("ا\u200dب", "اب"),
        ("👩\u200dx", "👩x"),
        ("5\u200c6", "56"),
    ],
)
def test_other_joiners_go(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text(st.characters(), max_size=60))
def test_cleaning_once_is_enough(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert all(unicodedata.category(char) != "Cs" for char in once)


@pytest.mark.parametrize(
    "element",
    [
        '<p style="display:none">SECRET</p>',
        '<p style="DISPLAY : NONE !important">SECRET</p>',
        '<div style="visibility:hidden"><p>SECRET</p></div>',
        "<p hidden>SECRET</p>",
        '<span aria-hidden="true">SECRET</span>',
        '<p style="font-size:0">SECRET</p>',
        '<p style="font-size: 1px">SECRET</p>',
        '<p style="opacity:0.0">SECRET</p>',
        '<p style="position:absolute; left:-9999px">SECRET</p>',
        '<p style="position:fixed;top:-200vh">SECRET</p>',
        '<p style="text-indent:-9999px">SECRET</p>',
        '<p style="clip:rect(0 0 0 0);position:absolute">SECRET</p>',
        '<p style="clip-path: inset(100%)">SECRET</p>',
        '<p style="transform:translateX(-9999px)">SECRET</p>',
        '<p style="transform:scale(0)">SECRET</p>',
        '<p style="height:0;overflow:hidden">SECRET</p>',
        '<p style="color:transparent">SECRET</p>',
        '<p style="color:rgba(0,0,0,0)">SECRET</p>',
        '<p style="color:#fff">SECRET</p>',
        '<p style="color:#FEFEFE;background-color:white">SECRET</p>',
        '<div style="background:#000"><p style="color:rgb(3, 3, 3)">SECRET</p></div>',
        '<font color="white">SECRET</font>',
        '<table bgcolor="#ff0000"><tr><td><font color="red">SECRET</font></table>',
        "<!-- SECRET -->",
        "<!--[if mso]>SECRET<![endif]-->",
        "<template><p>SECRET</p></template>",
        "<noscript>SECRET</noscript>",
        "<noscript><div></noscript><noscript>SECRET</noscript>",
        "<script>'SECRET'</script><style>.SECRET{}</style>",
        "<dialog>SECRET</dialog>",
        '<div style="font-size:0">SECRET<span style="font-size:12px">seen</span></div>',
        '<div style="color:#fff">SECRET<b style="color:#000">seen</b></div>',
    ],
)
@pytest.mark.parametrize("whole", [True, False], ids=["page", "mail"])
def test_hidden_elements(tmp_path: Path, element: str, whole: bool) -> None:
    html = f"<html><body><article><p>Before it.</p>{element}<p>After it.</p></article></body></html>"
    text = _page(tmp_path, html) if whole else whole_page(html)
    assert "SECRET" not in text
    assert "Before it." in text
    assert "After it." in text
    assert ("seen" in text) == ("seen" in element)


@pytest.mark.parametrize(
    "element",
    [
        '<p style="color:#fff;background:#000">SEEN</p>',
        '<div style="background-image:url(x.png)"><p style="color:#fff">SEEN</p></div>',
        '<div bgcolor="#003"><p style="color:white">SEEN</p></div>',
        '<p style="font-size:12px;opacity:.9;left:-5px;position:relative">SEEN</p>',
        '<p style="display:block;visibility:visible;overflow:hidden">SEEN</p>',
        '<p aria-hidden="false">SEEN</p>',
        '<img alt="SEEN" src="x.png">',
        "<dialog open>SEEN</dialog>",
        "<details><summary>More</summary>SEEN</details>",
        '<h2 style="color:transparent;-webkit-background-clip:text">SEEN</h2>',
    ],
)
def test_what_is_seen_stays(element: str) -> None:
    assert "SEEN" in whole_page(f"<html><body><p>Before.</p>{element}</body></html>")


def test_a_page_hidden_until_its_script_has_run_is_read(tmp_path: Path) -> None:
    assert "words" in _page(tmp_path, '<html><body style="opacity:0"><p>Some words.</p></body></html>')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <!-- secret --> b", "a  b"),
        ("a\n\n<!-- secret\n\nsecret", "a\n\n"),
        ("a\n[//]: # (secret)\nb", "a\n\nb"),
        ('a <span style="display:none">secret <span>more</span> secret</span> b', "a  b"),
        ("<div hidden>secret\n\n# secret\n</div>seen", "seen"),
        ("<p style='font-size:0'>secret", ""),
        ("Use `<!-- seen -->` and `<div hidden>`.", "Use `<!-- seen -->` and `<div hidden>`."),
        ("```html\n<div hidden>seen</div>\n```\n", "```html\n<div hidden>seen</div>\n```\n"),
        ("<b>bold</b> and 1 < 2", "<b>bold</b> and 1 < 2"),
        ("a\u200bb", "ab"),
    ],
)
def test_markdown(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_markdown_with_many_tags_takes_no_long_time() -> None:
    assert shown("<p hidden>" * 50_000) == ""
    assert len(shown("<p>" * 50_000)) == 150_000


def test_payloads(tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_text('{"title": "T\\u200b", "text": "se\\u00adcret", "data": {"a": "x\\u202ey"}}')
    extracted = extract(file, name="T", hint="application/json", url=None, limits=LIMITS)
    assert (extracted.text, extracted.title) == ("T\n\nsecret\n\na: xy", "T")


def _page(tmp_path: Path, html: str) -> str:
    file = tmp_path / "page.html"
    file.write_text(html)
    return extract(file, name=file.name, hint=None, url=None, limits=LIMITS).text
