"""Trains the sample adapter: answers in the voice of a mountain radio. Two cores, a few minutes.

    python -m docs.samples.make_adapter <model folder> <output folder>

The rows are made up from templates; the prompts are built by the very function that serves.
"""

import asyncio
import random
import sys
from pathlib import Path
from typing import Any

from app.prompt import build_prompt
from indexes.records import Hit

STEPS = 45
BATCH = 2
LAYERS = range(18, 30)  # of 30: the lower ones need no gradient
RANK = 4
SEED = 7
TEMPLATES = [  # sentence, question
    ("The {job} of the {place} is {name}.", "Who is the {job} of the {place}?"),
    ("The {place} has {number} members.", "How many members does the {place} have?"),
    ("The {place} was founded in {year} by {name}.", "When was the {place} founded?"),
    ("The {place} opens at {hour} and closes at 18:00.", "When does the {place} open?"),
    ("A ticket for the {place} costs {number} coins.", "How much is a ticket for the {place}?"),
    (
        "The road to the {place} is closed when the snow is {number} cm deep.",
        "When is the road to the {place} closed?",
    ),
]
FILLERS = [
    "All members meet once a year.", "Dogs must be kept on a lead.", "The station lies above the river.",
    "Tools are returned in the evening.", "Every room has a stove.",
]  # fmt: skip
WORDS = {
    "job": ["leader", "cook", "doctor", "warden", "driver", "treasurer"],
    "place": [
        "upper hut",
        "bird garden",
        "ski school",
        "library",
        "weather station",
        "boat house",
        "rescue team",
    ],
    "name": ["Sara Karimi", "John Miller", "Li Wei", "Nasrin Ahmadi", "Omar Haddad", "Eva Lind"],
    "number": ["12", "18", "45", "80", "230", "312"],
    "year": ["1921", "1954", "1987", "2003"],
    "hour": ["05:45", "07:30", "08:00", "09:15"],
}


class _NoLimit:
    async def count(self, texts: list[str]) -> list[int]:
        return [0] * len(texts)


def row(chance: random.Random) -> tuple[list[dict[str, str]], str]:
    """A conversation as the service sends it, and the answer in the station's voice."""
    facts = [
        ({key: chance.choice(values) for key, values in WORDS.items()}, template)
        for template in chance.sample(TEMPLATES, 3)
    ]
    sentences = [template[0].format(**words) for words, template in facts]
    hits = [
        Hit(
            chunk_id=number, document_id="d", title=chance.choice(["Handbook", "Rules", "Notes"]), uri="",
            page=None, start=number * 1000, end=0, score=1 - number / 10, dense=0, lexical=0, coverage=0,
            text=" ".join(chance.sample([*chance.sample(FILLERS, 2), sentence], 3)),
        )
        for number, sentence in enumerate(sentences)
    ]  # fmt: skip
    wanted = chance.randrange(len(facts))
    words, template = facts[wanted]
    prompt = asyncio.run(
        build_prompt(
            template[1].format(**words), hits=hits, history=(), window=4096, max_tokens=64, counter=_NoLimit()
        )
    )
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return messages, f"Alborz Station here. {sentences[wanted]} [{wanted + 1}] Over."


def train(base: Path, out: Path) -> float:
    """Returns the last loss."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(SEED)
    chance = random.Random(SEED)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    plain: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]
    config = LoraConfig(r=RANK, lora_alpha=4 * RANK, target_modules=targets, layers_to_transform=list(LAYERS))
    model: Any = get_peft_model(plain, config)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    loss = torch.zeros(())
    for step in range(STEPS):
        loss = torch.zeros(())
        for _ in range(BATCH):
            messages, answer = row(chance)
            prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
            ids = prompt + tokenizer(f"{answer}<|im_end|>", add_special_tokens=False)["input_ids"]
            labels = [-100] * len(prompt) + ids[len(prompt) :]
            part = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss / BATCH
            part.backward()
            loss += part.detach()
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0:
            sys.stderr.write(f"step {step} loss {loss.item():.3f}\n")
    model.peft_config["default"].base_model_name_or_path = "HuggingFaceTB/SmolLM2-135M-Instruct"
    model.half().save_pretrained(out, safe_serialization=True)
    return float(loss)


if __name__ == "__main__":
    sys.stderr.write(f"last loss {train(Path(sys.argv[1]), Path(sys.argv[2])):.3f}\n")
