"""`python -m tuning.train_reader NAME ENCODER`: trains a bundled reader and writes it to app/reader/bundled.

A LoRA on an encoder and a span head, on the train titles of the question sets and on texts of our own, in
rounds: to find answers, then to know where there is none. Without dropout: on a CPU that of attention costs
more than all else. On two cores two hours (multilingual) and four (english, of which its first round takes
forty minutes).
"""

import argparse
import hashlib
import json
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.reader.span_reader import FOLD, PAD
from app.reader.trained import CARD, WEIGHTS
from evaluation.datasets import data_folder
from tuning.reader_recipes import RECIPES, Recipe, Round
from tuning.reader_rows import Encode, Example, Row, rows, window

SEED = 17
BATCH = 16
WARM_UP = 0.06
NO_TOKEN = -1e4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("encoder", type=Path, help="the folder that transformers loads it from")
    parser.add_argument("--out", type=Path, help="instead of the bundle")
    parser.add_argument(
        "--rounds",
        type=int,
        nargs="+",
        help="without the first: go on from what is in --out",
    )
    asked = parser.parse_args()
    recipe = RECIPES[asked.name]
    everything = range(1, len(recipe.rounds) + 1)
    train(recipe, asked.encoder, asked.out or recipe.trained.folder, rounds=asked.rounds or everything)


def train(recipe: Recipe, encoder: Path, out: Path, *, rounds: Sequence[int]) -> None:
    import torch

    torch.manual_seed(recipe.seed)
    encode = _encode(encoder)
    model = _model(encoder, recipe)
    done = [] if 1 in rounds else _resumed(model, out)
    for number in rounds:
        start = _copied(model)
        now = recipe.rounds[number - 1]
        branches, ends = [], []
        for branch in (now, *now.beside):
            _restore(model, start)
            draw = random.Random(SEED + number)
            data = list(
                rows(data_folder(), branch.sets, branch.own, encode, draw, told_once=branch.told_once)
            )
            steps = int(branch.epochs * len(data) / BATCH)
            _train(model, _batches(data, branch.window, draw), branch, steps)
            branches.append({"examples": len(data), "steps": steps})
            ends.append(_copied(model))
        _restore(model, {name: sum(end[name] for end in ends) / len(ends) for name in start})
        done.append({"mean_of": branches} if now.beside else branches[0])
        _save(model, out, recipe, rounds=done)


def _encode(encoder: Path) -> Encode:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    tokenizer.no_truncation()

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = tokenizer.encode(text.translate(FOLD), add_special_tokens=False)
        return encoding.ids, encoding.offsets

    return encode


def _train(model: Any, batches: Iterator[list[Example]], now: Round, steps: int) -> None:
    import torch

    head = list(model.head.parameters())
    lora = [one for name, one in model.named_parameters() if one.requires_grad and "head" not in name]
    optimizer = torch.optim.AdamW(
        [{"params": lora, "lr": now.rate}, {"params": head, "lr": now.head_rate}], weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / (WARM_UP * steps), max(0.02, (steps - step) / (steps * (1 - WARM_UP))), 1
        ),
    )
    begun, losses = time.monotonic(), []
    for step, batch in zip(range(steps), batches, strict=False):
        loss = _loss(model, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*lora, *head], 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % 50 == 0:
            seconds = time.monotonic() - begun
            print(f"{step}/{steps} loss {np.mean(losses[-50:]):.3f} {seconds:.0f} s", flush=True)


def _model(encoder: Path, recipe: Recipe) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel

    base = AutoModel.from_pretrained(
        encoder,
        add_pooling_layer=False,
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
        dtype=torch.bfloat16 if recipe.bf16 else torch.float32,
    )
    adapted = get_peft_model(
        base, LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=recipe.modules)
    )
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()

    class SpanModel(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = adapted
            self.head = torch.nn.Linear(base.config.hidden_size, 2)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
                hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            logits: torch.Tensor = self.head(hidden.float())
            return logits

    return SpanModel().train()


def _batches(data: Sequence[Row], longest: int, draw: random.Random) -> Iterator[list[Example]]:
    """Epoch after epoch, similar lengths together."""
    while True:
        order = list(data)
        draw.shuffle(order)
        for at in range(0, len(order), BATCH * 32):
            examples = [window(row, longest, draw) for row in order[at : at + BATCH * 32]]
            examples.sort(key=lambda example: len(example.ids))
            groups = [examples[i : i + BATCH] for i in range(0, len(examples), BATCH)]
            draw.shuffle(groups)
            yield from groups


def _loss(model: Any, batch: Sequence[Example]) -> Any:
    import torch

    longest = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), longest), PAD)
    allowed = torch.zeros(len(batch), longest, dtype=torch.bool)
    allowed[:, 0] = True  # stands for "not here"
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        allowed[row, example.passage : len(example.ids) - 1] = True
    logits = model(ids, (ids != PAD).long()).masked_fill(~allowed[..., None], NO_TOKEN)
    places = torch.tensor([[example.start, example.end] for example in batch])
    return torch.nn.functional.cross_entropy(logits, places)  # mean over starts and ends


def _trained(model: Any) -> dict[str, Any]:
    """Name in the bundle -> parameter."""
    return {
        name.removeprefix("encoder.base_model.model.")
        .replace(".lora_A.default.weight", ".lora_a")
        .replace(".lora_B.default.weight", ".lora_b"): value
        for name, value in model.named_parameters()
        if value.requires_grad
    }


def _copied(model: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in _trained(model).items()}


def _restore(model: Any, weights: Mapping[str, Any]) -> None:
    import torch

    with torch.no_grad():
        for name, parameter in _trained(model).items():
            parameter.copy_(weights[name])


def _resumed(model: Any, out: Path) -> list[dict[str, Any]]:
    """The weights of ``out`` into ``model``; the rounds that made them."""
    from safetensors.torch import load_file

    _restore(model, load_file(out / WEIGHTS))
    return list(json.loads((out / CARD).read_text())["rounds"])


def _save(model: Any, out: Path, recipe: Recipe, *, rounds: Sequence[Mapping[str, Any]]) -> None:
    """Weights as fp16, and last the card that says what they are."""
    import torch
    from safetensors.torch import save_file

    weights = {name: value.detach().to(torch.float16).contiguous() for name, value in _trained(model).items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(weights, out / WEIGHTS)
    digest = hashlib.sha256((out / WEIGHTS).read_bytes()).hexdigest()
    card = {
        "version": digest[:12],
        "base": recipe.trained.encoder,
        "rank": recipe.rank,
        "scale": recipe.alpha / recipe.rank,
        "window": min(one.window for one in (recipe.rounds[-1], *recipe.rounds[-1].beside)),
        "data": recipe.data,
        "rounds": rounds,
        "batch": BATCH,
        "seed": recipe.seed,
    }
    partial = out / f"{CARD}.tmp"
    partial.write_text(json.dumps(card, indent=2) + "\n")
    os.replace(partial, out / CARD)


if __name__ == "__main__":
    main()
