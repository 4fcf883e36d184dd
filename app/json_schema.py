"""The JSON schemas that an answer can be held to: a small and bounded part of the standard.

An engine makes a grammar of a schema before it writes. What is not known here is refused, so that none takes
it long or much memory: no references, patterns or formats, and no bounds of a string's length, each of which
takes xgrammar seconds and megabytes where all else takes a tenth of a second: max_tokens ends an answer, too.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from indexes.errors import InvalidRequest

SIZE = 8_192  # characters of JSON
DEPTH = 8  # schemas within schemas
PARTS = 64  # schemas in it
CHOICES = 64  # of an enum or anyOf
ITEMS = 64  # of an array
ANYWHERE = {"title", "description"}
OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": set[str](),
    "integer": set[str](),
    "number": set[str](),
    "boolean": set[str](),
    "null": set[str](),
}


def require_plain(schema: Mapping[str, Any]) -> None:
    """Raises InvalidRequest, which names the place and what is wrong there."""
    try:
        size = len(json.dumps(schema, ensure_ascii=False))
    except RecursionError as error:
        raise _invalid("", f"nests deeper than {DEPTH} levels") from error
    if size > SIZE:
        raise _invalid("", f"has {size:,} characters, the limit is {SIZE:,}")
    if schema.get("type") != "object":
        raise _invalid("", 'is of no object: it needs "type": "object"')
    if (parts := sum(1 for _ in _parts(schema, "", 1))) > PARTS:
        raise _invalid("", f"has {parts} parts, the limit is {PARTS}")


def _parts(schema: Any, place: str, depth: int) -> Iterator[None]:
    """One for each schema in it. Raises InvalidRequest."""
    if not isinstance(schema, dict):
        raise _invalid(place, "is no object")
    if depth > DEPTH:
        raise _invalid(place, f"nests deeper than {DEPTH} levels")
    yield
    kinds = [name for name in ("type", "enum", "anyOf") if name in schema]
    if len(kinds) != 1:
        raise _invalid(place, "needs one of type, enum and anyOf")
    kind = schema["type"] if kinds == ["type"] else None
    if kind is not None and (not isinstance(kind, str) or kind not in OF_TYPE):
        raise _invalid(place, f"is of the type {kind!r}: use one of {', '.join(OF_TYPE)}")
    known = ANYWHERE | {kinds[0]} | (OF_TYPE[kind] if kind else set())
    if unknown := sorted(set(schema) - known):
        raise _invalid(place, f"has {unknown[0]!r}, which is not supported here")
    if kind == "object":
        yield from _parts_of_object(schema, place, depth)
    elif kind == "array":
        _require_bounds(schema, place)
        yield from _parts(schema.get("items"), f"{place}.items", depth + 1)
    elif kind is None:
        yield from _parts_of_choice(schema[kinds[0]], f"{place}.{kinds[0]}", depth, plain=kinds == ["enum"])


def _parts_of_object(schema: dict[str, Any], place: str, depth: int) -> Iterator[None]:
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, dict) or not properties:
        raise _invalid(place, "has no properties")
    if not isinstance(required, list) or not all(
        isinstance(one, str) and one in properties for one in required
    ):
        raise _invalid(f"{place}.required", "is no list of names among the properties")
    if schema.get("additionalProperties", False) is not False:
        raise _invalid(f"{place}.additionalProperties", "must be false")
    for name, part in properties.items():
        yield from _parts(part, f"{place}.{name}", depth + 1)


def _parts_of_choice(choices: Any, place: str, depth: int, *, plain: bool) -> Iterator[None]:
    if not isinstance(choices, list) or not 1 <= len(choices) <= CHOICES:
        raise _invalid(place, f"is no list of 1 to {CHOICES}")
    for number, one in enumerate(choices):
        if not plain:
            yield from _parts(one, f"{place}[{number}]", depth + 1)
        elif isinstance(one, (dict, list)):
            raise _invalid(place, "holds something else than texts, numbers, booleans and null")


def _require_bounds(schema: dict[str, Any], place: str) -> None:
    low, high = schema.get("minItems", 0), schema.get("maxItems", ITEMS)
    for name, value in (("minItems", low), ("maxItems", high)):
        if type(value) is not int or not 0 <= value <= ITEMS:
            raise _invalid(f"{place}.{name}", f"must be a whole number from 0 to {ITEMS:,}")
    if low > high:
        raise _invalid(f"{place}.minItems", "is greater than maxItems")


def _invalid(place: str, what: str) -> InvalidRequest:
    return InvalidRequest(f"the schema{place} {what}", param="schema", code="invalid_schema")
