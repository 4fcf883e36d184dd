"""The texts that the reader learns from beside the question sets."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tuning.own_texts import HELD, TRAIN, own_texts

ALIKE = 0.85  # cosine of character n-grams: the same question in nearly the same words

GOOD = """# A ferry
P: The ferry runs from May to September and carries 40 cars.
T: The ferry carries 90 people, and in May and September only 40.

Q: How many cars fit on it? | 40
U: How many people fit on it in July? | 90
P: In 1991 it was built in Turku.
T: Since 1991 it calls at Turku and at Naantali, where it was built.
Q: In which year was it built? | 1991
"""


def written(folder: Path, text: str) -> Path:
    (folder / "en").mkdir()
    (folder / "en" / "one.txt").write_text(text, encoding="utf-8")
    return folder


def test_they_have_the_form_of_a_question_set(tmp_path: Path) -> None:
    read = own_texts("en", written(tmp_path, GOOD))
    assert read["paragraphs"][2] == {"id": 2, "title": "A ferry", "text": "In 1991 it was built in Turku."}
    assert len(read["paragraphs"]) == 4
    asked = [(one["question"], one["paragraph"], one["answers"]) for one in read["questions"]]
    assert asked == [
        ("How many cars fit on it?", 0, ["40"]),
        ("How many cars fit on it?", 1, []),
        ("How many people fit on it in July?", 0, []),
        ("How many people fit on it in July?", 1, ["90"]),
        ("In which year was it built?", 2, ["1991"]),
        ("In which year was it built?", 3, []),
    ]
    assert len({one["id"] for one in read["questions"]}) == 6


def test_or_each_paragraph_in_its_first_version_alone(tmp_path: Path) -> None:
    read = own_texts("en", written(tmp_path, GOOD), told_once=True)
    assert [one["id"] for one in read["paragraphs"]] == [0, 2]
    assert [(one["paragraph"], one["answers"]) for one in read["questions"]] == [
        (0, ["40"]),
        (0, []),
        (2, ["1991"]),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        "Q: When? | 1992",
        "Q: When?",
        "Q: Where was it built? | Naantali",
        "U: Where was it built? | Rauma",
        "U: Where was it built?",
        "Where was it built?",
        "P:",
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"one\.txt:10"):
        own_texts("en", written(tmp_path, f"{GOOD}{wrong}\n"))


@pytest.mark.parametrize("before", ["", "P: It carries 40 cars.\n", f"{GOOD}# Another\n"])
def test_a_question_without_a_paragraph_in_two_versions(tmp_path: Path, before: str) -> None:
    with pytest.raises(ValueError, match="two versions"):
        own_texts("en", written(tmp_path, f"{before}Q: How many cars? | 40"))


PARTS = [
    (language, part) for part in (TRAIN, HELD) for language in sorted(path.name for path in part.iterdir())
]


@pytest.mark.parametrize(("language", "part"), PARTS)
def test_those_that_are_here(language: str, part: Path) -> None:
    read = own_texts(language, part)
    texts = [one["text"] for one in read["paragraphs"]]
    assert len(set(texts)) == len(texts)
    versions: dict[tuple[str, str], list[bool]] = {}
    for one in read["questions"]:
        where = texts[one["paragraph"] // 2 * 2]
        versions.setdefault((where, one["question"]), []).append(bool(one["answers"]))
    assert {tuple(sorted(some)) for some in versions.values()} == {(False, True)}, (
        "a question tells by itself"
    )


@pytest.mark.parametrize(
    ("language", "unit", "run"), [("en", r"\w+", 8), ("fa", r"\w+", 8), ("zh", r"\w", 30)]
)
def test_nothing_that_is_scored_is_among_them(shared_data: Path, language: str, unit: str, run: int) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    asked, shown = scored(shared_data, language)
    own = own_texts(language)
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), sublinear_tf=True)
    theirs = vectorizer.fit_transform(asked)
    alike = vectorizer.transform([one["question"] for one in own["questions"]]) @ theirs.T
    assert alike.max() < ALIKE

    def runs(text: str) -> set[tuple[str, ...]]:
        units = re.findall(unit, text.lower())
        return {tuple(units[at : at + run]) for at in range(len(units) - run + 1)}

    known = {each for text in shown for each in runs(text)}
    assert not [one["text"] for one in own["paragraphs"] if known & runs(one["text"])]


def scored(folder: Path, language: str) -> tuple[list[str], list[str]]:
    """Questions and passages of the sets."""
    sets = [json.loads(path.read_text()) for path in sorted((folder / "qa").glob(f"*{language}.json"))]
    asked = [one["question"] for some in sets for one in some["questions"]]
    shown = [one["text"] for some in sets for one in some["paragraphs"]]
    for path in sorted((folder / "rag").glob(f"*-{language}_*.jsonl")):
        for line in path.read_text().splitlines():
            one = json.loads(line)
            asked.append(one["query"])
            shown += flat([one["positive"], one["negative"]])
    return asked, shown


def flat(some: list[Any]) -> Iterator[str]:
    """Some of RGB's passages are lists of passages."""
    for one in some:
        if isinstance(one, str):
            yield one
        else:
            yield from flat(one)


def test_no_subject_is_both_trained_on_and_held() -> None:
    trained, held = ({one["title"] for one in own_texts("en", part)["paragraphs"]} for part in (TRAIN, HELD))
    assert not trained & held
