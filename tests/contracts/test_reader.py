"""What every reader keeps: the fake, and the bundled one on OpenVINO and on torch."""

from collections.abc import Iterator

import pytest

from app import models
from app.reader.bundle import open_torch_reader
from app.reader.port import FakeReader, Reader
from app.settings import Settings
from tests.support.left_out import leave_out

BRIDGE = "پل خواجو در سال ۱۰۶۰ هجری به دستور شاه عباس دوم در اصفهان ساخته شد."
PALACE = "故宫位于北京市中心，是明清两代的皇家宫殿，始建于1406年。"
FERRY = "Ferries run daily. The ferry leaves the harbour at noon. Bring a ticket."


@pytest.fixture(scope="module", params=["fake", "openvino", "torch"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    if request.param == "fake":
        yield FakeReader()
        return
    settings = Settings(_env_file=None, device="cpu")
    if not models.is_prepared(settings):
        leave_out("the models are not prepared (simurgh models prepare)")
    if request.param == "openvino":
        yield models.build_reader(settings)
        return
    encoder = models.write_e5(settings, lambda *_: None)
    yield open_torch_reader(encoder, device="cpu")


def test_one_reading_a_passage_in_their_order(reader: Reader) -> None:
    passages = [BRIDGE, FERRY, PALACE, "", FERRY * 30]
    readings = reader.read("When does the ferry leave the harbour?", passages)
    assert len(readings) == len(passages)
    for passage, reading in zip(passages, readings, strict=True):
        assert 0 <= reading.start <= reading.end <= len(passage)
    assert reader.read("When?", []) == []


def test_the_passage_that_answers_has_the_highest_margin(reader: Reader) -> None:
    readings = reader.read("When does the ferry leave the harbour?", ["It is blue.", FERRY])
    assert readings[1].margin > max(readings[0].margin, 0)
