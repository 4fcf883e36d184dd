"""Which workers live: each says so every few seconds, in a row of its own."""

import time

from sqlalchemy import Engine, delete, insert, select, update

from indexes import schema as s
from indexes.database import reading, writing

FORGOTTEN = 86_400.0  # seconds


class Workers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, worker_id: str) -> None:
        now = time.time()
        mine = s.workers.c.id == worker_id
        with writing(self._engine) as db:
            if not db.execute(update(s.workers).where(mine).values(seen_at=now)).rowcount:
                db.execute(insert(s.workers).values(id=worker_id, seen_at=now))
                db.execute(delete(s.workers).where(s.workers.c.seen_at < now - FORGOTTEN))

    def live(self, *, within: float) -> set[str]:
        """Those that said so in the last ``within`` seconds; the clocks of all hosts must agree better."""
        with reading(self._engine) as db:
            query = select(s.workers.c.id).where(s.workers.c.seen_at >= time.time() - within)
            return set(db.execute(query).scalars())
