"""Mail, rich text, CSV, JSON and XML."""

import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from indexes.errors import UnreadableDocument
from ingest.extract import Extracted, Limits, extract

LIMITS = Limits(pages=50, chars=1_000_000)


def read(path: Path, content: bytes | str, *, name: str = "file", hint: str | None = None) -> Extracted:
    file = path / "content"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return extract(file, name=name, hint=hint, url=None, limits=LIMITS)


def mail(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": "a@b.example", "To": "c@d.example", "Subject": "سلام", **headers}.items():
        message[name] = value
    return message


def test_mail(tmp_path: Path) -> None:
    message = mail(Date="Fri, 16 Dec 2022 17:04:16 -0500")
    message.set_content("Only the plain part says this.")
    message.add_alternative("<h2>Hours</h2><p hidden>SECRET</p><p>Nine to five.</p>", subtype="html")
    message.add_attachment("a,b\n1,2\n", subtype="csv", filename="data.csv")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    inner = mail(Subject="Inner")
    inner.set_content("Forwarded words.")
    message.add_attachment(inner)
    extracted = read(tmp_path, bytes(message))
    assert (extracted.kind, extracted.title) == ("eml", "سلام")
    assert extracted.text.startswith(
        "# سلام\n\nFrom: a@b.example\nTo: c@d.example\nDate: Fri, 16 Dec 2022 17:04:16 -0500\n"
        "Attachments: data.csv, plan.pdf\n\n## Hours\n\nNine to five.\n\n## data.csv\n\na,b\n1,2"
    )
    assert "## Inner" in extracted.text
    assert "Forwarded words." in extracted.text
    assert "Only the plain part" not in extracted.text


def test_plain_mail_in_an_odd_charset(tmp_path: Path) -> None:
    source = b"From: a@b\nTo: c@d\nSubject: x\nContent-Type: text/plain; charset=no-such\n\nCaf\xe9 words"
    assert read(tmp_path, source).text.endswith("\n\nCaf\ufffd words")
    assert read(tmp_path, b"From: a@b\n\nwords", name="x.eml").text == "From: a@b\n\nwords"
    utf16 = b"From: a@b\nTo: c@d\nSubject: x\n\nwords".decode().encode("utf-16-le")
    assert read(tmp_path, utf16).text.endswith("words")


def test_an_encrypted_mail(tmp_path: Path) -> None:
    source = "From: a@b\nTo: c@d\nSubject: x\nContent-Type: multipart/encrypted; boundary=z\n\n--z--\n"
    with pytest.raises(UnreadableDocument) as refusal:
        read(tmp_path, source)
    assert refusal.value.code == "encrypted_document"


def test_text_with_a_colon_is_no_mail(tmp_path: Path) -> None:
    assert read(tmp_path, "Subject: one line\n\nThen a text.").kind == "text"


def test_rich_text(tmp_path: Path) -> None:
    source = (
        "{\\rtf1\\ansi{\\info{\\title The\nbirds}}"
        r"Seen {\v SECRET \u1587? }here.\par \v SECRET\v0 Again.\par "
        r"\trowd\cellx1\cellx2 a\cell b\cell\row \trowd\cellx1\cellx2 c\cell d\cell\row Caf\'e9}"
    )
    extracted = read(tmp_path, source)
    assert (extracted.kind, extracted.title) == ("rtf", "The birds")
    assert "SECRET" not in extracted.text
    assert "Seen here." in extracted.text
    assert "Again." in extracted.text
    assert "| a | b |\n| --- | --- |\n| c | d |" in extracted.text
    assert extracted.text.endswith("Café")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,2\n3,4\n", "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"),
        ("a;b\n1,5;2\n3,5;4\n", "| a | b |\n| --- | --- |\n| 1,5 | 2 |\n| 3,5 | 4 |"),
        ("a\tb\n1\t2\n", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ('a,b\n"x, y\nz",2\n', "| a | b |\n| --- | --- |\n| x, y z | 2 |"),
    ],
)
def test_csv(tmp_path: Path, content: str, expected: str) -> None:
    assert read(tmp_path, content, name="a.csv").text == expected
    assert read(tmp_path, content, hint="text/csv").kind == "csv"


def test_json(tmp_path: Path) -> None:
    records = [{"name": "a", "tags": ["x", "y"]}, {"name": "b", "none": None}]
    expected = "name: a\ntags: x\ntags: y\n\nname: b"
    assert read(tmp_path, json.dumps(records), name="a.json").text == expected
    assert read(tmp_path, "\n".join(json.dumps(one) for one in records), name="a.jsonl").text == expected
    assert read(tmp_path, json.dumps(records), hint="application/json").kind == "json"
    assert read(tmp_path, '{"name": "a"', name="a.json").text == '{"name": "a"'


def test_xml(tmp_path: Path) -> None:
    source = (
        "<?xml version='1.0'?><all><one><name>a</name><size>2</size></one><p>Some <b>mixed</b> text</p></all>"
    )
    extracted = read(tmp_path, source)
    assert (extracted.kind, extracted.text) == ("xml", "name: a\nsize: 2\n\nSome mixed text")


def test_utf16_without_a_mark(tmp_path: Path) -> None:
    text = "A plain text, in Latin letters mostly: سلام."
    assert read(tmp_path, text.encode("utf-16-le")).text == text
    assert read(tmp_path, text.encode("utf-16-be")).text == text
