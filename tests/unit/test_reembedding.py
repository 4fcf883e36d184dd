"""Re-embedding beside what answers, on both databases: nothing fails, nothing is mixed, nothing is lost."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from indexes import live as live_module
from indexes import new_vectors, reembeddings
from indexes import schema as s
from indexes.backup import back_up, restore
from indexes.blobs import Blobs
from indexes.database import open_database, reading
from indexes.errors import Conflict, EmbedderMismatch, SimurghError, Unavailable
from indexes.moving import Moving
from indexes.purge import Purge
from indexes.records import Job
from indexes.reembeddings import ReEmbeddings
from indexes.snapshots import Snapshots
from indexes.verify import verify
from ingest import reembed
from ingest.reembed import ReEmbedder
from tests.support.ingestion import Bench
from tests.support.reembedding import OtherEmbedder, Searcher, known, re_embedder
from tests.support.store import TENANT, Store

OLD, NEW = "fake-hash-64", "fake-hash-96"
ROOT = Path(__file__).parents[2]


class Change:
    """A store of many texts, and a re-embedding of it that is asked for."""

    def __init__(self, database: Engine, folder: Path) -> None:
        self.store = Store(database)
        self.folder = folder
        self.other = OtherEmbedder()
        self.rows = ReEmbeddings(database)
        self.task = self.worker()

    def worker(self, wait: Callable[[float], bool] = lambda _: False) -> ReEmbedder:
        return re_embedder(
            self.store.database, self.folder, known(self.store.embedder, self.other), wait=wait
        )

    def fill(self, count: int) -> None:
        for page in range(count // 10):
            self.store.add("\n".join(f"word{page}x{line} stands here" for line in range(10)), f"page {page}")

    def start(self) -> tuple[str, str]:
        """The job, and what the worker takes up."""
        job_id = self.rows.start(self.collection(), self.other.identity)
        [work_id] = self.rows.waiting(limit=9)
        return job_id, work_id

    def run(self) -> Job:
        job_id, work_id = self.start()
        self.task.ingest(work_id)
        return self.job(job_id)

    def job(self, job_id: str) -> Job:
        return self.store.queue.job(TENANT, job_id)

    def collection(self):  # type: ignore[no-untyped-def]
        return self.store.collections.get(TENANT, "default")

    def model(self) -> str:
        return str(self.collection().embedder.id)

    def searcher(self, database: Engine | None = None) -> Searcher:
        return Searcher(database or self.store.database, self.folder, self.store.embedder, self.other)

    def apart(self) -> int:
        with reading(self.store.database) as db:
            return int(db.execute(select(func.count()).select_from(s.new_vectors)).scalar_one())

    @staticmethod
    def embedded(log: Path) -> list[str]:
        """By `tests.support.slow_reembedder`."""
        return log.read_text().splitlines() if log.exists() else []

    def check(self) -> None:
        """Every live chunk has the vector of its text by the collection's model."""
        model = {OLD: self.store.embedder, NEW: self.other}[self.model()]
        texts = self.store.live()
        vectors = self.store.chunks.vectors(self.collection(), np.array(sorted(texts)))
        assert set(vectors) == set(texts)
        for one, text in texts.items():
            expected = type(self.store.embedder).embed_passages(model, [text])[0]  # type: ignore[arg-type]
            np.testing.assert_allclose(vectors[one], expected, atol=1e-6)
        found = verify(self.store.database, Blobs(self.folder / "files"))
        assert not [one for one in found.problems if "bytes" not in one]  # the store has no bytes


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_vectors, "BATCH", 8)
    monkeypatch.setattr(reembed, "BATCH", 8)
    monkeypatch.setattr(new_vectors, "MOVED", 16)


@pytest.fixture
def change(database: Engine, tmp_path: Path) -> Change:
    return Change(database, tmp_path)


@pytest.fixture
def other_process(database: Engine) -> Iterator[Engine]:
    engine = open_database(database.url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def test_from_start_to_end(change: Change) -> None:
    change.fill(50)
    change.store.delete(change.store.add("deleted"))
    before = change.collection()
    job = change.run()
    assert (job.status, job.stage, job.done, job.total) == ("succeeded", "succeeded", 1, 1)
    assert (job.chunks_done, job.chunks_total) == (50, 50)
    assert job.re_embedding is not None
    assert (job.re_embedding.embedder, job.re_embedding.status) == (NEW, "done")
    after = change.collection()
    assert (after.embedder, after.seq) == (change.other.identity, before.seq + 1)
    assert sorted(change.other.embedded) == sorted(change.store.live().values())
    assert (change.apart(), change.rows.waiting(limit=9)) == (0, [])
    change.check()
    with reading(change.store.database) as db:
        assert {len(one) for one in db.execute(select(s.chunks.c.vector)).scalars()} >= {96 * 4}
        assert set(db.execute(select(s.snapshots.c.embedder)).scalars()) == {NEW}
    assert change.searcher().best("word3x7") == ("word3x7 stands here", NEW)


def test_questions_go_on_and_every_process_switches(change: Change, other_process: Engine) -> None:
    change.fill(60)
    processes = [change.searcher(), change.searcher(other_process)]
    stop, models = threading.Event(), [set[str](), set[str]()]
    told = threading.Event()

    def ask(number: int) -> int:
        count = 0
        while not stop.is_set():
            page = count % 6
            text, model = processes[number].best(f"word{page}x3")
            assert text == f"word{page}x3 stands here"
            models[number].add(model)
            count += 1
            if count % 5 == 0:
                processes[number].prepare()
            if models[number] == {OLD} and count > 5:
                told.set()
        return count

    added = 0

    def meanwhile() -> None:
        nonlocal added
        told.wait(20)
        if added < 5:
            change.store.add(f"news {added}\nmore news {added}", source=f"news {added % 2}")
            added += 1

    change.other.meanwhile = meanwhile
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, number) for number in (0, 1, 0, 1)]
        try:
            assert change.run().status == "succeeded"
            assert processes[0].best("word1x1") == ("word1x1 stands here", NEW)
            assert processes[1].best("word1x1") == ("word1x1 stands here", NEW)
        finally:
            stop.set()
        assert all(one.result(30) > 10 for one in asking)
    assert added == 5
    change.check()
    assert processes[0].best("news 4") == ("news 4", NEW)
    assert {"news 2", "more news 2"}.isdisjoint(hit.text for hit in processes[1].search("news 2", k=100))


def test_ingested_replaced_and_deleted_meanwhile(change: Change) -> None:
    change.fill(40)
    gone = change.store.add("to be deleted", source="gone")
    change.store.add("first words", source="replaced")
    steps = iter(
        [
            lambda: change.store.add("\n".join(f"late{line}" for line in range(30)), source="late"),
            lambda: change.store.delete(gone),
            lambda: change.store.add("second words", source="replaced"),
        ]
    )
    change.other.meanwhile = lambda: next(steps, lambda: None)()
    assert change.run().status == "succeeded"
    change.check()
    searcher = change.searcher()
    assert searcher.best("late17") == ("late17", NEW)
    assert searcher.best("second words") == ("second words", NEW)
    assert not {"to be deleted", "first words"} & set(change.store.live().values())
    # The next document comes by the new model.
    change.store.embedder = change.other  # type: ignore[assignment]
    change.store.add("after all")
    assert searcher.best("after all") == ("after all", NEW)


def test_what_was_read_before_the_switch_and_committed_after(bench: Bench, tmp_path: Path) -> None:
    bench.ingest("The ferry leaves at noon.", "ferry.txt")
    other = OtherEmbedder()
    rows = ReEmbeddings(bench.store.database)
    bench.pipeline._embedders = known(bench.embedder, other)
    task = re_embedder(bench.store.database, tmp_path, known(bench.embedder, other))

    def switch() -> None:
        bench.embedder.meanwhile = lambda: None
        rows.start(bench.store.collections.get(TENANT, "default"), other.identity)
        task.ingest(rows.waiting(limit=1)[0])

    bench.embedder.meanwhile = switch
    outcome = bench.ingest("The museum is closed.", "museum.txt")
    assert (outcome.status, outcome.chunks) == ("done", 1)
    searcher = Searcher(bench.store.database, tmp_path, bench.embedder, other)
    assert searcher.best("museum closed") == ("The museum is closed.", NEW)
    assert bench.ingest("A glacier melts.", "third.txt").status == "done"
    assert searcher.best("glacier melts") == ("A glacier melts.", NEW)


def test_the_index_is_open_before_the_switch(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change.fill(30)
    searcher = change.searcher()
    searcher.best("word1x1")

    def notice(seconds: float) -> bool:
        if seconds:
            assert seconds >= reembed.NOTICE
            searcher.prepare()
            _wait(lambda: sum(one.index is not None for one in searcher.live._entries.values()) == 2)
            assert searcher.best("word1x1") == ("word1x1 stands here", OLD)
            change.store.add("the last news")
        return False

    change.task = change.worker(notice)
    change.run()
    monkeypatch.setattr(live_module, "build_hybrid", None)
    monkeypatch.setattr(Snapshots, "load", None)
    assert searcher.best("word2x2") == ("word2x2 stands here", NEW)
    assert searcher.best("last news") == ("the last news", NEW)
    searcher.live.renew()
    assert [key[1].id for key in searcher.live._entries] == [NEW]


def test_a_text_is_embedded_once_however_often_it_stands_there(change: Change) -> None:
    for page in range(5):
        change.store.add("\n".join(["the same footer"] * 6 + [f"page {page}"]), source=f"page {page}")
    assert change.run().status == "succeeded"
    assert sorted(change.other.embedded) == sorted(["the same footer", *(f"page {n}" for n in range(5))])
    change.check()


def test_a_stop_and_a_fault_lose_a_batch_at_most(change: Change) -> None:
    change.fill(50)
    job_id, work_id = change.start()
    change.worker(wait=lambda _: len(change.other.embedded) >= 16).ingest(work_id)
    assert (len(change.other.embedded), change.apart()) == (16, 16)
    assert change.job(job_id).status == "running"
    assert (change.job(job_id).chunks_done, change.job(job_id).chunks_total) == (16, 50)

    def away() -> None:
        if len(change.other.embedded) >= 32:
            raise Unavailable("the endpoint is away")

    change.other.meanwhile = away
    with pytest.raises(Unavailable):
        change.task.ingest(work_id)
    assert change.apart() == 32
    change.task.give_up(work_id, Unavailable("the endpoint is away"))
    job = change.job(job_id)
    assert (job.status, job.re_embedding and job.re_embedding.error_code) == ("failed", "unavailable")
    assert (change.rows.waiting(limit=9), change.model()) == ([], OLD)
    change.check()
    change.other.meanwhile = lambda: None
    assert change.run().status == "succeeded"
    assert len(change.other.embedded) == len(set(change.other.embedded)) == 50
    change.check()


def test_a_failed_one_is_dropped_after_a_week(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change.fill(20)
    job_id, work_id = change.start()
    change.worker(wait=lambda _: change.apart() > 0).ingest(work_id)
    change.task.give_up(work_id, SimurghError("no"))
    monkeypatch.setattr(reembeddings, "KEEP_FAILED", -1.0)
    assert change.rows.waiting(limit=9) == [work_id]
    change.task.ingest(work_id)
    assert (change.apart(), change.rows.waiting(limit=9)) == (0, [])
    assert change.job(job_id).status == "failed"


@pytest.mark.parametrize("when", ["queued", "embedding", "indexing"])
def test_cancelling_leaves_all_as_it_was(change: Change, when: str) -> None:
    change.fill(30)
    before = change.collection()
    job_id, work_id = change.start()

    def cancel() -> None:
        assert change.store.queue.cancel(TENANT, job_id).status == "cancelled"

    if when == "queued":
        cancel()
    elif when == "embedding":
        change.other.meanwhile = cancel
    else:
        change.task = change.worker(wait=lambda seconds: bool(seconds) and cancel() is not None)
    change.task.ingest(work_id)
    assert (change.apart(), change.rows.waiting(limit=9)) == (0, [])
    assert change.collection() == before
    change.check()
    with reading(change.store.database) as db:
        assert NEW not in set(db.execute(select(s.snapshots.c.embedder)).scalars())
    assert change.searcher().best("word2x2") == ("word2x2 stands here", OLD)
    change.other.meanwhile = lambda: None
    change.task = change.worker()
    assert change.run().status == "succeeded"
    assert change.store.queue.cancel(TENANT, job_id).status == "cancelled"
    change.check()


def test_asked_for_twice_or_otherwise(change: Change) -> None:
    change.fill(10)
    job_id, work_id = change.start()
    assert change.rows.start(change.collection(), change.other.identity) == job_id
    with pytest.raises(Conflict, match=job_id):
        change.rows.start(change.collection(), change.store.embedder.identity)
    change.task.ingest(work_id)
    again = change.job(change.rows.start(change.collection(), change.other.identity))
    assert (again.status, again.total) == ("succeeded", 0)
    assert change.rows.waiting(limit=9) == []


def test_there_and_back(change: Change) -> None:
    change.fill(30)
    searcher = change.searcher()
    for model in (NEW, OLD, NEW):
        target = {OLD: change.store.embedder, NEW: change.other}[model].identity
        change.rows.start(change.collection(), target)
        change.task.ingest(change.rows.waiting(limit=9)[0])
        assert searcher.best("word1x4") == ("word1x4 stands here", model)
        change.check()


def test_an_empty_collection_goes_over_and_stays(change: Change) -> None:
    assert change.run().status == "succeeded"
    assert change.model() == NEW
    change.searcher()
    assert change.collection().seq == 1


def test_a_collection_deleted_meanwhile(change: Change) -> None:
    change.fill(30)
    _job, work_id = change.start()
    change.other.meanwhile = lambda: change.store.collections.delete(change.collection())
    change.task.ingest(work_id)
    assert (change.apart(), change.rows.waiting(limit=9)) == (0, [])


def test_a_model_that_nobody_knows_fails_the_job(change: Change) -> None:
    change.fill(10)
    job_id, work_id = change.start()
    re_embedder(change.store.database, change.folder, known(change.store.embedder)).ingest(work_id)
    job = change.job(job_id)
    assert (job.status, job.re_embedding and job.re_embedding.error_code) == ("failed", "embedder_mismatch")
    assert "SIMURGH_EMBEDDERS" in str(job.re_embedding and job.re_embedding.error)
    change.run()
    with pytest.raises(EmbedderMismatch, match="re-embed"):
        Searcher(change.store.database, change.folder, change.store.embedder).search("word1x1")


def test_one_that_takes_its_worker_down_is_given_up(change: Change) -> None:
    change.fill(10)
    job_id, work_id = change.start()

    def crash() -> None:
        raise KeyboardInterrupt

    change.other.meanwhile = crash
    for _ in range(reembed.MAX_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            change.task.ingest(work_id)
    change.task.ingest(work_id)
    job = change.job(job_id)
    assert (job.status, job.re_embedding and job.re_embedding.error_code) == ("failed", "poison")


def test_a_purge_meanwhile_takes_the_new_vector_too(change: Change) -> None:
    change.fill(20)
    canary = "the zephyrine heliotrope"
    document = change.store.add(canary)
    snapshots = Snapshots(change.store.database, change.folder / "snapshots")
    purge = Purge(change.store.database, snapshots, Blobs(change.folder / "files"))
    _job, work_id = change.start()

    def notice(seconds: float) -> bool:
        return bool(seconds)  # stops before the switch, with every new vector there

    change.worker(notice).ingest(work_id)
    assert change.apart() == 21
    vector = change.other.embed_passages([canary])[0].astype("<f4").tobytes()

    def holding() -> list[str]:
        with reading(change.store.database) as db:
            held = db.execute(select(s.new_vectors.c.vector)).scalars().all()
        files = [
            path.name for path in change.folder.rglob("*") if path.is_file() and vector in path.read_bytes()
        ]
        return [*files, *("row" for one in held if one == vector)]

    assert holding()
    change.store.delete(document)
    purge.run()
    assert holding() == []
    assert change.apart() == 20
    change.task.ingest(work_id)
    assert holding() == []
    assert change.model() == NEW
    change.check()


def test_moves_meanwhile_and_before_all_is_put_in_place(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    change.fill(30)
    store, moving = change.store, Moving(change.store.database)
    target = store.collections.create(TENANT, "target")
    first, second = store.add("moved early"), store.add("moved late")
    _job, work_id = change.start()
    moving.move(store.documents.get(TENANT, first), change.collection(), target)
    monkeypatch.setattr(new_vectors.NewVectors, "clear", lambda *_: None)
    change.task.ingest(work_id)
    monkeypatch.undo()
    assert change.model() == NEW
    assert change.apart() == 31
    change.check()
    late = store.documents.get(TENANT, second)
    with pytest.raises(EmbedderMismatch):
        moving.move(late, change.collection(), target)
    empty = store.collections.create(TENANT, "empty")
    moving.move(late, change.collection(), empty)
    empty = store.collections.get(TENANT, "empty")
    assert empty.embedder == change.other.identity
    [[vector]] = [one.vectors for one in store.chunks.changes(empty, after=-1) if len(one.added)]
    np.testing.assert_allclose(vector, change.other.embed_passages(["moved late"])[0], atol=1e-6)
    with pytest.raises(Unavailable, match="put in place"):
        change.rows.start(change.collection(), store.embedder.identity)
    change.task.ingest(work_id)
    assert change.apart() == 0
    change.check()


def test_a_backup_meanwhile_goes_on_where_it_was(tmp_path: Path, sqlite: Engine) -> None:
    change = Change(sqlite, tmp_path)
    change.fill(40)
    _job, work_id = change.start()
    with suppress(Unavailable):
        change.worker(wait=lambda _: change.apart() >= 16).ingest(work_id)
    url = sqlite.url.render_as_string(hide_password=False)
    back_up(url, tmp_path, tmp_path / "backup")
    copy = f"sqlite:///{tmp_path / 'restored' / 'simurgh.db'}"
    restore(copy, tmp_path / "restored", tmp_path / "backup")
    database = open_database(copy)
    restored = Change(database, tmp_path / "restored")
    restored.check()
    assert restored.rows.waiting(limit=9) == [work_id]
    restored.task.ingest(work_id)
    assert restored.model() == NEW
    assert len(restored.other.embedded) == 24
    restored.check()
    database.dispose()


def test_killed_again_and_again(change: Change) -> None:
    """With -9, at any moment: what was embedded stays, questions are answered, in the end all is there."""
    change.fill(80)
    texts = sorted(change.store.live().values())
    searcher, chance, kills = change.searcher(), random.Random(0), 0
    job_id, _work = change.start()
    url = change.store.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.support.slow_reembedder", url, str(change.folder)]
    log = change.folder / "embedded"
    while change.rows.waiting(limit=9):
        seen, apart, kills = len(change.embedded(log)), change.apart(), kills + 1
        process = subprocess.Popen(command, cwd=ROOT)
        try:  # until something was done, and a moment longer
            if seen < len(texts):
                enough = seen + 24
                _wait(lambda at=enough: len(change.embedded(log)) >= at or change.apart() >= len(texts))
            else:
                _wait(
                    lambda before=apart: (
                        change.model() == NEW
                        and (change.apart() < before or not change.rows.waiting(limit=1))
                    )
                )
            time.sleep(chance.uniform(0, 0.1))
        finally:
            process.kill()
            process.wait()
        assert change.job(job_id).status in ("running", "succeeded")
        change.check()
        searcher.prepare()
        assert searcher.best("word7x5")[0] == "word7x5 stands here"
    assert kills >= 4
    assert sorted(set(change.embedded(log))) == texts
    assert len(change.embedded(log)) <= len(texts) + 8 * kills
    assert searcher.best("word7x7") == ("word7x7 stands here", NEW)
    assert change.apart() == 0


def _wait(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(4500):
        if true():
            return
        pause.wait(0.02)
    raise AssertionError("it did not happen within 90 s")
