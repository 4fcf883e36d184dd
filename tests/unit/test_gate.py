"""The evidence gate."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.gate import OTHER, Calibration, EvidenceGate, features, load_calibrations
from app.reader.port import FakeReader, Reading
from tests.support.hits import hit

SURE = Calibration(weights={"margin": 1.0}, bias=0.0, threshold=0.5)


def test_what_the_reader_finds_is_evidence() -> None:
    gate = EvidenceGate(FakeReader(), {OTHER: SURE})
    found = gate.weigh("the ferry leaves at?", [hit("Bring a ticket."), hit("It leaves at noon.")])
    assert found.enough
    assert found.confidence > 0.9
    assert [reading.margin for reading in found.readings] == [-10.0, 5.0]
    assert not gate.weigh("the ferry leaves at?", [hit("Bring a ticket.")]).enough


def test_a_setting_overrides_the_calibrated_threshold() -> None:
    gate = EvidenceGate(FakeReader(), {OTHER: SURE}, min_confidence=0.0)
    assert gate.weigh("the ferry leaves at?", [hit("Bring a ticket.")]).enough


def test_by_the_cosines_of_another_embedder_nothing_is_refused() -> None:
    gate = EvidenceGate(FakeReader(), {OTHER: SURE})
    assert gate.weigh("the ferry leaves at?", [replace(hit("Bring a ticket."), embedder="another")]).enough


def test_each_language_has_its_own_calibration() -> None:
    never = Calibration(weights={"margin": 0.0}, bias=-9.0, threshold=0.5)
    gate = EvidenceGate(FakeReader(), {"fa": never, OTHER: SURE})
    assert gate.weigh("leaves at?", [hit("It leaves at noon.")]).enough
    assert not gate.weigh("کشتی کی می‌رود at?", [hit("It leaves at noon.")]).enough


def test_extreme_margins_are_bounded() -> None:
    found = features([hit("a")], [Reading(start=0, end=0, margin=float("-inf"))])
    assert 0.0 <= SURE.probability(found) <= 1.0


@pytest.mark.parametrize("reader", [True, False])
def test_the_shipped_calibrations(reader: bool) -> None:
    shipped = load_calibrations(reader=reader)
    assert {OTHER, "fa", "zh", "en"} <= set(shipped)
    known = features([hit("a")], [])
    for calibration in shipped.values():
        assert set(calibration.weights) <= set(known)
        assert 0 < calibration.threshold < 1
        assert reader or not any("margin" in name for name in calibration.weights)


def test_a_calibration_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    one = {"weights": {"dense": 1.0}, "bias": 0.5, "threshold": 0.2}
    path.write_text(json.dumps({"with_reader": {OTHER: one}, "without_reader": {OTHER: one}}))
    assert load_calibrations(reader=True, path=path)[OTHER].bias == 0.5
