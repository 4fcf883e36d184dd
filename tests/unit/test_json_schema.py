"""Which schemas an engine is given, and what is said of the others."""

from typing import Any

import pytest

from app.json_schema import CHOICES, DEPTH, PARTS, SIZE, require_plain
from indexes.errors import InvalidRequest

TEXT = {"type": "string"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def nested(levels: int) -> dict[str, Any]:
    return of(a=nested(levels - 1)) if levels else TEXT


def test_what_a_record_needs() -> None:
    require_plain(
        {
            "title": "An answer",
            **of(
                text=TEXT,
                kind={"enum": ["a", 1, None, True]},
                tags={"type": "array", "items": TEXT, "maxItems": 5},
                size={"anyOf": [{"type": "number"}, {"type": "null"}], "description": "in metres"},
            ),
            "required": ["text"],
            "additionalProperties": False,
        }
    )
    require_plain(nested(DEPTH - 1))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "needs"),
        ({"type": "string"}, "of no object"),
        ({"type": "object"}, "no properties"),
        (of(a={}), "schema.a needs one of"),
        (of(a="string"), "schema.a is no object"),
        (of(a={"type": ["string", "null"]}), "of the type"),
        (of(a={"type": "date"}), "of the type 'date'"),
        (of(a={"type": "string", "pattern": "(a{1,9999}){1,9999}"}), "'pattern', which is not supported"),
        (of(a={"type": "string", "format": "email"}), "'format'"),
        (of(a={"$ref": "#"}), "needs one of"),
        (of(a={"type": "string", "maxLength": 40}), "'maxLength', which is not supported"),
        (of(a={"type": "array"}), "schema.a.items is no object"),
        (of(a={"type": "array", "items": TEXT, "maxItems": 10**6}), "schema.a.maxItems must be"),
        (of(a={"type": "array", "items": TEXT, "maxItems": True}), "schema.a.maxItems must be"),
        (
            of(a={"type": "array", "items": TEXT, "minItems": 5, "maxItems": 4}),
            "schema.a.minItems is greater",
        ),
        (of(a={"enum": []}), "schema.a.enum is no list"),
        (of(a={"enum": [[1]]}), "something else"),
        (of(a={"anyOf": [TEXT] * (CHOICES + 1)}), "schema.a.anyOf is no list"),
        (of(a={"anyOf": [TEXT, {"type": "x"}]}), "schema.a.anyOf[1] is of the type"),
        ({**of(a=TEXT), "required": ["b"]}, "schema.required is no list"),
        ({**of(a=TEXT), "additionalProperties": True}, "additionalProperties must be false"),
        (of(**{f"p{number}": TEXT for number in range(PARTS)}), f"the limit is {PARTS}"),
        (of(a={**TEXT, "description": "x" * SIZE}), "characters, the limit"),
        (nested(DEPTH), "nests deeper"),
        (nested(700), "nests deeper"),
    ],
)
def test_what_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match="schema") as raised:
        require_plain(schema)
    assert said in raised.value.message
    assert (raised.value.param, raised.value.code) == ("schema", "invalid_schema")
