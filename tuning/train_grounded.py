"""`python -m tuning.train_grounded`: trains `grounded`, a LoRA on the bundled generator.

It answers shortly, cites, and says so when the sources do not hold the answer. Every prompt is built by the
function that serves, from the train titles of the English question set: the paragraph that holds the
answer and one of the same article, in either order; for a part of the rows the sources do not answer. The
bundled generator writes English only, so there are no other rows. Two cores need about two seconds a row.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.language import ABSTAINED
from app.prompt import build_prompt
from app.tokens import LocalTokenCounter
from evaluation.datasets import DataSet, Question, data_folder, load
from indexes.records import Hit

SEED = 17
ROWS = 640
REFUSALS = 0.25  # of the rows
RANK, ALPHA = 16, 32
MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LEARNING_RATE = 4e-4
WARM_UP = 0.06
BATCH = 8
LONGEST_PROMPT = 900  # tokens
WINDOW = 4096
IGNORED = -100  # a label that no loss is taken of


@dataclass(frozen=True, kw_only=True)
class Row:
    ids: list[int]
    answer_at: int  # where the answer begins in ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generator", type=Path, help="the bundled generator's folder")
    parser.add_argument("out", type=Path, help="folder for the adapter")
    parser.add_argument("--rows", type=int, default=ROWS)
    asked = parser.parse_args()
    train(asked.generator, asked.out, count=asked.rows)


def train(generator: Path, out: Path, *, count: int) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(SEED)
    draw = random.Random(SEED)
    tokenizer = AutoTokenizer.from_pretrained(generator)
    rows = asyncio.run(_rows(load(data_folder(), "en"), tokenizer, LocalTokenCounter(generator), draw, count))
    base = AutoModelForCausalLM.from_pretrained(generator, dtype=torch.float32)
    model = get_peft_model(
        base, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(MODULES), task_type="CAUSAL_LM")
    ).train()
    trained = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.0)
    steps = len(rows) // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / max(1.0, WARM_UP * steps), max(0.02, 1 - step / steps))
    )
    begun, losses = time.monotonic(), []
    for step, batch in enumerate(_batches(rows, draw)):
        loss = 0.0
        for row in batch:  # one at a time: no padding to compute, and little memory
            part = _loss(model, row) / len(batch)
            part.backward()
            loss += part.item()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss)
        if step % 5 == 0:
            seconds = time.monotonic() - begun
            print(f"{step}/{steps} loss {np.mean(losses[-10:]):.3f} {seconds:.0f} s", flush=True)
    model.save_pretrained(str(out))
    (out / "training.json").write_text(
        json.dumps(
            {
                "data": "train titles of SQuAD 2.0 (CC BY-SA 4.0)",
                "rows": len(rows),
                "refusals": REFUSALS,
                "steps": steps,
                "batch": BATCH,
                "seed": SEED,
            },
            indent=2,
        )
        + "\n"
    )


def _batches(rows: Sequence[Row], draw: random.Random) -> Iterator[list[Row]]:
    order = list(rows)
    draw.shuffle(order)
    for at in range(0, len(order) - BATCH + 1, BATCH):
        yield order[at : at + BATCH]


def _loss(model: Any, row: Row) -> Any:
    """Cross-entropy of the answer's tokens; only for them the vocabulary's logits are made."""
    import torch

    ids = torch.tensor([row.ids])
    hidden = model.base_model.model.model(input_ids=ids).last_hidden_state[0, row.answer_at - 1 : -1]
    logits = model.base_model.model.lm_head(hidden)
    return torch.nn.functional.cross_entropy(logits, ids[0, row.answer_at :])


async def _rows(
    data: DataSet, tokenizer: Any, counter: LocalTokenCounter, draw: random.Random, count: int
) -> list[Row]:
    texts = {passage.id: passage for passage in data.passages}
    answerable = [one for one in data.answerable if one.part == "train"]
    refused = [one for one in data.unanswerable if one.part == "train"]
    draw.shuffle(answerable)
    draw.shuffle(refused)
    rows: list[Row] = []
    while len(rows) < count and answerable and refused:
        refuse = draw.random() < REFUSALS
        question = refused.pop() if refuse else answerable.pop()
        gold = texts[question.gold[0]]
        near = [one for one in data.passages if one.title == gold.title and one.id != gold.id]
        passages = [gold, draw.choice(near)] if near else [gold]
        hits = [_hit(number, one.id, one.text) for number, one in enumerate(passages)]
        draw.shuffle(hits)
        prompt = await build_prompt(
            question.text, hits=hits, history=(), window=WINDOW, max_tokens=64, counter=counter
        )
        answer = _answer(question, gold.id, [hit.document_id for hit in prompt.sources], refuse=refuse)
        row = _row(tokenizer, [{"role": m.role, "content": m.content} for m in prompt.messages], answer)
        if len(row.ids) <= LONGEST_PROMPT:
            rows.append(row)
    return rows


def _answer(question: Question, gold: str, sources: Sequence[str], *, refuse: bool) -> str:
    if refuse:
        return ABSTAINED["weak_evidence"]["en"]
    shortest = min(question.answers, key=len)
    return f"{shortest} [{sources.index(gold) + 1}]"


def _row(tokenizer: Any, messages: list[dict[str, str]], answer: str) -> Row:
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    before = tokenizer(prompt, add_special_tokens=False).input_ids
    after = [*tokenizer(answer, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    return Row(ids=before + after, answer_at=len(before))


def _hit(number: int, document: str, text: str) -> Hit:
    return Hit(
        chunk_id=number,
        document_id=document,
        title=document,
        uri=f"payload:{document}",
        page=None,
        start=0,
        end=len(text),
        text=text,
        score=1.0,
        dense=1.0,
        lexical=1.0,
        coverage=1.0,
    )


if __name__ == "__main__":
    main()
