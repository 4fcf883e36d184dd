"""Re-embedding beside what answers, on both databases: nothing fails, nothing is mixed, nothing is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from indexes import live as live_module
from indexes import schema as s
from indexes.database import reading
from indexes.errors import Conflict, EmbedderMismatch, Unavailable
from indexes.reembeddings import ReEmbeddings
from indexes.snapshots import Snapshots
from ingest import reembed
from tests.support.changing import NEW, OLD, Change, change, other_process, quick
from tests.support.ingestion import Bench
from tests.support.reembedding import OtherEmbedder, Searcher, known, re_embedder
from tests.support.store import TENANT
from tests.support.waiting import until

__all__ = ["change", "other_process", "quick"]  # fixtures


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
            until(lambda: sum(one.index is not None for one in searcher.live._entries.values()) == 2, 90)
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
