"""`python -m tests.support.slow_reembedder DATABASE FOLDER`: works re-embeddings off until it is killed.

Each text that it embeds is a line of FOLDER/embedded before it is embedded.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from indexes import new_vectors
from indexes.database import open_database
from indexes.embedder import FakeEmbedder
from indexes.records import Vectors
from indexes.reembeddings import ReEmbeddings
from ingest import reembed
from tests.support.reembedding import OtherEmbedder, known, re_embedder

PAUSE = 0.05  # seconds


class SlowEmbedder(OtherEmbedder):
    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        with self._file.open("a") as out:
            out.writelines(f"{text}\n" for text in texts)
        time.sleep(PAUSE)
        return super().embed_passages(texts)


def wait(seconds: float) -> bool:
    time.sleep(min(seconds, PAUSE))
    return False


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    new_vectors.BATCH = reembed.BATCH = 8
    new_vectors.MOVED = 8
    database = open_database(url)
    rows = ReEmbeddings(database)
    task = re_embedder(database, folder, known(FakeEmbedder(), SlowEmbedder(folder / "embedded")), wait=wait)
    while True:
        for work_id in rows.waiting(limit=9):
            task.ingest(work_id)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
