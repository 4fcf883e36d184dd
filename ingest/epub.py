"""The chapters of an EPUB book in their reading order, each as its page shows it."""

import posixpath
from typing import Any
from urllib.parse import unquote

from indexes.errors import UnreadableDocument
from ingest import markdown
from ingest.archive import opened, xml
from ingest.charsets import declared_charset, decode
from ingest.html import whole_page

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
FONTS = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")  # obfuscated fonts only


def extract_epub(content: bytes) -> tuple[str, str | None]:
    """Markdown, and the book's title."""
    with opened(content) as archive:
        parts = set(archive.namelist())
        if ENCRYPTION in parts:
            methods = xml(archive.read(ENCRYPTION)).iter("{*}EncryptionMethod")
            if any(method.get("Algorithm", "").encode() not in FONTS for method in methods):
                raise UnreadableDocument("it is protected (DRM)", code="encrypted_document")
        place = next(xml(archive.read(CONTAINER)).iter("{*}rootfile")).get("full-path", "")
        package = xml(archive.read(place))
        chapters = []
        for name in dict.fromkeys(_spine(package, posixpath.dirname(place))):
            if name in parts:
                page = archive.read(name)
                chapters.append(whole_page(decode(page, declared_charset(page))))
    title = next(package.iter("{*}title"), None)
    return markdown.join(chapters), (markdown.line(title.text or "") or None) if title is not None else None


def _spine(package: Any, folder: str) -> list[str]:
    """The parts to read, in their order."""
    places = {item.get("id"): item.get("href", "") for item in package.iter("{*}item")}
    named = (places.get(one.get("idref")) for one in package.iter("{*}itemref") if one.get("linear") != "no")
    return [posixpath.normpath(posixpath.join(folder, unquote(name))) for name in named if name]
