"""`python -m tuning.grounded_rows OUT.jsonl`: rows that teach to answer from sources, to cite and to refuse.

Every prompt is built by the function that serves, from the train titles of the English question set: the
paragraph that holds the answer and others of the same article, in the order in which they are served; for a
part of the rows the sources do not answer. The bundled generator writes English only, so there are no other
rows. `simurgh tune train OUT.jsonl --name grounded` makes the adapter of them.
"""

import argparse
import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from app import models
from app.prompt import build_prompt
from app.settings import Settings
from app.tokens import LocalTokenCounter
from evaluation.datasets import DataSet, data_folder, load
from evaluation.jsonl import write_rows
from indexes.records import Hit
from tuning.raft import chat_row, refusal, with_marker

SEED = 17
ROWS = 640
REFUSALS = 0.25  # of the rows
WINDOW = 900  # tokens of a prompt and its answer: what is longer takes long to learn
ANSWER = 64  # tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--others", type=int, default=1, help="paragraphs that do not answer, in each row")
    asked = parser.parse_args()
    counter = LocalTokenCounter(Path(models.generator_source(Settings()).model))
    write_rows(asked.out, asyncio.run(_drawn(counter, count=asked.rows, others=asked.others)))


async def _drawn(counter: LocalTokenCounter, *, count: int, others: int) -> list[dict[str, Any]]:
    data, draw = load(data_folder(), "en"), random.Random(SEED)
    return [row async for row in _rows(data, counter, draw, count=count, others=others)]


async def _rows(
    data: DataSet, counter: LocalTokenCounter, draw: random.Random, *, count: int, others: int
) -> AsyncIterator[dict[str, Any]]:
    texts = {passage.id: passage for passage in data.passages}
    answerable = [one for one in data.answerable if one.part == "train"]
    refused = [one for one in data.unanswerable if one.part == "train"]
    draw.shuffle(answerable)
    draw.shuffle(refused)
    made = 0
    while made < count and answerable and refused:
        refuse = draw.random() < REFUSALS
        question = refused.pop() if refuse else answerable.pop()
        gold = texts[question.gold[0]]
        near = [one for one in data.passages if one.title == gold.title and one.id != gold.id]
        passages = [gold, *draw.sample(near, min(others, len(near)))]
        hits = [_hit(number, one.id, one.title, one.text) for number, one in enumerate(passages)]
        prompt = await build_prompt(
            question.text, hits=hits, history=(), window=WINDOW, max_tokens=ANSWER, counter=counter
        )
        shortest = min(question.answers, key=len) if question.answers else ""
        answer = with_marker(shortest, hits[0], prompt)
        if answer is None:  # too long to fit
            continue
        made += 1
        yield chat_row(prompt, refusal(question.text) if refuse else answer, gold.title)


def _hit(number: int, document: str, title: str, text: str) -> Hit:
    return Hit(
        chunk_id=number,
        document_id=document,
        title=title,
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
