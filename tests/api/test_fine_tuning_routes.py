"""OpenAI's files and fine-tuning jobs: what is refused, and the whole way with the official client."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from app.engine.device import Device
from tests.support.api import Server, make_settings, served
from tests.support.tuning import at_work, lines, tuner
from tests.support.worker import Worker
from tuning.prepared import Prepared

PLAN = {"rank": 8, "max_length": 512, "learning_rate": 1e-2, "dropout": 0.05, "replay": 0.0, "at_once": 4}
ENDED = ("succeeded", "failed", "cancelled")
MIXED = b'{"prompt": "a", "completion": "b"}\n{"messages": []}'


@pytest.fixture(scope="module")
def tuning(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, worker: Worker, tiny_base: Path
) -> Iterator[Server]:
    settings = make_settings(
        tmp_path_factory.mktemp("tuning"), empty_database, generator=str(tiny_base), max_model_len=1024
    )
    with served(settings, worker) as made:
        yield made


@pytest.fixture
def client(tuning: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{tuning.url}/v1", api_key="none", max_retries=0, timeout=20) as made:
        yield made


def awaited(client: OpenAI, job_id: str, until: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        job = client.fine_tuning.jobs.retrieve(job_id)
        if until(job):
            return job
        time.sleep(0.3)
    raise AssertionError(client.fine_tuning.jobs.list_events(job_id).data)


def started(client: OpenAI, content: bytes, **more: Any) -> Any:
    file = client.files.create(file=("rows.jsonl", content), purpose="fine-tune")
    own = {"force": True, "plan": PLAN}
    return client.fine_tuning.jobs.create(model="simurgh", training_file=file.id, extra_body=own, **more)


# -- files


def test_a_file_is_kept_listed_read_and_deleted(client: OpenAI) -> None:
    file = client.files.create(file=("rows.jsonl", lines()), purpose="fine-tune")
    assert (file.filename, file.purpose, file.bytes) == ("rows.jsonl", "fine-tune", len(lines()))
    assert client.files.retrieve(file.id) == file
    assert client.files.wait_for_processing(file.id).status == "processed"
    assert client.files.content(file.id).content == lines()
    other = client.files.create(file=("more.jsonl", lines(5)), purpose="fine-tune")
    assert [one.id for one in client.files.list(purpose="fine-tune", limit=1)][:2] == [other.id, file.id]
    assert [one.id for one in client.files.list(order="asc")][-2:] == [file.id, other.id]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError) as caught:
        client.files.retrieve(file.id)
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(
    ("fields", "files", "param"),
    [
        ({"purpose": "vision"}, True, "purpose"),
        ({}, True, "purpose"),
        ({"purpose": "fine-tune"}, False, "file"),
        ({"purpose": "fine-tune", "more": "1"}, True, "more"),
    ],
    ids=["another purpose", "no purpose", "no file", "unknown field"],
)
def test_what_is_not_kept(tuning: Server, fields: dict[str, str], files: bool, param: str) -> None:
    sent = {"file": ("rows.jsonl", lines())} if files else {"other": ("", b"")}
    answer = tuning.http.post("/v1/files", data=fields, files=sent if files else None)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["param"] == param


# -- jobs


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"model": "gpt-4o-mini"}, 404, "model"),
        ({"training_file": "file-none"}, 404, "training_file"),
        ({"validation_file": "file-none"}, 404, "validation_file"),
        ({"suffix": "no spaces"}, 422, "suffix"),
        ({"suffix": "base"}, 422, "suffix"),
        ({"hyperparameters": {"n_epochs": "many"}}, 422, None),
        ({"method": {"type": "reinforcement"}}, 422, None),
        ({"seed": -1}, 422, "seed"),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "x"}}]}, 422, "integrations"),
        ({"goal": "fun"}, 422, "goal"),
        ({"unheard": 1}, 422, "unheard"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_is_not_begun(
    tuning: Server, client: OpenAI, changes: dict[str, Any], status: int, param: str | None
) -> None:
    file = client.files.create(file=("rows.jsonl", lines()), purpose="fine-tune")
    body = {"model": "simurgh", "training_file": file.id, **changes}
    answer = tuning.http.post("/v1/fine_tuning/jobs", json=body)
    assert answer.status_code == status, answer.text
    if param is not None:
        assert answer.json()["error"]["param"] == param


def test_training_and_validation_must_differ(tuning: Server, client: OpenAI) -> None:
    file = client.files.create(file=("rows.jsonl", lines()), purpose="fine-tune")
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.fine_tuning.jobs.create(model="simurgh", training_file=file.id, validation_file=file.id)
    assert caught.value.param == "validation_file"


def test_one_that_waits_holds_its_file_and_can_be_cancelled_once(client: OpenAI) -> None:
    job = started(client, lines())
    assert (job.status, job.fine_tuned_model, job.error) == ("queued", None, None)
    with pytest.raises(openai.ConflictError) as caught:
        client.files.delete(job.training_file)
    assert caught.value.code == "file_in_use"
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    with pytest.raises(openai.ConflictError) as again:
        client.fine_tuning.jobs.cancel(job.id)
    assert again.value.code == "already_ended"
    assert client.files.delete(job.training_file).deleted
    with pytest.raises(openai.NotFoundError) as unknown:
        client.fine_tuning.jobs.retrieve("ftjob-none")
    assert unknown.value.code == "tuning_not_found"


@pytest.mark.parametrize(
    ("content", "more", "code", "told", "param"),
    [
        (b"", {}, "empty_file", "empty", "training_file"),
        (b"\xff\xfe\x00 is not a text", {}, "not_utf8", "UTF-8", "training_file"),
        (MIXED, {}, "mixed_formats", "line 2", "training_file"),
        (lines(), {"method": {"type": "dpo"}}, "invalid_training_file", "pairs", "training_file"),
        (lines(), {"hyperparameters": {"n_epochs": 1000}}, "invalid_request", "epochs", "epochs"),
    ],
    ids=["empty", "no text", "mixed", "no pairs", "too many epochs"],
)
def test_what_fails_before_it_trains(
    tuning: Server,
    client: OpenAI,
    tiny_base: Path,
    content: bytes,
    more: dict[str, Any],
    code: str,
    told: str,
    param: str | None,
) -> None:
    with at_work(tuning.service, tiny_base):
        job = awaited(client, started(client, content, **more).id, lambda job: job.status in ENDED)
    assert (job.status, job.error.code) == ("failed", code), job.error
    assert told in job.error.message
    if param is not None:
        assert job.error.param == param


def test_a_worker_that_lacks_the_extra_says_so_at_once(
    tuning: Server, client: OpenAI, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'datasketch'", name="datasketch")

    monkeypatch.setattr(Prepared, "checked", lacking)
    job = started(client, lines())
    with at_work(tuning.service, tiny_base):
        job = awaited(client, job.id, lambda job: job.status in ENDED)
    assert (job.error.code, "extra `tune`" in job.error.message) == ("not_installed", True), job.error


def test_from_a_file_to_an_answer(
    tuning: Server, client: OpenAI, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So small a base forgets whatever it knew, and learns no end so soon: that is passed over here."""
    monkeypatch.setattr("tuning.verdict.FORGOTTEN", 101.0)
    monkeypatch.setattr("tuning.verdict.ENDS", 0.0)
    job = started(
        client,
        lines(),
        suffix="harbour",
        seed=7,
        metadata={"team": "sea"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}},
    )
    assert job.method.supervised.hyperparameters.n_epochs == 4
    with at_work(tuning.service, tiny_base):
        job = awaited(client, job.id, lambda job: job.status in ENDED)
        finished = time.monotonic()
    assert job.status == "succeeded", job.error
    assert (job.fine_tuned_model, job.seed, job.metadata) == ("simurgh:harbour", 7, {"team": "sea"})
    assert job.adapter == "harbour"
    assert job.trained_tokens > 0
    assert client.fine_tuning.jobs.list().data[0] == job

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
    assert len(events) > 10, "it asks on behind each page"
    assert len({one.id for one in events}) == len(events)
    chosen = {one.data["choice"]: one.data["value"] for one in events if "choice" in one.data}
    assert chosen["epochs"] == 4
    assert all(one.data["passed"] for one in events if "passed" in one.data)
    messages = [one.message for one in reversed(events)]
    assert messages[0] == "queued"
    assert "training" in messages
    assert "harbour answers" in messages[-1]
    metrics = [one for one in events if one.type == "metrics"]
    assert any("validation_loss" in dict(one.data) for one in metrics)  # type: ignore[call-overload]
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=2))
    assert len(checkpoints) >= 3
    assert checkpoints[0].step_number > checkpoints[-1].step_number
    assert checkpoints[0].metrics.full_valid_loss is not None
    table, *rest = [client.files.retrieve(one) for one in job.result_files]
    assert {one.filename for one in rest} == {"model-card.html", "data-card.html", "log.txt"}
    head, *rows = client.files.content(table.id).text.splitlines()
    assert head.startswith("stage,step,train_loss")
    assert len(rows) >= len(checkpoints)

    said = client.chat.completions.create(
        model=job.fine_tuned_model, messages=[{"role": "user", "content": "What is a pier for?"}]
    )
    assert time.monotonic() - finished < 5
    assert said.model == "simurgh:harbour"
    adapter = tuning.http.get("/adapters/harbour").json()
    assert (adapter["source"], adapter["status"]) == (f"tuning:{job.id}", "ready")
    assert not (tuning.service.settings.data_dir / "tuning" / job.id).exists(), "nothing is left behind"


def test_what_did_not_pass_answers_nobody(
    tuning: Server, client: OpenAI, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuning.verdict.FORGOTTEN", -101.0)
    job = started(client, lines(), suffix="forgetful", hyperparameters={"n_epochs": 1})
    with at_work(tuning.service, tiny_base):
        job = awaited(client, job.id, lambda job: job.status in ENDED)
    assert (job.status, job.error.code, job.fine_tuned_model) == ("failed", "forgetting", None)
    told = [dict(one.data) for one in client.fine_tuning.jobs.list_events(job.id, limit=100)]  # type: ignore[call-overload]
    assert {"passed": False} in told
    assert tuning.http.get("/adapters/forgetful").status_code == 404


def test_a_worker_that_stops_leaves_it_to_the_next_and_cancelling_ends_it(
    tuning: Server, client: OpenAI, tiny_base: Path
) -> None:
    job = started(client, lines(), hyperparameters={"n_epochs": 90})
    folder = tuning.service.settings.data_dir / "tuning" / job.id

    def trains(_: Any) -> bool:
        return bool(client.fine_tuning.jobs.checkpoints.list(job.id).data)

    with at_work(tuning.service, tiny_base):
        awaited(client, job.id, trains)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "running"
    seen = client.fine_tuning.jobs.checkpoints.list(job.id).data[0].step_number
    with at_work(tuning.service, tiny_base):
        awaited(
            client,
            job.id,
            lambda _: client.fine_tuning.jobs.checkpoints.list(job.id).data[0].step_number > seen,
        )
        assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
        deadline = time.monotonic() + 20
        while folder.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
    steps = [
        one.data["step"]  # type: ignore[index]
        for one in client.fine_tuning.jobs.list_events(job.id, limit=100)
        if one.type == "metrics" and "loss" in one.data  # type: ignore[operator]
    ]
    assert steps.count(1) == 1, "it went on, and did not begin again"
    assert not folder.exists()
    assert client.fine_tuning.jobs.retrieve(job.id).status == "cancelled"


def test_what_a_worker_left_that_died_after_the_end_is_removed(
    tuning: Server, client: OpenAI, tiny_base: Path
) -> None:
    job = started(client, lines())
    client.fine_tuning.jobs.cancel(job.id)
    folder = tuning.service.settings.data_dir / "tuning" / job.id
    folder.mkdir(parents=True)
    (folder / "task.json").write_text("{}")
    tuner(tuning.service, tiny_base, threading.Event()).ingest(job.id)
    assert not folder.exists()
    assert client.fine_tuning.jobs.retrieve(job.id).status == "cancelled"


def test_it_waits_until_the_engine_has_left_the_device(
    tuning: Server, client: OpenAI, tiny_base: Path, tmp_path: Path
) -> None:
    engine, training = Device(tmp_path), Device(tmp_path)
    assert engine.take()
    job = started(client, lines())
    at_work = threading.Thread(
        target=tuner(tuning.service, tiny_base, threading.Event(), training).ingest, args=(job.id,)
    )
    at_work.start()
    deadline = time.monotonic() + 60
    while not engine.wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert engine.wanted
    assert client.fine_tuning.jobs.retrieve(job.id).status == "validating_files"
    client.fine_tuning.jobs.cancel(job.id)
    at_work.join(30)
    assert not at_work.is_alive()
    assert not engine.wanted
    assert client.fine_tuning.jobs.retrieve(job.id).status == "cancelled"
    engine.close()
    training.close()


def test_a_table_is_read_as_one(tuning: Server, client: OpenAI, tiny_base: Path) -> None:
    file = client.files.create(file=("rows.csv", b"question;answer\nWhy?;So."), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="simurgh", training_file=file.id)
    with at_work(tuning.service, tiny_base):
        job = awaited(client, job.id, lambda job: job.status in ENDED)
    assert job.error.code in ("too_few_examples", "cannot_validate"), job.error


def test_only_its_owner_sees_it(tuning: Server, client: OpenAI) -> None:
    job = started(client, lines())
    with pytest.raises(Exception, match="there is no tuning"):
        tuning.service.tunings.get("another", job.id)
    with pytest.raises(Exception, match="there is no file"):
        tuning.service.training_files.get("another", job.training_file)
    client.fine_tuning.jobs.cancel(job.id)


def test_what_a_deleted_file_held_goes_with_the_purge(tuning: Server, client: OpenAI) -> None:
    content = b'{"prompt": "a zephyrine", "completion": "heliotrope"}'
    file = client.files.create(file=("rows.jsonl", content), purpose="fine-tune")
    blobs = tuning.service.settings.data_dir / "files"
    tuning.service.purge.run(keep_blob=0)
    assert client.files.content(file.id).content == content, "it is kept while it is wanted"
    client.files.delete(file.id)
    tuning.service.purge.run(keep_blob=0)
    assert not any(content in path.read_bytes() for path in blobs.rglob("*") if path.is_file())


def test_events_are_asked_for_by_their_ids(tuning: Server, client: OpenAI) -> None:
    job = started(client, lines())
    answer: httpx.Response = tuning.http.get(f"/v1/fine_tuning/jobs/{job.id}/events?after=nothing")
    assert answer.status_code == 422
    client.fine_tuning.jobs.cancel(job.id)
