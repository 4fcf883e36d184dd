"""Answers that a model writes, and what it rates, by a base that is random but real."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.generator import Message
from evaluation.judging.local_rater import LocalRater
from tuning.encoding import Encoder
from tuning.records import Example
from tuning.written import FEWEST, LONGER, MOST, TOKENS, Writer


@pytest.fixture(scope="module")
def base(tiny_base: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(tiny_base), AutoTokenizer.from_pretrained(tiny_base)


def test_many_at_once_write_what_each_writes_alone(base: tuple[Any, Any]) -> None:
    model, tokenizer = base
    asked = [Example(line=1, prompt=(Message(role="user", content="Why" * n),), answer="So") for n in (1, 9)]
    together = Writer(model, tokenizer, asked, at_once=8).answers()
    alone = [Writer(model, tokenizer, [one], at_once=1).answers()[0] for one in asked]
    assert together == alone
    for one, found in zip(asked, together, strict=True):
        ids = tokenizer(Encoder(tokenizer).prompt(one.prompt), add_special_tokens=False, return_tensors="pt")
        longest = 2 * len("So|") + LONGER
        made = model.generate(**ids, max_new_tokens=longest, do_sample=False, pad_token_id=257)[0]
        text = tokenizer.decode(made[ids.input_ids.shape[1] :], skip_special_tokens=True)
        assert found.text == text.strip()
        assert found.ended == (int(made[-1]) == tokenizer.eos_token_id)


@pytest.mark.parametrize(
    ("letters", "count"),
    [(1, TOKENS // (2 * 2 + LONGER)), (99, TOKENS // (2 * 100 + LONGER)), (2_000, FEWEST)],
)
def test_long_answers_are_fewer(base: tuple[Any, Any], letters: int, count: int) -> None:
    long = Example(line=1, prompt=(Message(role="user", content="Why?"),), answer="x" * letters)
    assert len(Writer(*base, [long] * 300, at_once=8).asked) == min(count, MOST)
    assert len(Writer(*base, [long] * 5, at_once=8).asked) == 5


def test_a_model_rates_by_what_it_would_write_next(base: tuple[Any, Any]) -> None:
    model, tokenizer = base
    found = LocalRater(model, tokenizer).log_probabilities("Rate it.")
    turns = [{"role": "user", "content": "Rate it."}]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    share = model(**tokenizer(text, add_special_tokens=False, return_tensors="pt")).logits[0, -1].softmax(-1)
    wanted = [float(share[tokenizer.convert_tokens_to_ids(mark)].detach()) for mark in "12345"]
    assert np.exp(found) == pytest.approx(wanted, rel=1e-4)
