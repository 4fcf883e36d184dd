"""The whole service stopped, killed, and started again: nothing is left running, nothing is lost."""

import time
from pathlib import Path

import psutil
import pytest

from app.settings import Settings
from tests.support.service import RunningService

pytestmark = pytest.mark.engine

GONE = 30.0  # seconds


def test_what_was_ingested_outlives_the_service(prepared_models: Settings, tmp_path: Path) -> None:
    service = RunningService(tmp_path)
    try:
        begun = time.monotonic()
        service.start()
        first = time.monotonic() - begun
        job = service.ingest({"payloads": [{"id": "moon", "text": "The moon is made of grey stone."}]})
        assert job["status"] == "succeeded", job

        family = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
        assert len(family) >= 4  # supervisor, API, worker, engine
        family[0].kill()
        _, alive = psutil.wait_procs(family[1:], timeout=GONE)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []

        begun = time.monotonic()
        service.start()
        assert time.monotonic() - begun <= max(90, 2 * first)  # on a busy machine, as long as before
        found = service.http.post("/search", json={"question": "What is the moon made of?"}).json()
        assert found["sources"][0]["text"] == "The moon is made of grey stone."
        assert service.stop() == 0
    finally:
        service.close()
