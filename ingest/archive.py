"""Zipped documents, opened with care: no bomb is unpacked, no entity expanded, nothing fetched."""

import io
import zipfile
from typing import Any

from indexes.errors import UnreadableDocument

MAX_PARTS = 20_000
MAX_UNPACKED = 512 << 20  # bytes in all
MAX_RATIO = 200  # unpacked to packed, of a part larger than what follows
LARGE = 16 << 20  # bytes


def opened(content: bytes) -> zipfile.ZipFile:
    """Raises UnreadableDocument: too_large_unpacked, encrypted_document."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise UnreadableDocument("it is encrypted: remove its password first", code="encrypted_document")
    unpacked = sum(part.file_size for part in parts)
    swollen = any(
        part.file_size > LARGE and part.file_size > MAX_RATIO * max(part.compress_size, 1) for part in parts
    )
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED or swollen:
        raise UnreadableDocument(
            f"unpacked it would take {unpacked >> 20:,} MB in {len(parts):,} parts: more than is allowed",
            code="too_large_unpacked",
        )
    return archive


def xml(content: bytes) -> Any:
    """The root element, by lxml; what is damaged is read as far as it goes. Raises ValueError."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if root is None:
        raise ValueError("there is no XML in it")
    etree.strip_elements(root, etree.Entity, with_tail=False)  # references that were not followed
    return root
