"""Rows are what the engine will meet: its chat template, the answer, and the token that ends it."""

from pathlib import Path

import pytest

from app import models
from app.generator import Message
from app.prompt import PLAIN_SYSTEM
from app.settings import Settings
from tests.support.training import examples
from tuning.encoding import IGNORED, Encoder
from tuning.records import Example


@pytest.fixture(scope="module")
def tokenizer(prepared_models: Settings) -> object:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(Path(models.generator_source(prepared_models).model))


def test_a_row_is_prompt_answer_and_end(tokenizer: object) -> None:
    [example] = examples(1)
    row = Encoder(tokenizer).row(example)
    text = tokenizer.decode(row.ids)  # type: ignore[attr-defined]
    assert text.endswith("<|im_start|>assistant\nAye, the small ferry is for the sea.<|im_end|>")
    assert PLAIN_SYSTEM in text, "as the service asks where nothing is retrieved"
    learnt = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(learnt) == "Aye, the small ferry is for the sea.<|im_end|>"  # type: ignore[attr-defined]
    assert len(row.labels) == len(row.ids)


def test_a_system_turn_of_ones_own_is_kept(tokenizer: object) -> None:
    turns = (Message(role="system", content="Be brief."), Message(role="user", content="Why?"))
    text = Encoder(tokenizer).prompt(turns)
    assert "Be brief." in text
    assert PLAIN_SYSTEM not in text


def test_a_pair_is_text_that_ends(tokenizer: object) -> None:
    example = Example(line=1, prompt=(Message(role="user", content="Why?"),), answer="So.", rejected="No.")
    pair = Encoder(tokenizer).pair(example)
    assert pair["chosen"] == "So.<|im_end|>"
    assert pair["rejected"] == "No.<|im_end|>"
    assert pair["prompt"].endswith("Why?<|im_end|>\n<|im_start|>assistant\n")
