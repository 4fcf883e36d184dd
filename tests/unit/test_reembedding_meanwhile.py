"""Re-embedding while documents, models, workers and the disk change."""

import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, select

from indexes import new_vectors, reembeddings
from indexes import schema as s
from indexes.backup import back_up, restore
from indexes.blobs import Blobs
from indexes.database import open_database, reading
from indexes.errors import EmbedderMismatch, SimurghError, Unavailable
from indexes.moving import Moving
from indexes.purge import Purge
from indexes.snapshots import Snapshots
from ingest import reembed
from tests.support.changing import NEW, ROOT, Change, change, other_process, quick
from tests.support.store import TENANT
from tests.support.waiting import until

__all__ = ["change", "other_process", "quick"]  # fixtures


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
                until(lambda at=enough: len(change.embedded(log)) >= at or change.apart() >= len(texts), 90)
            else:
                until(
                    lambda before=apart: (
                        change.model() == NEW
                        and (change.apart() < before or not change.rows.waiting(limit=1))
                    ),
                    90,
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
