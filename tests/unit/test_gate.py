"""The evidence gate."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.gate import OTHER, Calibration, EvidenceGate, features, load_calibrations
from app.reader.port import FakeReader, Reading
from tests.support.hits import hit

TOLD = Reading(start=0, end=1, margin=5.0)
SILENT = Reading(start=0, end=1, margin=-9.0)
SURE = Calibration(weights={"margin": 1.0}, bias=0.0, threshold=0.5)


def test_what_the_reader_finds_is_evidence() -> None:
    gate = EvidenceGate({OTHER: FakeReader()}, {OTHER: SURE})
    found = gate.weigh("the ferry leaves at?", [hit("Bring a ticket."), hit("It leaves at noon.")])
    assert found.enough
    assert found.confidence > 0.9
    assert [reading.margin for reading in found.readings] == [-10.0, 5.0]
    assert not gate.weigh("the ferry leaves at?", [hit("Bring a ticket.")]).enough


def test_a_setting_overrides_the_calibrated_threshold() -> None:
    gate = EvidenceGate({OTHER: FakeReader()}, {OTHER: SURE}, min_confidence=0.0)
    assert gate.weigh("the ferry leaves at?", [hit("Bring a ticket.")]).enough


def test_by_the_cosines_of_another_embedder_nothing_is_refused() -> None:
    gate = EvidenceGate({OTHER: FakeReader()}, {OTHER: SURE})
    assert gate.weigh("the ferry leaves at?", [replace(hit("Bring a ticket."), embedder="another")]).enough


def test_each_language_has_its_own_calibration() -> None:
    never = Calibration(weights={"margin": 0.0}, bias=-9.0, threshold=0.5)
    gate = EvidenceGate({OTHER: FakeReader()}, {"fa": never, OTHER: SURE})
    assert gate.weigh("leaves at?", [hit("It leaves at noon.")]).enough
    assert not gate.weigh("کشتی کی می‌رود at?", [hit("It leaves at noon.")]).enough


def test_each_language_has_its_own_reader_where_the_passages_are_in_it() -> None:
    class Sees(FakeReader):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
            self.seen.append(question)
            return super().read(question, passages)

    english, other = Sees(), Sees()
    gate = EvidenceGate({"en": english, OTHER: other}, {"en": SURE, OTHER: SURE})
    noon = hit("It leaves at noon.")
    for question, languages in {
        "It leaves at?": ["en", "en", "de"],
        "Before languages were recorded?": [None],
        "Wann fährt sie ab?": ["de"],
        "In English of a Chinese passage?": ["zh", "zh", "en"],
        "کشتی کی می‌رود؟": ["en"],
    }.items():
        gate.weigh(question, [replace(noon, language=one) for one in languages])
    assert english.seen == ["It leaves at?", "Before languages were recorded?"]
    assert len(other.seen) == 3


def test_extreme_margins_are_bounded() -> None:
    found = features([hit("a")], [Reading(start=0, end=0, margin=float("-inf"))])
    assert 0.0 <= SURE.probability(found) <= 1.0


def test_a_passage_that_comes_alone_leads_as_passages_do_on_average() -> None:
    leads = Calibration(weights={"lead": 2.0}, bias=-1.0, threshold=0.5, means={"lead": 0.5})
    alone, beside = (features(hits, []) for hits in ([hit("a")], [hit("a"), hit("b")]))
    assert leads.probability(alone) == 0.5
    assert leads.probability(beside) < 0.5, "no nearer than the other"


@pytest.mark.parametrize("language", ["en", "fa", "zh", OTHER])
def test_a_plain_answer_in_the_only_passage_is_enough(language: str) -> None:
    shipped = load_calibrations({OTHER, "en"})[language]
    only = [replace(hit("a"), dense=0.9, lexical=0.2, coverage=0.4)]
    assert shipped.probability(features(only, [TOLD])) > shipped.threshold
    assert shipped.probability(features(only, [SILENT])) < shipped.threshold


@pytest.mark.parametrize("readers", [{OTHER, "en"}, set()])
def test_the_shipped_calibrations(readers: set[str]) -> None:
    shipped = load_calibrations(readers)
    assert {OTHER, "fa", "zh", "en"} <= set(shipped)
    known = features([hit("a"), hit("b")], [])
    for calibration in shipped.values():
        assert set(calibration.weights) <= set(known)
        assert 0 < calibration.threshold < 1
        assert readers or not any("margin" in name for name in calibration.weights)


def test_a_calibration_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gate.json"
    one = {"weights": {"dense": 1.0}, "bias": 0.5, "threshold": 0.2}
    fitted = {OTHER: one, "en": {**one, "reader": "en"}}
    path.write_text(json.dumps({"with_reader": fitted, "without_reader": fitted}))
    assert load_calibrations({OTHER, "en"}, path)["en"].bias == 0.5
    assert set(load_calibrations({OTHER}, path)) == {OTHER}, "fitted to the margins of another reader"
    assert set(load_calibrations([], path)) == {OTHER, "en"}
