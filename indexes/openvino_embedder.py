"""A sentence-transformers encoder run by OpenVINO: two to six times plain torch on a CPU.

sentence-transformers' own ``backend="openvino"`` needs a transformers older than vLLM's, so the encoder
with its pooling and normalisation is converted once (`convert`) and run directly.
"""

import json
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from indexes.records import EmbedderIdentity, Vectors
from indexes.torch_embedder import identity_of

Ids = npt.NDArray[np.int64]
SHAPE_STEP = 16  # lengths are its multiples: OpenVINO keeps code and memory for every shape that it has seen
CALL = 32  # tokens of padding that take as long as one more call does


def convert(source: str, folder: Path, *, identity: EmbedderIdentity | None = None) -> EmbedderIdentity:
    """Convert a sentence-transformers model (a folder or a Hugging Face id) into ``folder``.

    Writes encoder.xml and .bin (inputs ids and mask [n, t]; output [n, dim]), tokenizer.json and, last,
    embedder.json.
    """
    import openvino
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(source, device="cpu")
    model.eval().requires_grad_(False)

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = model  # a child, so that its weights become the graph's, not copies in the trace

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            features: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
            for module in self.parts:
                features = module(features)
            embedding: torch.Tensor = features["sentence_embedding"]
            return embedding

    example = torch.ones((2, 8), dtype=torch.int64)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=Warning, message=".*trace.*"
        )  # lengths are inputs; the result is checked
        converted = openvino.convert_model(
            Encoder(),
            example_input=(example, example),
            input=[("ids", [-1, -1], np.int64), ("mask", [-1, -1], np.int64)],
        )
    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(converted, folder / "encoder.xml", compress_to_fp16=True)
    tokenizer = model.tokenizer.backend_tokenizer
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(model.max_seq_length or 512))
    tokenizer.save(str(folder / "tokenizer.json"))
    identity = identity or identity_of(model, source)
    partial = folder / "embedder.json.tmp"
    partial.write_text(json.dumps(asdict(identity)))
    os.replace(partial, folder / "embedder.json")
    return identity


class OpenVinoEmbedder:
    def __init__(
        self, folder: Path, *, batch_tokens: int, give_way: Callable[[], object] = lambda: None
    ) -> None:
        """``batch_tokens`` bounds the memory, and the time between two calls of ``give_way``."""
        import openvino
        from tokenizers import Tokenizer

        self.identity = EmbedderIdentity(**json.loads((folder / "embedder.json").read_text()))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._longest: int = (self._tokenizer.truncation or {}).get("max_length", SHAPE_STEP)
        core = openvino.Core()
        compiled = core.compile_model(str(folder / "encoder.xml"), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        self._request = compiled.create_infer_request()
        self._batch_tokens = batch_tokens
        self._give_way = give_way
        self._lock = threading.Lock()  # an infer request serves one caller at a time

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self.identity.query_prompt + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self.identity.passage_prompt + text for text in texts])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self.identity.dim), np.float32)
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]
        lengths = [_shape(len(ids), self._longest) for ids in tokens]
        for rows in batches(lengths, self._batch_tokens):
            ids, mask = _padded([tokens[row] for row in rows], lengths[rows[-1]])
            with self._lock:
                self._give_way()  # not before: another's batch takes as long as a question
                self._request.infer({"ids": ids, "mask": mask}, share_inputs=True)
                vectors[rows] = self._request.get_output_tensor().data
        return vectors


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Row numbers, the longest of a batch last, so that rows x longest <= budget (or a single row).

    Similar lengths are together, and rows are not padded for more than another call costs: a call with a
    single row of 128 tokens takes a seventh more a token than one with sixteen."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if rows:  # this one would be the longest
            padding = len(rows) * (lengths[row] - lengths[rows[-1]])
            if padding > CALL or (len(rows) + 1) * lengths[row] > budget:
                yield rows
                rows = []
        rows.append(row)
    if rows:
        yield rows


def _shape(length: int, limit: int) -> int:
    """The next multiple of SHAPE_STEP, up to the model's ``limit``."""
    return max(length, min(limit, -(-length // SHAPE_STEP) * SHAPE_STEP))


def _padded(tokens: Sequence[Sequence[int]], length: int) -> tuple[Ids, Ids]:
    """Ids and mask, [n, length]; id 0 fills up, where the mask is 0."""
    ids = np.zeros((len(tokens), length), np.int64)
    mask = np.zeros_like(ids)
    for row, some in enumerate(tokens):
        ids[row, : len(some)] = some
        mask[row, : len(some)] = 1
    return ids, mask
