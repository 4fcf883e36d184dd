"""Every error of the tree reaches a status, and is told in the contract's form."""

import re
from collections.abc import Iterator

import pytest

from app.api import errors as table
from indexes import errors as tree
from indexes.embedder import FakeEmbedder
from indexes.errors import Reembedded, SimurghError, Unavailable


def below(kind: type[SimurghError]) -> Iterator[type[SimurghError]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


CLASSES = sorted(set(below(SimurghError)), key=lambda kind: kind.__name__)


def made(kind: type[SimurghError]) -> SimurghError:
    if issubclass(kind, Reembedded):
        return kind("what is wrong", param="field", now=FakeEmbedder.identity)
    return kind("what is wrong", param="field")


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_a_status(kind: type[SimurghError]) -> None:
    assert any(parent in table.STATUS for parent in kind.__mro__), f"{kind.__name__} is not in the table"
    assert 400 <= table.status_of(made(kind)) < 600


@pytest.mark.parametrize("kind", CLASSES)
def test_every_body_has_the_contracts_form(kind: type[SimurghError]) -> None:
    [(key, error)] = table.body(made(kind), "r-1").items()
    assert key == "error"
    assert set(error) == {"code", "message", "param", "type", "request_id"}
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error["code"])
    assert (error["message"], error["param"], error["request_id"]) == ("what is wrong", "field", "r-1")


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (tree.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ([│ ]*(?:[├└]── )?)(\w+)", line)
        if match is None:
            continue
        depth = len(match.group(1)) // 4
        path[depth:] = [match.group(2)]
        if depth:
            drawn[path[depth]] = path[depth - 1]
    real = {kind.__name__: kind.__base__.__name__ for kind in CLASSES if kind.__base__ is not None}
    assert drawn == real


def test_unknown_errors_tell_nothing_of_our_insides() -> None:
    error = table.unexpected_body(ValueError("secret"), "r-2")["error"]
    assert (error["code"], error["request_id"]) == ("internal_error", "r-2")
    assert "secret" not in error["message"]


def test_only_passing_troubles_tell_when_to_come_back() -> None:
    assert Unavailable("later", retry_after=7).retry_after == 7
    assert table.status_of(Unavailable("later")) == 503


def test_half_a_surrogate_pair_can_be_told() -> None:
    error = table.body(SimurghError("no field '\ud800'", param="\ud800"), "r-3")["error"]
    assert error["message"].encode()
    assert error["param"].encode()
