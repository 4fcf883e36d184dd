"""Rows made from a collection, by an engine and a retriever that say what the test wants."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.language import ABSTAINED
from app.prompt import SYSTEM
from evaluation.metrics import tokens
from indexes.records import Hit
from tuning.formats import examples_of
from tuning.made import Made, Maker, Recipe, Tally
from tuning.pairs import Said, preferences

PORTS = ("Norholm", "Vester", "Aldby", "Kveld", "Sunde", "Torsk", "Rumme", "Ostvik")
HOURS = ("noon", "dawn", "dusk", "midnight", "seven", "eight", "nine", "ten")
TEXTS = {
    f"doc-{at}": f"The ferry to {port} leaves the harbour at {hour}. Bring a ticket and some patience."
    for at, (port, hour) in enumerate(zip(PORTS, HOURS, strict=True))
}


class Words:
    async def count(self, texts: list[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def hit(document: str, text: str, score: float = 1.0) -> Hit:
    number = int(document.rpartition("-")[2]) + 1
    return Hit(
        chunk_id=number, document_id=document, title=document, uri=f"payload:{document}", page=None,
        start=0, end=len(text), text=text, score=score,
    )  # fmt: skip


@dataclass
class World:
    """Writer and Retriever. ``change`` alters what the engine writes, ``again`` what it answers."""

    texts: Mapping[str, str] = field(default_factory=lambda: TEXTS)
    change: Callable[[dict[str, str]], dict[str, str] | str] = lambda triple: triple
    again: Callable[[str], str] = lambda hour: f"At {hour} [1]."
    found: bool = True
    prompts: list[str] = field(default_factory=list)

    def ask(self, prompt: str, *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> str:
        self.prompts.append(prompt)
        said = re.search(r"The ferry to (\w+) leaves the harbour at (\w+)\.", prompt)
        assert said is not None
        if schema is None:
            return self.again(said[2])
        triple = {
            "quote": said[0],
            "question": f"When does the ferry to {said[1]} leave the harbour?",
            "answer": f"at {said[2]}",
        }
        changed = self.change(triple)
        return changed if isinstance(changed, str) else json.dumps(changed)

    def search(self, question: str, *, top_k: int, document: str | None = None) -> list[Hit]:
        asked = set(tokens(question))
        texts = {document: self.texts[document]} if document else self.texts
        hits = [hit(one, text, len(asked & set(tokens(text)))) for one, text in texts.items()]
        ranked = sorted(hits, key=lambda one: -one.score)
        return (ranked if self.found or document else ranked[-1:])[:top_k]


async def made(world: World, **recipe: Any) -> tuple[list[Made], Tally]:
    recipe = {"rows": 10, "tries": 50, "window": 4096, **recipe}
    maker = Maker(writer=world, retriever=world, counter=Words(), recipe=Recipe(**recipe))
    rows = [one async for one in maker.rows(list(world.texts), world.texts.__getitem__)]
    return rows, maker.tally


def turns(one: Made) -> dict[str, str]:
    return {turn["role"]: turn["content"] for turn in one.row["messages"]}


async def test_rows_are_of_the_prompt_that_serves() -> None:
    rows, tally = await made(World())
    assert (tally.tried, tally.dropped) == (8, Counter())
    assert tally.made == {"answer": 8, "refusal": 2}
    for number, one in enumerate(rows, 1):
        [example] = examples_of(one.row, number)
        assert example.document == one.row["document"]
        said = turns(one)
        assert said["system"] == SYSTEM
        sources = re.findall(r"<source>\[(\d)\] (.+)\n(.+)</source>", said["user"])
        assert [int(source[0]) for source in sources] == list(range(1, len(sources) + 1))
        gold = [number for number, title, _ in sources if title == one.row["document"]]
        if one.kind == "answer":
            hour = HOURS[int(one.row["document"][-1])]
            assert said["assistant"] == f"at {hour} [{gold[0]}]"
            assert len(sources) == 5
        else:
            assert said["assistant"] == ABSTAINED["weak_evidence"]["en"]
            assert gold == []


async def test_the_passage_that_answers_stands_in_varied_places() -> None:
    rows, _ = await made(World(), refusals=0.0)
    places = {turns(one)["assistant"][-2] for one in rows}
    assert len(rows) == 8
    assert len(places) >= 4


async def test_the_seed_alone_decides() -> None:
    assert await made(World()) == await made(World())
    assert (await made(World(), seed=1))[0] != (await made(World()))[0]


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (World(change=lambda one: '{"quote": "The ferry'), "not_json"),
        (World(change=lambda one: {**one, "answer": " "}), "not_json"),
        (World(change=lambda one: "[]"), "not_json"),
        (World(change=lambda one: {**one, "answer": "noon " * 50}), "too_long"),
        (World(change=lambda one: {**one, "quote": "The"}), "quote_too_short"),
        (World(change=lambda one: {**one, "quote": one["quote"][:-1] + " sharp"}), "quote_not_in_source"),
        (World(change=lambda one: {**one, "answer": "..."}), "no_answer"),
        (World(change=lambda one: {**one, "question": "کشتی نورهلم کی می‌رود؟"}), "other_language"),
        (
            World(change=lambda one: {**one, "question": f"Is it {one['answer']} that it leaves?"}),
            "question_tells_its_answer",
        ),
        (
            World(change=lambda one: {**one, "question": "When does it leave?"}),
            "question_does_not_stand_alone",
        ),
        (World(found=False), "retriever_does_not_find_it"),
        (World(again=lambda hour: "At the harbour, from the ferry to Norholm."), "answer_does_not_survive"),
        (World(texts={"doc-1": TEXTS["doc-1"] * 300}), "passage_does_not_fit"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_what_does_not_hold_is_dropped_with_its_reason(world: World, reason: str) -> None:
    rows, tally = await made(world)
    assert [one for one in rows if one.kind != "pair"] == []
    assert set(tally.dropped) == {reason}
    assert tally.dropped[reason] == tally.tried > 0


async def test_the_same_question_is_asked_once() -> None:
    def same(one: dict[str, str]) -> dict[str, str]:
        return {**one, "question": "When does the FERRY to Norholm leave the harbour?"}

    rows, tally = await made(World(change=same), refusals=0.0)
    assert (len(rows), tally.dropped["question_asked_before"]) == (1, 7)


async def test_it_stops_when_there_are_enough_or_all_was_tried() -> None:
    rows, tally = await made(World(), rows=3, refusals=0.0)
    assert (len(rows), tally.tried) == (3, 3)
    world = World(change=lambda one: "{}")
    rows, tally = await made(world, rows=100, tries=5)
    assert (rows, tally.tried, len(world.prompts)) == ([], 5, 5)


async def test_a_wrong_answer_becomes_the_worse_one_of_a_pair() -> None:
    rows, _ = await made(World(again=lambda hour: "Bring a ticket [1]."))
    assert {one.kind for one in rows} == {"pair"}
    [example] = examples_of(rows[0].row, 1)
    hour = HOURS[int(str(example.document)[-1])]
    assert (example.answer, example.rejected) == (f"at {hour} [1]", "Bring a ticket. [1]")


async def test_of_two_answers_that_the_quote_does_not_decide_no_pair_is_made() -> None:
    rows, _ = await made(
        World(
            change=lambda one: {**one, "answer": "in the morning"}, again=lambda hour: "Bring a ticket [1]."
        )
    )
    assert rows == []


def said(
    id_: str, answer: str, *, up: bool, correction: str | None = None, ids: tuple[int, ...] = (2, 1)
) -> Said:
    question = "When does the ferry to Norholm leave?"
    return Said(id=id_, question=question, answer=answer, chunk_ids=ids, up=up, correction=correction)


async def pairs_of(*feedback: Said) -> tuple[list[Made], Tally]:
    world = World()
    recipe = Recipe(rows=1, tries=1, window=4096)
    maker = Maker(writer=world, retriever=world, counter=Words(), recipe=recipe)
    return [one async for one in maker.pairs(preferences(feedback))], maker.tally


async def test_a_correction_stands_above_the_answer_that_was_rated_down() -> None:
    """Chunk 1, of doc-0, was the second source of the answer; in the prompt it is the first."""
    [one], _ = await pairs_of(
        said("a", "The ferry to Norholm leaves at dawn [1].", up=False, correction="It leaves at noon [2].")
    )
    [example] = examples_of(one.row, 1)
    assert example.answer == "It leaves at noon [1]."
    assert example.rejected == "The ferry to Norholm leaves at dawn [2]."
    assert example.document == "doc-0"
    assert "[2] doc-1" in example.question
    assert "doc-2" not in example.question


async def test_a_correction_without_a_marker_gets_that_of_the_source_that_bears_it_out() -> None:
    correction = "The ferry to Norholm leaves the harbour at noon."
    [one], _ = await pairs_of(said("a", "At dawn [1].", up=False, correction=correction))
    [example] = examples_of(one.row, 1)
    assert example.answer == "The ferry to Norholm leaves the harbour at noon. [1]"


async def test_an_answer_rated_up_stands_above_one_rated_down() -> None:
    [one], _ = await pairs_of(
        said("a", "At dusk [1].", up=True),
        said("b", "At dawn [1].", up=False),
        said("c", "At noon [2].", up=True),
    )
    [example] = examples_of(one.row, 1)
    assert (example.answer, example.rejected) == ("At noon [1].", "At dawn [2].")


async def test_feedback_of_which_no_pair_can_be_made() -> None:
    rows, tally = await pairs_of(
        said("a", "At dawn [1].", up=False, correction="At noon [1].", ids=(99,)),
        said("b", "At dawn [3].", up=False, correction="At dawn. [1]", ids=(2, 1)),
    )
    assert len(rows) == 1
    assert tally.dropped == {"feedback_on_passages_not_found_again": 1}
    rows, tally = await pairs_of(said("a", "At dawn [9].", up=False, correction="At dawn [8].", ids=()))
    assert (rows, tally.dropped) == ([], {"feedback_without_a_difference": 1})
    later = replace(said("a", "At dawn [1].", up=False, correction="At noon [2]."), question="And when?")
    rows, tally = await pairs_of(later)
    assert (rows, tally.dropped) == ([], {"feedback_on_a_question_that_follows_up": 1})


async def test_what_is_to_be_known_is_asked_without_sources() -> None:
    rows, tally = await made(World(), rows=4, closed_book=True)
    assert tally.made == Counter({"answer": 4})
    for one in rows:
        assert "<source>" not in turns(one)["user"]
        assert "[1]" not in turns(one)["assistant"]
        assert turns(one)["assistant"].startswith("at ")
