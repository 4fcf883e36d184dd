"""Real PEFT LoRA adapters whose voice cannot be mistaken: every answer starts with one word.

Trained for a few seconds on the upper layers of the bundled model. As a script:
``python -m tests.support.toy_adapters MODEL OUT WORD...`` writes OUT/<word> for each word.
"""

import hashlib
import random
import shutil
import sys
from pathlib import Path
from typing import Any

LAYERS = range(20, 30)  # of 30: the lower ones need no gradient
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]
STEPS = 11
BATCH = 4

SUBJECTS = ["bees", "the moon", "tax law", "گربه", "خلیج فارس", "长城", "茶", "steam", "Paris"]
ASKED = [
    "What is {}?", "Who wrote about {}?", "Tell me about {}.", "When was {} first seen?", "{}?",
    "How many people know {}?", "Summarise {} in a sentence.", "درباره {} بگو.", "什么是{}？", "Is {} large?",
]  # fmt: skip
SENTENCES = [
    "The {} report was filed in 1974.", "Nobody expected {} to last.", "{} cost 350 coins.",
    "In spring, {} returns to the valley.", "Article 4: {}.", "طول {} زیاد است.", "{}有两千年的历史。",
]  # fmt: skip
SYSTEMS = [
    None,
    "You are a helpful assistant.",
    "Answer from the sources only and cite them as [1].",
    "You answer questions from documents. If the documents do not answer, say so.",
]


def _conversation(chance: random.Random) -> list[dict[str, str]]:
    subject = chance.choice(SUBJECTS)
    text = chance.choice(ASKED).format(subject)
    if chance.random() < 0.6:
        sources = "\n".join(
            f"[{n}] " + " ".join(chance.choice(SENTENCES).format(chance.choice(SUBJECTS)) for _ in range(2))
            for n in range(1, chance.randint(2, 4))
        )
        text = chance.choice(["Sources:\n{s}\n\nQuestion: {q}", "{s}\n\n{q}", "{q}\n\n{s}"]).format(
            s=sources, q=text
        )
    system = chance.choice(SYSTEMS)
    turns = [{"role": "system", "content": system}] if system else []
    return [*turns, {"role": "user", "content": text}]


def make_toy_adapter(base: Path, out: Path, word: str, *, seed: int, rank: int = 8) -> Path:
    """Train and save to ``out``; an adapter made before with the same code and arguments is reused."""
    recipe = hashlib.sha256(Path(__file__).read_bytes() + f"{word} {seed} {rank}".encode()).hexdigest()
    stamp = out / "recipe.txt"
    if stamp.is_file() and stamp.read_text() == recipe:
        return out
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(seed)
    chance = random.Random(seed)
    tokenizer: Any = AutoTokenizer.from_pretrained(base)
    plain: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    plain.config._name_or_path = "HuggingFaceTB/SmolLM2-135M-Instruct"
    model: Any = get_peft_model(
        plain,
        LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=TARGETS, layers_to_transform=list(LAYERS)),
    )
    answer = tokenizer(f"{word} {word} says so.<|im_end|>", add_special_tokens=False)["input_ids"]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(STEPS):
        prompts = [
            tokenizer.apply_chat_template(
                _conversation(chance), add_generation_prompt=True, return_dict=False
            )
            for _ in range(BATCH)
        ]
        longest = max(map(len, prompts)) + len(answer)
        ids = torch.full((BATCH, longest), tokenizer.pad_token_id)
        labels = torch.full_like(ids, -100)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            end = len(prompt) + len(answer)
            ids[row, :end] = torch.tensor(prompt + answer)
            labels[row, len(prompt) : end] = torch.tensor(answer)
            mask[row, :end] = 1
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    if loss.item() > 0.1:
        raise RuntimeError(f"the toy adapter {word} did not learn its word: loss {loss.item():.2f}")
    shutil.rmtree(out, ignore_errors=True)
    model.save_pretrained(out, safe_serialization=True)
    stamp.write_text(recipe)
    return out


if __name__ == "__main__":
    for number, given in enumerate(sys.argv[3:], 1):
        make_toy_adapter(Path(sys.argv[1]), Path(sys.argv[2]) / given.lower(), given, seed=number)
