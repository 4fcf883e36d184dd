"""POST /compare and `simurgh compare`, over fakes of generator and embedder."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.cli.main import cli
from app.generator import GenerationRequest
from indexes.errors import EngineUnavailable
from tests.support import lora
from tests.support.api import Api, Server
from tests.support.replies import error_of
from tests.support.training import task
from tuning.workspace import Outcome, Workspace

FERRY = "Ferries are old. The ferry leaves the harbour at noon."
LEAVES = "The ferry leaves the harbour at noon"
FIVE = ["base", "RAG", "tuned", "tuned+RAG", "as served"]
QUESTIONS: list[dict[str, Any]] = [
    {"question": "When does the ferry leave the harbour?", "answers": [LEAVES]},
    {"question": "Who is the ferry's captain?", "answers": []},
    {"question": "Is the ferry old?"},
]


def reads(request: GenerationRequest) -> str:
    """Knows what stands in its prompt; the adapter's name stands before what it says."""
    held = request.messages[-1].content
    if "captain" in held:
        return "I do not know."
    return f"{LEAVES} [1]." if "at noon" in held else "Dragons breathe fire."


async def compare(api: Api, **more: Any) -> dict[str, Any]:
    answer = await api.http.post("/compare", json={"questions": QUESTIONS, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
async def ferry(api: Api) -> Api:
    api.generator.script = reads
    await api.ingest(FERRY)
    return api


async def with_adapter(api: Api, name: str = "legal") -> dict[str, Any]:
    files = [("file", ("adapter.zip", lora.zipped(lora.files())))]
    return dict((await api.http.post("/adapters", data={"name": name}, files=files)).json())


async def test_two_arms_and_the_service(ferry: Api) -> None:
    found = await compare(ferry)
    assert [arm["name"] for arm in found["arms"]] == ["base", "RAG", "as served"]
    base, rag, _ = found["arms"]
    assert (base["f1"]["mean"], rag["f1"]["mean"]) == (0.0, 1.0)
    assert (base["groundedness"]["count"], rag["groundedness"]["mean"]) == (0, 1.0)
    assert rag["refused_rightly"]["mean"] == 1.0
    assert rag["prompt_tokens"] > base["prompt_tokens"] > 0
    captain = found["rows"][1]["arms"]
    assert captain["RAG"]["refused"]
    assert captain["as served"]["model"] == "extractive"  # the service does not let that stand
    assert found["memory_bytes"] > 1 << 20
    assert (found["training"], found["adapter"]) == (None, None)
    assert found["recommendation"]["choice"] == "prompt"  # two questions tell nothing
    assert not found["recommendation"]["sure"]


async def test_the_service_is_left_out_where_it_says_what_rag_says(ferry: Api) -> None:
    found = await compare(ferry, questions=QUESTIONS[:1])
    assert [arm["name"] for arm in found["arms"]] == ["base", "RAG"]


async def test_four_arms_with_an_adapter(ferry: Api) -> None:
    await with_adapter(ferry)
    found = await compare(ferry, adapter="legal", changes="daily", style=True)
    assert [arm["name"] for arm in found["arms"]] == FIVE
    assert [arm["adapter"] for arm in found["arms"]] == [None, None, "legal", "legal", None]
    assert found["owner"] == {"changes": "daily", "style": True}
    said = found["rows"][0]["arms"]
    assert said["tuned"]["answer"].startswith("legal@")
    assert len(found["differences"]) == 10
    requests = ferry.generator.requests
    assert len({request.request_id for request in requests}) == len(requests)


async def test_the_bound_adapter_is_what_serves(ferry: Api) -> None:
    await with_adapter(ferry)
    await ferry.http.patch("/collections/default", json={"default_adapter": "legal"})
    found = await compare(ferry)
    assert [arm["name"] for arm in found["arms"]] == ["base", "RAG", "as served"]
    assert [arm["adapter"] for arm in found["arms"]] == [None, None, "legal"]


async def test_a_named_document_is_looked_for_among_the_sources(ferry: Api) -> None:
    (document,) = (await ferry.http.get("/documents")).json()["data"]
    question = {**QUESTIONS[0], "document": document["name"]}
    found = await compare(ferry, questions=[question])
    assert found["arms"][1]["found"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "count": 1}
    assert found["rows"][0]["arms"]["RAG"]["rank"] == 1


async def test_what_its_training_cost_is_known_by_its_weights(ferry: Api, tmp_path: Path) -> None:
    made = await with_adapter(ferry)
    assert (await compare(ferry, adapter="legal"))["training"] is None
    trainings = ferry.service.settings.data_dir / "tuning"
    for name, weights in (("another", lora.files(value=0.1)), ("legal-1", lora.files())):
        work = Workspace(trainings / name)
        work.begin(task(tmp_path), [], [])
        work.adapter.mkdir()
        (work.adapter / lora.WEIGHTS).write_bytes(weights[lora.WEIGHTS])
        seconds = 61.0 if name == "legal-1" else 1.0
        figures = {"training_seconds": seconds, "parameters_trained": 640.0, "on_gpu": 0.0}
        work.end(Outcome(status="succeeded", figures=figures))
    found = await compare(ferry, adapter=made["name"])
    assert found["training"] == {"seconds": 61.0, "device": "cpu", "parameters": 640}


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"questions": []}, 422, "invalid_request", "questions"),
        ({"questions": [{"question": "When?"}] * 201}, 422, "invalid_request", "questions"),
        ({"questions": [{"question": " "}]}, 422, "invalid_request", "questions.0.question"),
        (
            {"questions": [{"question": "When?", "answers": [""]}]},
            422,
            "invalid_request",
            "questions.0.answers.0",
        ),
        ({"questions": QUESTIONS, "mode": "rag"}, 422, "invalid_request", "mode"),
        ({"questions": QUESTIONS, "changes": "hourly"}, 422, "invalid_request", "changes"),
        ({"questions": QUESTIONS, "top_k": 1000}, 422, "invalid_request", "top_k"),
        ({"questions": [{"question": "x" * 20_001}]}, 422, "question_too_long", "question"),
        ({"questions": [{"question": "When?", "document": "no.txt"}]}, 422, "invalid_request", "questions"),
        ({"questions": QUESTIONS, "collection": "none-such"}, 404, "collection_not_found", "collection"),
        ({"questions": QUESTIONS, "adapter": "none-such"}, 404, "adapter_not_found", "adapter"),
    ],
)
async def test_what_is_refused_before_anything_is_asked(
    ferry: Api, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    answer = await ferry.http.post("/compare", json=body)
    error_of(answer, status, code, param)
    assert ferry.generator.requests == []


async def test_an_engine_that_is_down_is_told_so(ferry: Api) -> None:
    ferry.generator.down = True
    answer = await ferry.http.post("/compare", json={"questions": QUESTIONS})
    error_of(answer, 503, "engine_unavailable")


async def test_a_question_that_fails_is_left_out_and_told(ferry: Api) -> None:
    def reads_but_one(request: GenerationRequest) -> str:
        if "captain" in request.messages[-1].content:
            raise EngineUnavailable("the engine was too slow")
        return reads(request)

    ferry.generator.script = reads_but_one
    found = await compare(ferry)
    assert [one["question"] for one in found["left_out"]] == [QUESTIONS[1]["question"]]
    assert found["left_out"][0]["why"] == "the engine was too slow"
    assert found["questions"] == len(found["rows"]) == 2


async def test_the_memory_is_a_metric(api: Api) -> None:
    lines = (await api.http.get("/metrics")).text.splitlines()
    (told,) = [line for line in lines if line.startswith("simurgh_memory_bytes ")]
    assert float(told.split()[1]) > 1 << 20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: no .env of the developer's is in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(server: Server, *arguments: str, questions: list[dict[str, Any]]) -> Result:
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, questions)), "utf-8")
    environment = {"SIMURGH_PORT": server.url.rpartition(":")[2], "COLUMNS": "200"}
    given = ["compare", "--questions", "questions.jsonl", "--out", "out", *arguments]
    return CliRunner().invoke(cli, given, env=environment)


def test_the_command_writes_three_reports(server: Server, folder: Path) -> None:
    server.generator.script = reads
    server.ingest(FERRY)
    server.http.post(
        "/adapters",
        data={"name": "compared"},
        files=[("file", ("adapter.zip", lora.zipped(lora.files())))],
    ).raise_for_status()
    done = command(server, "--adapter", "compared", "--changes", "monthly", questions=QUESTIONS)
    assert done.exit_code == 0, done.stderr
    assert "tuned+RAG" in done.stdout
    assert "not sure: only 2 questions" in done.stdout
    assert "- how often the data changes: monthly" in done.stdout
    told = json.loads((folder / "out" / "comparison.json").read_text("utf-8"))
    assert [arm["name"] for arm in told["arms"]] == FIVE
    assert told["memory_bytes"] > 1 << 20
    assert "machine" in told["facts"]
    assert "When does the ferry leave" in (folder / "out" / "comparison.md").read_text("utf-8")
    assert "<svg" in (folder / "out" / "comparison.html").read_text("utf-8")


def test_the_command_refuses_an_adapter_that_there_is_not(server: Server, folder: Path) -> None:
    done = command(server, "--adapter", "none-such", questions=QUESTIONS)
    assert done.exit_code == 1
    assert "adapter_not_found" in done.stderr
    assert not (folder / "out").exists()


def test_the_command_refuses_a_document_that_there_is_not(server: Server, folder: Path) -> None:
    done = command(server, questions=[{"question": "When?", "document": "none-such.txt"}])
    assert done.exit_code == 2
    assert "line 1: there is no document 'none-such.txt'" in " ".join(done.stderr.split())
