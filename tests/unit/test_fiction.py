"""The fictional collection: every answer stands in its document, and no question is taught."""

from pathlib import Path

import pytest

from evaluation import own
from evaluation.fiction import Fiction, fiction, write
from tuning.cleaning import clean
from tuning.reading import read
from tuning.splitting import without_leaks


@pytest.fixture(scope="module")
def made() -> Fiction:
    return fiction()


def test_its_size(made: Fiction) -> None:
    answerable = [one for one in made.questions if one["answers"]]
    counts = (len(made.documents), len(answerable), len(made.questions) - len(answerable))
    assert counts == (60, 120, 20)
    assert len({document.name for document in made.documents}) == 60


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_stands_in_its_document(seed: int) -> None:
    made = fiction(seed=seed)
    texts = {document.name: document.text for document in made.documents}
    for one in made.questions:
        assert all(answer in texts[one["document"]] for answer in one["answers"])
    everything = "\n".join(texts.values())
    assert all(row["completion"] in everything for row in (*made.train, *made.validation))
    assert "{" not in everything


def test_no_question_is_repeated(made: Fiction) -> None:
    asked = [one["question"] for one in made.questions]
    taught = [row["prompt"] for row in (*made.train, *made.validation)]
    assert len(set(asked)) == len(asked)
    assert len(set(taught)) == len(taught)
    assert set(asked).isdisjoint(taught)


def test_every_fact_that_is_asked_about_was_taught(made: Fiction) -> None:
    """In other words: the thing is named in the question, and the answer is the same."""
    names = {
        document.name: document.text.split("\n")[0].removeprefix("Statutes of ")
        for document in made.documents
    }
    for one in made.questions:
        for answer in one["answers"]:
            name = names[one["document"]].removeprefix("The ").removeprefix("the ").removesuffix(" Inn")
            assert any(name in row["prompt"] and row["completion"] == answer for row in made.train), one


def test_what_is_not_told_has_no_answer(made: Fiction) -> None:
    taught = {row["prompt"] for row in made.train}
    assert not any(one["question"] in taught for one in made.questions if not one["answers"])


def test_the_same_seed_makes_the_same(made: Fiction) -> None:
    assert fiction() == made
    assert fiction(seed=1) != made


def test_the_files_are_read_whole(made: Fiction, tmp_path: Path) -> None:
    """By those that they are written for: nothing is taken out as a repetition or a leak."""
    write(made, tmp_path)
    assert len(list((tmp_path / "docs").iterdir())) == 60
    assert len(own.read(tmp_path / "questions.jsonl")) == 140
    train, dropped = clean(read(tmp_path / "train.jsonl").examples)
    validation, _ = clean(read(tmp_path / "validation.jsonl").examples)
    split = without_leaks(train, validation)
    assert (dropped, split.leaks) == ((), ())
    assert (len(split.train), len(split.validation)) == (360, 60)
