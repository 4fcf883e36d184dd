"""What torture looks for is found: a check that cannot fail would prove nothing."""

import io
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from app.settings import Settings
from indexes import schema as s
from indexes.database import writing
from ingest.jobs import File
from tests.support.ingestion import Bench
from tests.torture.check import check_rows, require_no_double, require_off_the_disk
from tests.torture.ledger import Ledger, Source, ledger_of, text_of
from tests.torture.victim import settings_of

EDITION = 7


@pytest.fixture
def settings(bench: Bench, tmp_path: Path) -> Settings:
    made = settings_of(bench.store.database.url.render_as_string(hide_password=False), tmp_path)
    made.data_dir.mkdir()
    return made


@pytest.fixture
def document(bench: Bench) -> str:
    """Source 1 in its edition 7, worked off; the id of its document."""
    return hand_in(bench, 1)


def hand_in(bench: Bench, source: int) -> str:
    stream = io.BytesIO(text_of(source, EDITION).encode())
    file = File(name=f"{source}.txt", media_type="text/plain", stream=stream)
    _, [told] = bench.jobs.submit(bench.store.collection, files=[file])
    bench.work()
    return told.document_id


def promised(document: str, edition: int = EDITION) -> tuple[Ledger, Source]:
    ledger = ledger_of([1])
    source = ledger.sources[1]
    ledger.handed_in(source, edition)
    ledger.acknowledged(source, edition, document)
    return ledger, source


def test_all_is_well(bench: Bench, settings: Settings, document: str) -> None:
    ledger, source = promised(document)
    assert check_rows(bench.store.database, settings, [ledger]) == (1, 5)
    ledger.handed_in(source, 8)  # without an answer it may be there, or not
    ledger.deleting(source)
    check_rows(bench.store.database, settings, [ledger])


def test_another_edition_or_none_is_a_loss(bench: Bench, settings: Settings, document: str) -> None:
    with pytest.raises(AssertionError, match="lost"):
        check_rows(bench.store.database, settings, [promised(document, 8)[0]])
    bench.store.delete(document)
    with pytest.raises(AssertionError, match="lost"):
        check_rows(bench.store.database, settings, [promised(document)[0]])


def test_what_was_deleted_is_back(bench: Bench, settings: Settings, document: str) -> None:
    ledger, source = promised(document)
    ledger.deleted(source)
    with pytest.raises(AssertionError, match="back"):
        check_rows(bench.store.database, settings, [ledger])
    with pytest.raises(AssertionError, match="back"):
        ledger.require_fit([("another", text_of(1, EDITION))])
    with pytest.raises(AssertionError, match="back"):
        ledger.require_fit([(document, "any text of it")])
    ledger.handed_in(source, EDITION)  # the same bytes anew are another document
    ledger.require_fit([("another", text_of(1, EDITION))])


def test_what_was_replaced_is_back_when_the_new_one_is_done(document: str) -> None:
    ledger, source = promised(document)
    ledger.handed_in(source, 8)
    ledger.acknowledged(source, 8, document)
    ledger.require_fit([(document, text_of(1, EDITION))])
    ledger.done(source)
    with pytest.raises(AssertionError, match="back"):
        ledger.require_fit([(document, text_of(1, EDITION))])


def test_a_move_or_a_tag_that_was_lost(bench: Bench, settings: Settings, document: str) -> None:
    ledger, source = promised(document)
    source.collection = "harbour"
    with pytest.raises(AssertionError, match="lies in default"):
        check_rows(bench.store.database, settings, [ledger])
    source.collection, source.tags = "default", {("a",)}
    with pytest.raises(AssertionError, match="tags"):
        check_rows(bench.store.database, settings, [ledger])


def test_somebody_elses_document(bench: Bench, settings: Settings, document: str) -> None:
    hand_in(bench, 3)
    with pytest.raises(AssertionError, match="nobody handed it in"):
        check_rows(bench.store.database, settings, [promised(document)[0]])


def test_a_doubled_or_missing_chunk(bench: Bench, settings: Settings, document: str) -> None:
    ledger, _source = promised(document)
    columns = [column for column in s.chunks.c if column.name != "id"]
    with writing(bench.store.database) as db:
        copied = select(*columns).limit(1)
        db.execute(insert(s.chunks).from_select([column.name for column in columns], copied))
    with pytest.raises(AssertionError, match="twice"):
        require_no_double(bench.store.database)
    with writing(bench.store.database) as db:
        db.execute(update(s.chunks).values(dead_seq=1))
    with pytest.raises(AssertionError, match="missing"):
        check_rows(bench.store.database, settings, [ledger])


def test_a_job_that_never_ended(bench: Bench, settings: Settings, document: str) -> None:
    with writing(bench.store.database) as db:
        db.execute(update(s.jobs).values(status="running"))
    with pytest.raises(AssertionError, match="never ended"):
        check_rows(bench.store.database, settings, [promised(document)[0]])


def test_what_is_left_on_the_disk(bench: Bench, tmp_path: Path, document: str) -> None:
    ledger, source = promised(document)
    require_off_the_disk(tmp_path, [ledger])
    ledger.deleted(source)
    with pytest.raises(AssertionError, match="files/"):
        require_off_the_disk(tmp_path, [ledger])
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        path.write_bytes(b"")
    require_off_the_disk(tmp_path, [ledger])
