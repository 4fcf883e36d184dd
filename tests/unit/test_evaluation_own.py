"""A user's own questions: a bad file is refused by the line, a good one is asked and scored."""

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation import own

DOCUMENTS = [
    {"document_id": "d1", "name": "hours.txt", "title": "Opening hours", "uri": "hours.txt"},
    {"document_id": "d2", "name": "fees.txt", "title": None, "uri": "payload:fees"},
]


class FakeService:
    """Finds d2 before d1, and answers every question but those with "secret" in them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get(self, path: str, **params: Any) -> Any:
        assert path == "/documents"
        at = [one["document_id"] for one in DOCUMENTS].index(params["after"]) + 1 if "after" in params else 0
        return {"data": DOCUMENTS[at : at + 1], "has_more": at == 0}

    def post(self, path: str, body: Any) -> Any:
        if path == "/search":
            return {"sources": [{"document_id": one} for one in ("d2", "d2", "d1")]}
        self.asked.append(body)
        refused = "secret" in body["question"]
        return {
            "answer": "I do not know." if refused else "At nine. [1]",
            "abstained": refused,
            "groundedness": 0.0 if refused else 0.8,
            "timings_ms": {"total": 12.0},
        }


def written(folder: Path, *lines: object) -> Path:
    path = folder / "questions.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(texts), "utf-8")
    return path


def test_every_bad_line_is_named(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"question": "When?"},
        "{broken",
        "",
        "[1]",
        {"question": " "},
        {"question": "When?", "answer": "nine"},
        {"question": "When?", "answers": "nine"},
        {"question": "When?", "answers": [""]},
        {"question": "When?", "document": 7},
    )
    with pytest.raises(own.BadQuestions) as caught:
        own.read(path)
    assert [line.split(":")[0] for line in caught.value.lines] == [
        f"line {number}" for number in (2, 4, 5, 6, 7, 8, 9)
    ]
    assert "answer: use answers, document, question" in caught.value.lines[3]


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(own.BadQuestions, match="holds no questions"):
        own.read(written(tmp_path, "", " "))


def test_a_document_that_is_not_there_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    service = FakeService()
    questions = own.read(written(tmp_path, {"question": "When?", "document": "rules.txt"}))
    with pytest.raises(own.BadQuestions, match=r"line 1: there is no document 'rules\.txt'"):
        own.measure(service, questions, collection="default", adapter=None, top_k=5)
    assert service.asked == []


@pytest.mark.parametrize("name", ["d1", "hours.txt", "Opening hours"])
def test_the_rank_is_that_of_the_document_however_it_is_named(tmp_path: Path, name: str) -> None:
    questions = own.read(written(tmp_path, {"question": "When?", "document": name}))
    (outcome,) = own.measure(FakeService(), questions, collection="default", adapter=None, top_k=5)
    assert outcome.rank == 2  # two chunks of the other document count once


def test_scores_and_report(tmp_path: Path) -> None:
    service = FakeService()
    questions = own.read(
        written(
            tmp_path,
            {"question": "When does it open?", "answers": ["at nine", "9"], "document": "hours.txt"},
            {"question": "What is the secret?", "answers": []},
            {"question": "A secret | with a bar?", "answers": ["x"], "document": "payload:fees"},
            {"question": "What else?"},
        )
    )
    outcomes = own.measure(service, questions, collection="default", adapter="voice", top_k=3)
    assert [one.f1 for one in outcomes] == [1.0, 1.0, 0.0, None]
    assert all(body["adapter"] == "voice" and body["top_k"] == 3 for body in service.asked)
    report = own.report(outcomes, collection="default")
    scores = {row[0]: (row[1].split()[0], row[2]) for row in report.sections[0].tables[0].rows}
    assert scores["recall@1 of the named document"] == ("0.500", "2")
    assert scores["recall@5 of the named document"] == ("1.000", "2")
    assert scores["F1"] == ("0.500", "2")
    assert scores["refused although there is an answer"] == ("0.500", "2")
    assert scores["refused where it should be"] == ("1.000", "1")
    assert scores["groundedness of what was answered"] == ("0.800", "2")
    markdown, html = report.write(tmp_path / "out", "report")
    assert r"A secret \| with a bar?" in markdown.read_text("utf-8")
    assert "When does it open?" in html.read_text("utf-8")


@pytest.mark.parametrize(("answers", "f1"), [((), 1.0), (("at nine",), 0.0), (None, None)])
def test_a_refusal_in_words_is_a_refusal(answers: tuple[str, ...] | None, f1: float | None) -> None:
    asked = own.OwnQuestion(line=1, text="When?", answers=answers, document=None)
    reply = {
        "answer": "I do not know. [1]",
        "abstained": False,
        "groundedness": None,
        "timings_ms": {"total": 1},
    }
    outcome = own.Outcome(question=asked, reply=reply, rank=None)
    assert (outcome.refused, outcome.text, outcome.exact, outcome.f1) == (True, "", 0.0, f1)
