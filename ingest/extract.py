"""From bytes to text: what the bytes are decides, whatever the name or header says."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexes.errors import UnreadableDocument
from ingest.charsets import content_type, declared_charset, decode
from ingest.hidden import clean
from ingest.kinds import MEDIA_TYPES, Kind, sniff

__all__ = ["MEDIA_TYPES", "Extracted", "Kind", "Limits", "clean", "extract"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    pages: int
    chars: int


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """``page_starts`` are code-point offsets into ``text``; None where there are no pages."""

    text: str
    title: str | None
    kind: Kind
    page_starts: list[int] | None = None


def extract(path: Path, *, name: str, hint: str | None, url: str | None, limits: Limits) -> Extracted:
    """``hint`` is the content type that came with the bytes. Raises UnreadableDocument with its reason."""
    content = path.read_bytes()
    media_type, charset = content_type(hint)
    kind = sniff(content, name=name, hint=media_type)
    if kind == "pdf":
        from ingest.pdf import extract_pdf

        extracted = extract_pdf(content, limits)
    else:
        if kind == "html" and charset is None:
            charset = declared_charset(content)
        text = decode(content, None if kind == "payload" else charset)
        if kind == "html":
            from ingest.html import extract_html

            extracted = extract_html(text, url)
        elif kind == "payload":
            extracted = extract_payload(json.loads(text))
        else:
            extracted = Extracted(text=clean(text), title=None, kind=kind)
    if len(extracted.text) > limits.chars:
        raise UnreadableDocument(
            f"it holds {len(extracted.text):,} characters, more than the {limits.chars:,} allowed",
            code="too_much_text",
        )
    if not extracted.text.strip():
        raise UnreadableDocument("no text was found in it", code="no_text")
    return extracted


def extract_payload(payload: dict[str, Any]) -> Extracted:
    """Title, text, then the data as ``path: value`` lines, so that a question can meet either."""
    parts = [payload.get("title"), payload.get("text")]
    data = payload.get("data")
    if data:
        parts.append(
            "\n".join(f"{path}: {value}" if path else str(value) for path, value in _leaves(data, ""))
        )
    text = clean("\n\n".join(part for part in parts if part))
    return Extracted(text=text, title=clean(payload.get("title") or "") or None, kind="payload")


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [
            leaf for key, some in value.items() for leaf in _leaves(some, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [leaf for some in value for leaf in _leaves(some, path)]
    return [] if value is None else [(path, value)]
