"""An engine that does not serve an adapter as it was trained is found out."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.canary import CANARIES, CanaryRow, prove, read_canary
from app.generator import LoadedAdapter
from indexes.errors import InvalidAdapter

BASE = (-3.0, -2.5, -4.0, -0.5)
TUNED = (-0.5, -0.2, -1.0, -0.1)
ROW = CanaryRow(ids=(1, 2, 3, 4, 5, 6), answer_at=2, base=BASE, tuned=TUNED)
ADAPTER = LoadedAdapter(name="voice@0123", number=1, folder=Path("nowhere"))


class Engine:
    def __init__(self, base: Sequence[float], tuned: Sequence[float]) -> None:
        self._of = {False: base, True: tuned}

    async def logprobs(self, ids: Sequence[int], adapter: LoadedAdapter | None) -> list[float]:
        return [-9.0, *self._of[adapter is not None]]  # that of the prompt's second token comes first


def shifted(values: Sequence[float], by: float) -> list[float]:
    return [value + by * (-1) ** at for at, value in enumerate(values)]


@pytest.mark.parametrize(
    "engine",
    [Engine(BASE, TUNED), Engine(shifted(BASE, 0.05), shifted(TUNED, -0.08))],
    ids=["exact", "other numbers"],
)
async def test_one_that_serves_it(engine: Engine) -> None:
    proof = await prove(engine, ADAPTER, [ROW])
    assert proof.moved == pytest.approx((2.5 + 2.3 + 3.0 + 0.4) / 4)
    assert proof.served == pytest.approx(proof.moved, abs=0.14)
    assert proof.off <= 0.09


@pytest.mark.parametrize(
    "engine",
    [
        Engine(BASE, BASE),
        Engine(BASE, [(a + b) / 2 for a, b in zip(BASE, TUNED, strict=True)]),
        Engine(TUNED, BASE),
        Engine(BASE, shifted(TUNED, 2.0)),
    ],
    ids=["ignores it", "at half its scale", "the wrong way round", "another adapter"],
)
async def test_one_that_does_not(engine: Engine) -> None:
    with pytest.raises(InvalidAdapter, match="not serve it as it was trained") as caught:
        await prove(engine, ADAPTER, [ROW])
    assert caught.value.code == "canary_failed"


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "canary.json").write_bytes(CANARIES.dump_json((ROW,)))
    assert read_canary(tmp_path) == (ROW,)
    assert read_canary(tmp_path / "elsewhere") == ()


GOOD = {"ids": [1, 2, 3], "answer_at": 1, "base": [-1.0, -1.0], "tuned": [-1.0, -1.0]}


def changed(**values: object) -> Callable[[], str]:
    return lambda: json.dumps([{**GOOD, **values}])


@pytest.mark.parametrize(
    "content",
    [
        lambda: "[]",
        lambda: "{",
        lambda: json.dumps([GOOD] * 9),
        changed(ids=[1, -2, 3]),
        changed(ids=list(range(2000))),
        changed(base=[-1.0]),
        changed(tuned=[0.5, -1.0]),
        lambda: json.dumps([GOOD]).replace("-1.0", "NaN"),
        changed(more=1),
    ],
    ids=["empty", "no JSON", "too many", "negative", "too long", "one short", "above 1", "NaN", "unknown"],
)
def test_a_bad_one_is_refused(tmp_path: Path, content: Callable[[], str]) -> None:
    (tmp_path / "canary.json").write_text(content())
    with pytest.raises(InvalidAdapter) as caught:
        read_canary(tmp_path)
    assert caught.value.code == "bad_canary"
