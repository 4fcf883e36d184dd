"""A sample of the evaluation on real parts, with lower bounds that a broken part would fall below."""

import json
from pathlib import Path

import pytest

from app.cli.client import Client
from app.settings import Settings
from evaluation import own, retrieval
from evaluation.arms import OURS, arms
from evaluation.datasets import DataSet, Question, load, sampled
from evaluation.stage import Remembering, started
from tests.support.service import RunningService

pytestmark = pytest.mark.shared
LANGUAGES = ("fa", "zh", "en")
PASSAGES = 20  # indexed, of the test titles; each with one question
REFUSED = 4  # questions about passages that are not indexed


def picked(data: DataSet) -> tuple[list[Question], list[Question]]:
    """A question each on PASSAGES passages, and REFUSED on others that stay out."""
    found: dict[str, Question] = {}
    for question in sampled([one for one in data.answerable if one.part == "test"], None, seed=0):
        found.setdefault(question.gold[0], question)
    questions = list(found.values())
    return questions[:PASSAGES], questions[PASSAGES : PASSAGES + REFUSED]


@pytest.mark.parametrize("language", ["zh", "fa"])
async def test_retrieval_is_not_behind_its_legs_nor_its_peer(
    language: str, shared_data: Path, prepared_models: Settings, tmp_path: Path
) -> None:
    from app import models

    data = load(shared_data, language)
    questions, _ = picked(data)
    wanted = {question.gold[0] for question in questions}
    settings = prepared_models.model_copy(update={"data_dir": tmp_path, "reader": "none"})
    embedder = Remembering(models.build_embedder(settings))
    async with started(settings, embedder) as stage:
        collection = stage.ingest(data.corpus, [one for one in data.passages if one.id in wanted])
        embedder.learn(question.text for question in questions)
        measured = retrieval.measure(data, questions, arms(stage, collection))
    first = {arm.arm: sum(arm.recall[1]) / len(questions) for arm in measured.arms}
    fifth = {arm.arm: sum(arm.recall[5]) / len(questions) for arm in measured.arms}
    assert set(first) >= {OURS, "dense alone", "BM25 alone", "LlamaIndex BM25", "LlamaIndex fusion"}
    assert first[OURS] >= 0.85
    assert fifth[OURS] >= 0.95
    slack = 1.01 / len(questions)  # one question
    assert all(first[OURS] >= rival - slack for rival in first.values()), first


@pytest.mark.engine
def test_own_questions_over_the_running_service(
    service: RunningService, shared_data: Path, tmp_path: Path
) -> None:
    collection = "evaluated"
    service.http.post("/collections", json={"name": collection}).raise_for_status()
    lines = []
    for language in LANGUAGES:
        data = load(shared_data, language)
        inside, outside = picked(data)
        texts = {passage.id: passage.text for passage in data.passages}
        payloads = [{"id": f"{language}-{one.gold[0]}", "text": texts[one.gold[0]]} for one in inside]
        assert service.ingest({"collection": collection, "payloads": payloads})["status"] == "succeeded"
        for one in inside[:6]:
            document = f"{language}-{one.gold[0]}"
            lines.append({"question": one.text, "answers": list(one.answers), "document": document})
        lines += [{"question": one.text, "answers": []} for one in outside]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), "utf-8")

    client = Client(Settings(port=service.port))
    outcomes = own.measure(client, own.read(path), collection=collection, adapter=None, top_k=5)

    answerable = [one for one in outcomes if one.question.answers]
    others = [one for one in outcomes if one.question.answers == ()]
    assert sum(one.rank is not None and one.rank <= 5 for one in answerable) >= 0.9 * len(answerable)
    assert sum(one.f1 or 0.0 for one in answerable) >= 0.35 * len(answerable)
    assert sum(one.reply["abstained"] for one in answerable) <= 0.4 * len(answerable)
    assert sum(one.reply["abstained"] for one in others) >= 0.3 * len(others)
    for one in outcomes:
        for citation in one.reply["citations"]:
            text = service.http.get(f"/documents/{citation['document_id']}/text").text
            assert citation["quote"] == text[citation["start"] : citation["end"]]
    markdown, _ = own.report(outcomes).write(tmp_path, "report")
    assert "recall@5" in markdown.read_text("utf-8")
