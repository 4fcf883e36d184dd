"""What every reader keeps: the fake, and the bundled ones on OpenVINO and on torch."""

from collections.abc import Iterator

import pytest

from app import models
from app.gate import OTHER
from app.reader.bundle import open_torch_reader
from app.reader.port import FakeReader, Reader
from app.reader.trained import ENGLISH, MULTILINGUAL
from app.settings import Settings
from tests.support.left_out import leave_out

BRIDGE = "پل خواجو در سال ۱۰۶۰ هجری به دستور شاه عباس دوم در اصفهان ساخته شد."
PALACE = "故宫位于北京市中心，是明清两代的皇家宫殿，始建于1406年。"
FERRY = "Ferries run daily. The ferry leaves the harbour at noon. Bring a ticket."


TRAINED = {"multilingual": MULTILINGUAL, "english": ENGLISH}


@pytest.fixture(
    scope="module", params=["fake", *(f"{name} {on}" for name in TRAINED for on in ("openvino", "torch"))]
)
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    if request.param == "fake":
        yield FakeReader()
        return
    trained = TRAINED[request.param.split()[0]]
    settings = Settings(_env_file=None, device="cpu")
    if not models.is_prepared(settings):
        leave_out("the models are not prepared (simurgh models prepare)")
    if request.param.endswith("openvino"):
        yield models.build_readers(settings)[trained.language or OTHER]
        return
    encoder = models.encoder_folder(settings, trained.encoder)
    if not encoder.exists():  # made for the test alone: 438 MB that would stay among the models
        encoder = tmp_path_factory.mktemp("encoder")
        models.ENCODERS[trained.encoder](encoder, lambda *_: None)
    yield open_torch_reader(trained, encoder, device="cpu")


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


def test_which_readers_there_are_is_a_setting() -> None:
    settings = Settings(_env_file=None, device="cpu")
    if not models.is_prepared(settings):
        leave_out("the models are not prepared (simurgh models prepare)")
    assert set(models.build_readers(settings)) == {"en", OTHER}
    assert set(models.build_readers(settings.model_copy(update={"reader": "multilingual"}))) == {OTHER}
    assert models.build_readers(settings.model_copy(update={"reader": "none"})) == {}
