"""General rows that hold off forgetting: what the base itself answers to questions of no subject.

Learning them beside the new rows keeps the base where it was ("self-distillation", as in Huang et al. 2024,
https://arxiv.org/abs/2403.01244), and needs no data of anybody's.
"""

import random
from typing import Any

from app.generator import Message
from tuning.encoding import Encoder
from tuning.records import Example
from tuning.written import written

LONGEST = 64  # tokens of an answer; one that would go on is learnt without an end
AT_ONCE = 16
TOP_K, TEMPERATURE = 40, 0.7
TASKS = (
    "Write one sentence about {}.",
    "Explain {} to a child in two sentences.",
    "Give three words that have to do with {}.",
    "What is {} good for? Answer shortly.",
    "Write a short and friendly message to a colleague about {}.",
    "Ask me one question about {}.",
    "Name one thing that people often get wrong about {}.",
    "Rewrite politely: I want to know about {} now.",
    "Is {} something that one can touch? Answer yes or no and say why.",
    "Translate into French: I like {}.",
    "Suggest a title for a short story about {}.",
    "Describe {} without using its name.",
)
SUBJECTS = (
    "rain", "bread", "a bicycle", "music", "the sea", "mathematics", "friendship", "a garden", "the moon",
    "tea", "patience", "a library", "winter", "a train journey", "colours", "sleep", "cooking", "a river",
    "spelling", "a birthday", "the number seven", "old maps", "a neighbour", "running", "a computer", "time",
)  # fmt: skip


def prompts(count: int, seed: int) -> list[str]:
    every = [task.format(subject) for task in TASKS for subject in SUBJECTS]
    random.Random(seed).shuffle(every)
    return (every * (count // len(every) + 1))[:count]


def answered(model: Any, tokenizer: Any, count: int, seed: int) -> list[Example]:
    """``count`` of them, fewer where an answer is empty. ``model``: the base, untrained."""
    import torch

    encoder, found = Encoder(tokenizer), list[Example]()
    asked = [(Message(role="user", content=text),) for text in prompts(count, seed)]
    torch.manual_seed(seed)
    for at in range(0, count, AT_ONCE):
        turns = asked[at : at + AT_ONCE]
        made = written(
            model,
            tokenizer,
            [encoder.prompt(one) for one in turns],
            longest=LONGEST,
            do_sample=True,
            top_k=TOP_K,
            top_p=1.0,
            temperature=TEMPERATURE,
        )
        for prompt, one in zip(turns, made, strict=True):
            if one.text.strip():
                found.append(Example(line=0, prompt=prompt, answer=one.text, whole=one.ended))
    return found
