"""What must hold of database and disk, whatever was killed. Raises AssertionError, saying what broke."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, func, select

from app.settings import Settings
from indexes import schema as s
from indexes.blobs import Blobs
from indexes.database import reading
from indexes.purge import Purge
from indexes.snapshots import Snapshots
from indexes.verify import verify
from ingest.chunker import Chunker
from tests.support.words import word_tokenizer
from tests.torture.ledger import Ledger, text_of

IN_A_FILE = re.compile(rb"edition (\d+) of the timetable of ferry (\d+)")
LONG_AGO = 10**9  # seconds since the epoch


def require_no_double(database: Engine) -> None:
    """At any time: no passage answers twice."""
    columns = (s.chunks.c.document_id, s.chunks.c.start)
    query = select(*columns).where(s.chunks.c.dead_seq.is_(None)).group_by(*columns)
    with reading(database) as db:
        twice = db.execute(query.having(func.count() > 1)).all()
    assert twice == [], f"a chunk is there twice: {twice}"


def check_end(database: Engine, settings: Settings, ledgers: Sequence[Ledger]) -> tuple[int, int, int]:
    """When nothing waits any more. How many documents and chunks there are, and editions that are gone."""
    documents, chunks = check_rows(database, settings, ledgers)
    blobs = Blobs(settings.data_dir / "files")
    assert verify(database, blobs).problems == []
    for path in (settings.data_dir / "files").rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))  # what lies there is old enough to go
    Purge(database, Snapshots(database, settings.data_dir / "snapshots"), blobs).run()
    assert verify(database, blobs).problems == []
    require_off_the_disk(settings.data_dir, ledgers)
    return documents, chunks, sum(len(ledger.gone) for ledger in ledgers)


def check_rows(database: Engine, settings: Settings, ledgers: Sequence[Ledger]) -> tuple[int, int]:
    require_no_double(database)
    with reading(database) as db:
        rows = db.execute(
            select(s.documents.c.name, s.documents.c.id, s.versions.c.text)
            .add_columns(s.documents.c.tags, s.collections.c.name.label("collection"))
            .join(s.versions, s.versions.c.id == s.documents.c.version_id)
            .join(s.collections, s.collections.c.id == s.documents.c.collection_id)
            .where(s.documents.c.deleted_at.is_(None))
        ).all()
        live = db.execute(
            select(s.chunks.c.document_id, s.chunks.c.start, s.chunks.c.text).where(
                s.chunks.c.dead_seq.is_(None)
            )
        ).all()
        waiting = select(func.count()).where(s.jobs.c.status.in_(("queued", "running")))
        open_jobs = db.execute(waiting).scalar_one()
        failed = db.execute(select(s.versions.c.error).where(s.versions.c.status == "failed")).scalars().all()
    assert open_jobs == 0, "a job never ended"
    assert failed == [], failed
    there = {row.name: row for row in rows}
    assert len(there) == len(rows), "a source has two documents"
    known = {source.name: source for ledger in ledgers for source in ledger.sources.values()}
    assert there.keys() <= known.keys(), "nobody handed it in"
    for name, source in known.items():
        row = there.get(name)
        allowed = {None if one is None else text_of(source.number, one) for one in source.allowed}
        found = None if row is None else row.text
        if None in allowed and len(allowed) == 1:
            assert found is None, f"a deleted text is back: {found!r}"
        assert found in allowed, f"what was acknowledged of {name} is lost: {found!r} is not of {allowed}"
        if row is not None and source.doubt is None:
            assert row.collection == source.collection, f"{name} lies in {row.collection}"
            assert tuple(row.tags) in source.tags, f"tags of {name}: {row.tags}"
    chunker = Chunker(word_tokenizer(settings.data_dir), tokens=settings.chunk_tokens)
    for row in rows:
        expected = [one.text for one in chunker.chunks(row.text, markdown=False, page_starts=None)]
        found = sorted((one.start, one.text) for one in live if one.document_id == row.id)
        assert [text for _, text in found] == expected, "chunks are missing, or another version's"
    owners = {row.id for row in rows}
    assert {one.document_id for one in live} <= owners, "chunks answer for a document that is gone"
    return len(rows), len(live)


def require_off_the_disk(folder: Path, ledgers: Sequence[Ledger]) -> None:
    """After a purge: nothing of what is gone stands in any file of the data folder."""
    gone = {one for ledger in ledgers for one in ledger.gone}
    left = Counter[str]()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        for edition, source in IN_A_FILE.findall(path.read_bytes()):
            if (int(source), int(edition)) in gone:
                left[str(path.relative_to(folder))] += 1
    assert not left, f"a deleted text is on the disk: {dict(left)}"
