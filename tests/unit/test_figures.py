"""Numbers about what is stored."""

from sqlalchemy import Engine, update

from indexes import schema as s
from indexes.database import writing
from indexes.figures import LATELY, figures
from tests.support.store import Store


def test_pages_of_late(database: Engine) -> None:
    store = Store(database)
    for text in ("a", "b", "c"):
        _job, _documents, [version_id] = store.accept(text)
        assert store.commit(store.take(version_id), text)
    assert figures(database).pages_per_second == 3 / LATELY  # a text is a page
    with writing(database) as db:
        db.execute(update(s.versions).where(s.versions.c.id == version_id).values(page_starts=[0, 5, 9]))
    assert figures(database).pages_per_second == 5 / LATELY
    with writing(database) as db:
        db.execute(update(s.versions).values(finished_at=1.0))
    assert figures(database).pages_per_second == 0
