"""Every rule that an adapter must keep, and what is written in place of its own configuration."""

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from app.adapter_check import MAX_HEADER, AdapterFacts, BaseModel, base_shapes, check
from indexes.errors import InvalidAdapter
from tests.support import lora

BASE = BaseModel(id=lora.BASE_ID, max_rank=16, shapes=lora.SHAPES)
FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


def run(
    folder: Path, *, config: dict[str, Any] | bytes | None = None, weights: Any = None, base: BaseModel = BASE
) -> AdapterFacts:
    if not isinstance(config, bytes):
        config = json.dumps(lora.config(**(config or {}))).encode()
    if not isinstance(weights, bytes):
        weights = save(lora.tensors() if weights is None else weights)
    (folder / lora.CONFIG).write_bytes(config)
    (folder / lora.WEIGHTS).write_bytes(weights)
    return check(folder, base)


def code_of(folder: Path, **parts: Any) -> str:
    with pytest.raises(InvalidAdapter) as caught:
        run(folder, **parts)
    assert caught.value.param == "file"
    return caught.value.code


def written(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / lora.CONFIG).read_text()))


def raw(header: Any, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def test_a_plain_adapter_is_accepted(tmp_path: Path) -> None:
    assert run(tmp_path) == AdapterFacts(rank=4, target_modules=["q_proj", "v_proj"])


def test_the_configuration_is_rewritten_from_known_keys(tmp_path: Path) -> None:
    run(
        tmp_path, config={"auto_mapping": {"x": "os.system"}, "lora_dropout": 0.1, "evil": 1, "revision": "x"}
    )
    assert written(tmp_path) == {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": lora.BASE_ID,
        "r": 4,
        "lora_alpha": 8,
        "use_rslora": False,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
        "inference_mode": True,
    }


@pytest.mark.parametrize("targets", ["all-linear", ".*(q|v)_proj", ["q_proj"], ["self_attn.q_proj"], None])
def test_target_modules_are_those_of_the_weights(tmp_path: Path, targets: Any) -> None:
    assert run(tmp_path, config={"target_modules": targets}).target_modules == ["q_proj", "v_proj"]


def test_rs_lora_is_kept(tmp_path: Path) -> None:
    run(tmp_path, config={"use_rslora": True})
    assert written(tmp_path)["use_rslora"] is True


@pytest.mark.parametrize("init", [True, False, "gaussian", "eva", "orthogonal"])
def test_inits_that_leave_the_base_as_it_is(tmp_path: Path, init: Any) -> None:
    run(tmp_path, config={"init_lora_weights": init})


@pytest.mark.parametrize(
    "changes",
    [
        {"peft_type": "IA3"},
        {"use_dora": True},
        {"bias": "all"},
        {"bias": "lora_only"},
        {"lora_bias": True},
        {"modules_to_save": ["lm_head"]},
        {"fan_in_fan_out": True},
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "PiSSA_niter_16"},
        {"init_lora_weights": "olora"},
        {"init_lora_weights": "loftq"},
        {"init_lora_weights": "something-new"},
        {"use_qalora": True},
        {"layer_replication": [[0, 1], [0, 1]]},
        {"alora_invocation_tokens": [1, 2]},
        {"trainable_token_indices": [7]},
        {"target_parameters": ["experts"]},
        {"use_bdlora": {"x": 1}},
    ],
)
def test_what_changes_the_maths_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert code_of(tmp_path, config=changes) == "unsupported_adapter"


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        *(
            json.dumps(lora.config(**changes)).encode()
            for changes in (
                {"r": 0},
                {"r": "4"},
                {"r": 4.5},
                {"r": None},
                {"lora_alpha": 0},
                {"lora_alpha": -8},
                {"lora_alpha": float("nan")},
                {"lora_alpha": float("inf")},
                {"lora_alpha": 10**9},
                {"rank_pattern": {"q_proj": "8"}},
                {"alpha_pattern": {"q_proj": float("nan")}},
                {"alpha_pattern": {"q_proj": float("inf")}},
                {"alpha_pattern": {"(a+)+$": 8}},
                {"rank_pattern": {"(a+)+$": 4}},
            )
        ),
    ],
)
def test_bad_configurations(tmp_path: Path, config: bytes) -> None:
    assert code_of(tmp_path, config=config) == "bad_config"


def test_rank_and_alpha_patterns_are_honoured(tmp_path: Path) -> None:
    weights = lora.tensors()
    name = "base_model.model.model.layers.1.self_attn.v_proj"
    weights[f"{name}.lora_A.weight"] = np.ones((8, lora.WIDTH), np.float32)
    weights[f"{name}.lora_B.weight"] = np.ones((lora.WIDTH, 8), np.float32)
    patterns = {"rank_pattern": {"layers.1.self_attn.v_proj": 8}, "alpha_pattern": {"v_proj": 32.0}}
    assert run(tmp_path, config=patterns, weights=weights).rank == 8
    assert {key: written(tmp_path)[key] for key in patterns} == patterns
    assert code_of(tmp_path, weights=weights) == "rank_mismatch"


def test_ranks(tmp_path: Path) -> None:
    assert code_of(tmp_path, config={"r": 10**6}) == "rank_mismatch"
    assert code_of(tmp_path, config={"r": 32}, weights=lora.tensors(32)) == "rank_too_high"
    huge = {FIRST: {"dtype": "F32", "shape": [10**6, 16], "data_offsets": [0, 64 * 10**6]}}
    assert code_of(tmp_path, config={"r": 10**6}, weights=raw(huge)) == "bad_weights"
    odd = lora.tensors() | {FIRST: np.ones((5, lora.WIDTH), np.float32)}
    assert code_of(tmp_path, weights=odd) == "rank_mismatch"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_weights_must_be_finite(tmp_path: Path, bad: float, dtype: Any) -> None:
    weights = lora.tensors(dtype=dtype)
    run(tmp_path, weights=weights)
    weights[FIRST][3, 15] = bad
    assert code_of(tmp_path, weights=weights) == "not_finite"


@pytest.mark.parametrize("bits", [0x7FC0, 0x7F80, 0xFF80])
def test_bfloat16_must_be_finite(tmp_path: Path, bits: int) -> None:
    def of(word: int) -> bytes:
        header, content = {}, b""
        for name, tensor in lora.tensors().items():
            part = np.full(tensor.size, 0x3F80, "<u2")
            if name == FIRST:
                part[-1] = word
            header[name] = {
                "dtype": "BF16",
                "shape": tensor.shape,
                "data_offsets": [len(content), len(content) + part.nbytes],
            }
            content += part.tobytes()
        return raw(header, content)

    run(tmp_path, weights=of(0x7F7F))
    assert code_of(tmp_path, weights=of(bits)) == "not_finite"


@pytest.mark.parametrize("dtype", [np.float64, np.int8, np.int32, np.uint16])
def test_other_types(tmp_path: Path, dtype: Any) -> None:
    assert code_of(tmp_path, weights=lora.tensors(value=1, dtype=dtype)) == "bad_weights"


@pytest.mark.parametrize(
    "name",
    [
        "lm_head.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.bias",
        "base_model.model.lm_head.modules_to_save.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_C.weight",
        FIRST + "\n",
        "base_model.model.../../x.lora_A.weight",
    ],
)
def test_tensors_that_do_not_belong(tmp_path: Path, name: str) -> None:
    extra = lora.tensors() | {name: np.ones((4, 16), np.float32)}
    assert code_of(tmp_path, weights=extra) == "unexpected_tensor"


def test_half_a_pair(tmp_path: Path) -> None:
    weights = lora.tensors()
    del weights[FIRST]
    assert code_of(tmp_path, weights=weights) == "bad_weights"


@pytest.mark.parametrize("shape", [(4,), (4, 16, 1), (0, 16), (4, 0)])
def test_strange_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    weights = lora.tensors() | {FIRST: np.ones(shape, np.float32)}
    assert code_of(tmp_path, weights=weights) == "bad_weights"


def test_another_base(tmp_path: Path) -> None:
    for name in ("someone/other-model", "other"):
        assert code_of(tmp_path, config={"base_model_name_or_path": name}) == "wrong_base_model"
    narrow = BaseModel(id=lora.BASE_ID, max_rank=16, shapes=dict.fromkeys(lora.SHAPES, (16, 8)))
    assert code_of(tmp_path, base=narrow) == "wrong_base_model"
    fewer = BaseModel(id=lora.BASE_ID, max_rank=16, shapes=dict(list(lora.SHAPES.items())[:2]))
    assert code_of(tmp_path, base=fewer) == "wrong_base_model"


@pytest.mark.parametrize("name", [None, "", "/home/somebody/model", "./model", "mirror/LLaMA", lora.BASE_ID])
def test_names_of_the_base_that_fit(tmp_path: Path, name: str | None) -> None:
    run(tmp_path, config={"base_model_name_or_path": name})


def test_a_base_in_a_folder_has_no_name_to_compare(tmp_path: Path) -> None:
    run(tmp_path, base=BaseModel(id="/models/v3", max_rank=16, shapes=lora.SHAPES))


def test_a_remote_base_is_checked_without_shapes(tmp_path: Path) -> None:
    remote = BaseModel(id=lora.BASE_ID, max_rank=16, shapes=None)
    assert run(tmp_path, base=remote).rank == 4


ONE = {"dtype": "F32", "shape": [4, 16], "data_offsets": [0, 256]}
OVERLAP = {"dtype": "F32", "shape": [16, 4], "data_offsets": [128, 384]}


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 8,
        raw(b"{"),
        raw(b"not json"),
        raw({}),
        raw({FIRST: ONE}, b"\x00" * 255),
        raw({FIRST: ONE}, b"\x00" * 257),
        raw({FIRST: ONE, FIRST.replace("_A", "_B"): OVERLAP}, b"\x00" * 384),
        raw({FIRST: {**ONE, "data_offsets": [10**9, 10**9 + 256]}}, b"\x00" * 256),
        raw({FIRST: {**ONE, "data_offsets": [256, 0]}}, b"\x00" * 256),
        raw({FIRST: {**ONE, "data_offsets": [-256, 0]}}, b"\x00" * 256),
        raw({FIRST: {**ONE, "shape": [2**40, 2**40]}}, b"\x00" * 256),
        raw({FIRST: {**ONE, "dtype": "F12"}}, b"\x00" * 256),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", MAX_HEADER + 1) + b" " * 100,
        save(lora.tensors())[:-1],
        save(lora.tensors())[:100],
    ],
)
def test_files_that_lie(tmp_path: Path, weights: bytes) -> None:
    assert code_of(tmp_path, weights=weights) == "bad_weights"


def test_large_weights_are_read_in_bounded_memory(tmp_path: Path) -> None:
    wide = 4_000_000
    name = FIRST.replace(".lora_A.weight", "")
    weights = {
        f"{name}.lora_A.weight": np.ones((4, wide), np.float32),
        f"{name}.lora_B.weight": np.ones((16, 4), np.float32),
    }
    shapes = {name.removeprefix("base_model.model."): (16, wide)}
    content = save(weights)
    del weights
    (tmp_path / lora.CONFIG).write_text(json.dumps(lora.config()))
    (tmp_path / lora.WEIGHTS).write_bytes(content)
    tracemalloc.start()
    check(tmp_path, BaseModel(id=lora.BASE_ID, max_rank=16, shapes=shapes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(content) * 0.75 < 64e6


@pytest.fixture
def tiny_model() -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(7)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=32,
        )
    ).eval()


@pytest.mark.filterwarnings("ignore:Found missing adapter keys")  # of the layers that have none
@pytest.mark.parametrize(
    "options",
    [
        {"r": 4, "target_modules": "all-linear"},
        {"r": 4, "target_modules": ["q_proj", "down_proj"], "use_rslora": True},
        {"r": 4, "target_modules": r".*\.(q|v)_proj"},
        {"r": 4, "target_modules": ["q_proj"], "layers_to_transform": [1]},
        {
            "r": 4,
            "target_modules": ["q_proj", "v_proj"],
            "rank_pattern": {"layers.1.self_attn.q_proj": 8},
            "alpha_pattern": {"v_proj": 64},
        },
    ],
    ids=["all-linear", "rslora", "regex", "one-layer", "patterns"],
)
def test_what_peft_saves_is_accepted_and_means_the_same_afterwards(
    tmp_path: Path, tiny_model: Any, options: dict[str, Any]
) -> None:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model

    ids = torch.arange(12)[None]
    plain = tiny_model(ids).logits.detach()
    tiny_model.save_pretrained(tmp_path / "base")
    tiny_model.config._name_or_path = lora.BASE_ID
    adapted = get_peft_model(tiny_model, LoraConfig(lora_alpha=16, task_type="CAUSAL_LM", **options))
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    expected = adapted.eval()(ids).logits.detach()
    assert not torch.allclose(plain, expected, atol=1e-3)
    adapted.save_pretrained(tmp_path / "adapter")

    base = BaseModel(id=lora.BASE_ID, max_rank=16, shapes=base_shapes(tmp_path / "base"))
    facts = check(tmp_path / "adapter", base)
    assert facts.rank == max(4, *options.get("rank_pattern", {"": 0}).values())

    from transformers import LlamaForCausalLM

    fresh = LlamaForCausalLM.from_pretrained(tmp_path / "base")
    loaded = PeftModel.from_pretrained(fresh, tmp_path / "adapter").eval()
    torch.testing.assert_close(loaded(ids).logits.detach(), expected)
