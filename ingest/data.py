"""Data in text form: CSV as a table, JSON and XML as ``path: value`` lines: a question can meet either."""

import csv
import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ingest import markdown
from ingest.archive import xml

if TYPE_CHECKING:
    import _csv

DELIMITERS = ",;\t|"
MAX_PATH = 300  # characters of a path, its end
SAMPLE = 10_000  # characters, to tell the delimiter by


def csv_text(text: str) -> str:
    """A Markdown table, its delimiter told by its content; plain text where it is no table."""
    try:
        delimiter = csv.Sniffer().sniff(text[:SAMPLE], DELIMITERS).delimiter
    except csv.Error:
        delimiter = max(DELIMITERS, key=text[:SAMPLE].count)
    try:
        return markdown.table(list(csv_rows(text, delimiter))) or text
    except csv.Error:
        return text


def csv_rows(text: str, delimiter: str, *, strict: bool = False) -> "_csv.Reader":
    """A cell may be as long as the text. The limit is the whole process's, so it is only ever raised.

    Its iteration raises csv.Error.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)


def json_text(text: str) -> tuple[Any, str]:
    """The value and its lines; records of a list are set apart. What is no JSON stays as it is."""
    try:
        value = _loads(text)
    except json.JSONDecodeError:
        try:
            value = [_loads(line) for line in text.splitlines() if line.strip()]  # JSON lines
        except json.JSONDecodeError:
            return None, text
    records = value if isinstance(value, list) else [value]
    return value, markdown.join(lines(record) for record in records)


def _loads(text: str) -> Any:
    """Numbers stay as they are written: 1.10, and one of a thousand digits."""
    return json.loads(text, parse_int=str, parse_float=str)


def lines(value: Any) -> str:
    return "\n".join(f"{path}: {leaf}" if path else str(leaf) for path, leaf in _leaves(value, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            below = [((f"{path}.{key}" if path else key)[-MAX_PATH:], some) for key, some in value.items()]
            waiting += reversed(below)
        elif isinstance(value, list):
            waiting += [(path, some) for some in reversed(value)]
        elif value is not None:
            yield path, value


def xml_text(content: bytes) -> str:
    """An element without children as ``name: text``, mixed content as a paragraph."""
    return markdown.join(_elements(xml(content)))


def _elements(element: Any) -> Iterator[str]:
    own = (element.text or "").strip() or any((child.tail or "").strip() for child in element)
    if not len(element):
        text = markdown.line(element.text or "")
        if text:
            yield f"{element.tag.rpartition('}')[2]}: {text}"
    elif own:
        yield markdown.line("".join(element.itertext()))
    else:
        leaves = [part for child in element if not len(child) for part in _elements(child)]
        if leaves:
            yield "\n".join(leaves)
        for child in element:
            if len(child):
                yield from _elements(child)
