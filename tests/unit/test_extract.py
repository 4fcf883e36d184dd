"""From bytes to text: what can be read, and a clear reason for what cannot."""

import codecs
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdfium2 import PdfiumError

from indexes.errors import UnreadableDocument
from ingest import pdf, pdf_page
from ingest.extract import Extracted, Limits, clean, content_type, decode, extract
from ingest.pdf_page import Page
from tests.support import pdfs

LIMITS = Limits(pages=50, chars=10_000, ocr=False)
SENTENCE = "این یک جملهٔ بلند دربارهٔ پرنده‌پناه است که می‌خوانید. "
HTML = "<html><head>{head}</head><body><article><h1>{heading}</h1><p>{text}</p></article></body></html>"


def read(path: Path, content: bytes, *, name: str = "file", hint: str | None = None) -> Extracted:
    file = path / "content"
    file.write_bytes(content)
    return extract(file, name=name, hint=hint, url=None, limits=LIMITS)


def page(text: str, head: str = "", heading: str = "Opening hours") -> str:
    return HTML.format(head=head, text=text, heading=heading)


# -- what can be read


def test_pdf(tmp_path: Path) -> None:
    extracted = read(tmp_path, pdfs.pdf("Hello birds", "", "Second page", title="The birds"))
    assert (extracted.kind, extracted.title) == ("pdf", "The birds")
    assert extracted.text == "Hello birds\n\n\n\nSecond page"
    assert extracted.page_starts == [0, 13, 15]


@pytest.mark.parametrize(("name", "hint"), [("page.html", "text/html"), ("x.txt", "text/plain"), ("x", None)])
def test_a_pdf_is_one_whatever_it_is_called(tmp_path: Path, name: str, hint: str | None) -> None:
    assert read(tmp_path, pdfs.pdf("Hello"), name=name, hint=hint).kind == "pdf"


def test_a_pdf_behind_rubbish_and_with_an_empty_password(tmp_path: Path) -> None:
    assert read(tmp_path, b"rubbish\n" + pdfs.pdf("Hello")).text == "Hello"
    assert read(tmp_path, pdfs.encrypted(pdfs.pdf("Hello"), "")).text == "Hello"


@pytest.mark.parametrize(
    ("content", "name", "hint", "kind"),
    [
        (b"# Title\n\nText", "a.md", None, "markdown"),
        (b"# Title\n\nText", "a.txt", "text/plain", "text"),
        (b"Use `<html>` first.", "a.md", None, "markdown"),
        (b"MZ is a country code", "a.txt", None, "text"),
        (b"<p>Some words that are long enough</p>", "a.html", None, "html"),
        (b"<p>Some words that are long enough</p>", "a", "Text/HTML; charset=utf-8", "html"),
        (b"<!-- saved --><html><body><p>Some words</p>", "a.txt", None, "html"),
        (codecs.BOM_UTF8 + b"<!DOCTYPE html><p>Some words", "a", None, "html"),
        (b'{"title": "T", "text": "x", "data": null}', "a", "application/json", "payload"),
    ],
)
def test_kinds(tmp_path: Path, content: bytes, name: str, hint: str | None, kind: str) -> None:
    assert read(tmp_path, content, name=name, hint=hint).kind == kind


@pytest.mark.parametrize(
    "fragment",
    [
        "<p>A word</p>",
        "A word <b>in bold</b>",
        "<table><tr><td>A word</td></tr></table>",
        "<ul><li>A word</ul>",
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_small_pages(tmp_path: Path, fragment: str, whole: bool) -> None:
    content = f"<html><body>{fragment}</body></html>" if whole else fragment
    assert "A word" in read(tmp_path, content.encode(), name="a.html").text


def test_payload(tmp_path: Path) -> None:
    payload = {
        "id": "7",
        "title": "Broken lamp",
        "text": "It flickers.",
        "data": {"state": "open", "tags": ["a", "b"], "who": {"name": "سارا"}, "none": None},
    }
    extracted = read(tmp_path, json.dumps(payload).encode(), hint="application/json")
    assert extracted.title == "Broken lamp"
    assert extracted.text == "Broken lamp\n\nIt flickers.\n\nstate: open\ntags: a\ntags: b\nwho.name: سارا"
    listed = json.dumps({"title": None, "text": None, "data": ["a", {"b": 1}]}).encode()
    assert read(tmp_path, listed, hint="application/json").text == "a\nb: 1"


def test_line_ends_controls_and_lone_surrogates() -> None:
    assert clean("a\r\nb\rc\x00\x07\x85\ud800d\te\f🙂") == "a\nb\ncd\te\f🙂"


def test_lone_surrogates_in_a_payload(tmp_path: Path) -> None:
    content = b'{"title": "a\\ud800b", "text": "x\\udfffy", "data": {"k\\ud800": "v\\ud801"}}'
    extracted = read(tmp_path, content, hint="application/json")
    assert extracted.title == "ab"
    assert extracted.text.encode().decode() == "ab\n\nxy\n\nk: v"


# -- joiners and charsets


@pytest.mark.parametrize("joiner", ["\u200c", "&zwnj;", "&#8204;", "&#x200c;", "&#x200C;"])
def test_zero_width_non_joiners_stay(tmp_path: Path, joiner: str) -> None:
    text = SENTENCE.replace("\u200c", joiner) * 5
    heading = f"پرنده{joiner}پناه"
    extracted = read(tmp_path, page(text, f"<title>{heading}</title>", heading).encode())
    assert extracted.text.count("پرنده\u200cپناه") >= 5
    assert extracted.text.count("می\u200cخوانید") == 5
    assert extracted.title == "پرنده\u200cپناه"


def test_zero_width_joiners_stay_and_nothing_else_changes(tmp_path: Path) -> None:
    extracted = read(tmp_path, page("A family 👩\u200d👩\u200d👧 and a letter 𐘀 of Linear A. " * 5).encode())
    assert "👩\u200d👩\u200d👧 and a letter 𐘀 of" in extracted.text


@pytest.mark.parametrize(
    ("codec", "declared", "text"),
    [
        ("gb18030", "gb2312", "图书馆每天早上九点开门，星期一休息。镕"),
        ("gb18030", "GBK", "图书馆每天早上九点开门，星期一休息。"),
        ("cp1256", "windows-1256", "پرنده‌پناه شهر هر روز باز است. "),
        ("big5", "Big5", "圖書館每天早上九點開門，星期一休息。"),
        ("cp1252", "iso-8859-1", "Café “naïve” costs 5 € today. "),
        ("shift_jis", "Shift_JIS", "図書館は毎朝九時に開きます。"),
    ],
)
@pytest.mark.parametrize("where", ["header", "meta", "http-equiv"])
def test_declared_charsets(tmp_path: Path, codec: str, declared: str, text: str, where: str) -> None:
    head = {
        "header": "",
        "meta": f'<meta name="x" content="y"><meta charset="{declared}">',
        "http-equiv": f"<META http-equiv=Content-Type content='text/html; charset={declared}'>",
    }[where]
    hint = f'text/html; charset="{declared}"' if where == "header" else "text/html"
    extracted = read(tmp_path, page(text * 5, head).encode(codec), hint=hint)
    assert text.strip() in extracted.text


def test_which_declaration_counts() -> None:
    assert decode("é".encode(), "iso-8859-1") == "Ã©", "what is declared is believed"
    assert decode(codecs.BOM_UTF8 + "é".encode(), "iso-8859-1") == "é", "but for a byte order mark"
    assert decode("é".encode(), "no-such-thing") == "é"
    for label in ("unicode_escape", "zlib", "rot13", "idna", "utf-16", "x" * 500, "\x00", ""):
        assert decode("é".encode(), label) == "é", label
    assert decode("é".encode("utf-16")) == "é"
    assert decode("é".encode("utf-32")) == "é"


def test_a_page_that_errs_in_its_charset_may_be_utf8(tmp_path: Path) -> None:
    content = page("图书馆每天早上九点开门。Ж€" * 5, '<meta charset="euc-jp">').encode()
    assert "图书馆每天早上九点开门" in read(tmp_path, content).text


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (None, None)),
        ("", (None, None)),
        ("text/html", ("text/html", None)),
        ('Text/HTML; Charset="UTF-8"', ("text/html", "UTF-8")),
        ("text/html;charset=gbk;x=y", ("text/html", "gbk")),
        ("nonsense", ("text/plain", None)),
    ],
)
def test_content_types(header: str | None, expected: tuple[str | None, str | None]) -> None:
    assert content_type(header) == expected


def test_xml_declaration_and_nul_in_a_page(tmp_path: Path) -> None:
    content = '<?xml version="1.0" encoding="utf-8"?>' + page("Some words that matter. " * 5 + "\x00end")
    extracted = read(tmp_path, b" " * 5000 + content.encode(), name="a.xhtml")
    assert "Some words that matter." in extracted.text


# -- what cannot


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "text")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "a.pdf", "empty"),
        (b" \n\t", "a.txt", "empty"),
        (pdfs.pdf("Hello")[:400], "a.pdf", "corrupt_pdf"),
        (b"%PDF-1.7\n", "a.pdf", "corrupt_pdf"),
        (b"hello", "a.pdf", "corrupt_pdf"),
        (pdfs.encrypted(pdfs.pdf("Hello"), "secret"), "a.pdf", "encrypted_pdf"),
        (pdfs.blank_pages(0), "a.pdf", "empty_pdf"),
        (pdfs.blank_pages(3), "a.pdf", "no_text"),
        (pdfs.blank_pages(51), "a.pdf", "too_many_pages"),
        (zipped(), "a.zip", "unsupported_type"),
        (zipped(), "a.txt", "unsupported_type"),
        (b"PK\x05\x06" + bytes(18), "a.zip", "unsupported_type"),
        (b"\x89PNG\r\n\x1a\n" + bytes(10), "a.png", "scanned"),
        (b"GIF89a\x01\x00\x01\x00", "a.gif", "unsupported_type"),
        (b"MZ\x90\x00\x03\x00", "a.exe", "unsupported_type"),
        (b"text \xff\xfe text", "a.txt", "not_utf8"),
        ("سلام".encode("cp1256"), "a.txt", "not_utf8"),
        (b"a\x00b", "a.txt", "unsupported_type"),
        (b"\x07\x08", "a.txt", "no_text"),
        (b"<html><body></body></html>", "a.html", "no_text"),
        (b"<html><script>x()</script>", "a.html", "no_text"),
        (b"a" * 10_001, "a.txt", "too_much_text"),
    ],
)
def test_reasons(tmp_path: Path, content: bytes, name: str, code: str) -> None:
    with pytest.raises(UnreadableDocument) as refusal:
        read(tmp_path, content, name=name)
    assert refusal.value.code == code
    assert refusal.value.message


def test_ten_thousand_pages_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match="10,000 pages"):
        read(tmp_path, pdfs.blank_pages(10_000))


def test_one_broken_page_does_not_cost_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "read", broken_where_it_says("two"))
    extracted = read(tmp_path, pdfs.pdf("one", "two", "three"))
    assert (extracted.text, extracted.page_starts) == ("one\n\n\n\nthree", [0, 5, 7])
    with pytest.raises(UnreadableDocument, match="Font") as refusal:
        read(tmp_path, pdfs.pdf("two"))
    assert refusal.value.code == "corrupt_pdf"


def broken_where_it_says(text: str) -> Callable[[Any], Page]:
    def read_page(page: Any) -> Page:
        found = pdf_page.read(page)
        if found.text == text:
            raise PdfiumError("no such /Font")
        return found

    return read_page
