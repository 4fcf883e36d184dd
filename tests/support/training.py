"""A base model that trains in seconds: real in everything but its size and what it knows. A pytest plugin."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.generator import Message
from tuning.plan import Plan
from tuning.records import Example
from tuning.workspace import Task

MAKE = """
import sys, torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
tokens = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(letters)}, merges=[]))
tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokens.decoder = decoders.ByteLevel()
special = ["<|im_start|>", "<|im_end|>"]
tokens.add_special_tokens(special)
start, end = map(tokens.token_to_id, special)
template = "{% for one in messages %}<|im_start|>{{ one.role }}\\n{{ one.content }}<|im_end|>\\n{% endfor %}"
template += "{% if add_generation_prompt %}<|im_start|>assistant\\n{% endif %}"
PreTrainedTokenizerFast(tokenizer_object=tokens, bos_token=special[0], eos_token=special[1],
    pad_token=special[1], chat_template=template).save_pretrained(sys.argv[1])
torch.manual_seed(1)
LlamaForCausalLM(LlamaConfig(vocab_size=len(letters) + 2, hidden_size=64, intermediate_size=128,
    num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=1024,
    tie_word_embeddings=True, bos_token_id=start, eos_token_id=end, pad_token_id=end, initializer_range=0.2,
)).save_pretrained(sys.argv[1])
"""
SUBJECTS = ("ferry", "harbour", "lighthouse", "buoy", "anchor", "tide", "net", "pier", "crane", "compass")
SIZES = ("small", "large", "old", "new", "red", "quiet")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random model whose tokens are bytes, with a chat template like the bundled one's."""
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, timeout=300)
    return folder


def examples(count: int, *, pairs: bool = False) -> list[Example]:
    """Of one mould, each different."""
    found = []
    for number in range(count):
        thing = f"{SIZES[number // len(SUBJECTS) % len(SIZES)]} {SUBJECTS[number % len(SUBJECTS)]}"
        found.append(
            Example(
                line=number + 1,
                prompt=(Message(role="user", content=f"What is the {thing} for?"),),
                answer=f"Aye, the {thing} is for the sea.",
                rejected=f"I do not know what {thing} means here" if pairs else None,
            )
        )
    return found


def task(base: Path, **changes: object) -> Task:
    settings: dict[str, object] = {
        "method": "lora",
        "stages": ("sft",),
        "rank": 8,
        "alpha": 16,
        "rslora": False,
        "dropout": 0.05,
        "learning_rate": 1e-2,
        "epochs": 3,
        "batch": 8,
        "at_once": 4,
        "max_length": 512,
        "gradient_checkpointing": False,
        "spectrum": None,
        "replay": 0.0,
        "ewc": 0.0,
        "memory": 1.0,
    }
    modules = changes.pop("modules", ())
    return Task(weights=base, base="tiny", plan=Plan(**{**settings, **changes}), modules=modules)  # type: ignore[arg-type]
