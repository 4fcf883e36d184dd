"""What torture looks for is found: a check that cannot fail would prove nothing."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update
from tests.torture.parts import Parts, build

from indexes import schema as s
from indexes.database import writing
from ingest.jobs import File
from tests.torture.torture import Ledger, check
from tests.torture.victim import SAYS, text_of


@pytest.fixture
def parts(sqlite: Engine, tmp_path: Path) -> Iterator[Parts]:
    made = build(sqlite.url.render_as_string(hide_password=False), tmp_path)
    stream = io.BytesIO(text_of(1, 7).encode())
    made.jobs.submit(made.collection, files=[File(name="1.txt", media_type="text/plain", stream=stream)])
    for version_id in made.queue.unfinished(limit=9):
        made.pipeline.ingest(version_id)
    yield made
    made.cage.close()
    made.database.dispose()


def ledger(*lines: str) -> Ledger:
    made = Ledger()
    made.read("\n".join(["a line of the log", *(SAYS + line for line in lines)]))
    return made


def test_all_is_well(parts: Parts) -> None:
    check(parts, ledger("begun 1 7", "acknowledged 1 7 id"))
    check(parts, ledger("begun 1 7"))  # there without an answer is allowed


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["begun 1 8", "acknowledged 1 8 id"], "lost"),
        (["begun 2 7", "acknowledged 2 7 id"], "lost"),
        (["begun 1 7", "acknowledged 1 7 id", "deleted 1 7"], "back"),
        ([], "nobody handed it in"),
    ],
)
def test_another_outcome(parts: Parts, lines: list[str], fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check(parts, ledger(*lines))


def test_a_doubled_or_missing_chunk_and_an_open_job(parts: Parts) -> None:
    good = ledger("begun 1 7", "acknowledged 1 7 id")
    columns = [column for column in s.chunks.c if column.name != "id"]
    with writing(parts.database) as db:
        copied = select(*columns).limit(1)
        db.execute(insert(s.chunks).from_select([column.name for column in columns], copied))
    with pytest.raises(AssertionError, match="twice"):
        check(parts, good)
    with writing(parts.database) as db:
        db.execute(update(s.chunks).values(dead_seq=1))
    with pytest.raises(AssertionError, match="missing"):
        check(parts, good)


def test_a_job_that_never_ended(parts: Parts) -> None:
    with writing(parts.database) as db:
        db.execute(update(s.jobs).values(status="running"))
    with pytest.raises(AssertionError, match="never ended"):
        check(parts, ledger("begun 1 7", "acknowledged 1 7 id"))
