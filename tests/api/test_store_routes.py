"""Folders and buckets over HTTP: handed in, pulled, and nothing told of where they are or of their keys."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.compose import Settings
from tests.support.api import Api, make_settings
from tests.support.buckets import KEY, SECRET, Buckets
from tests.support.replies import error_of


@pytest.fixture(scope="module")
def buckets() -> Iterator[Buckets]:
    with Buckets() as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path, buckets: Buckets) -> Settings:
    (tmp_path / "srv").mkdir()
    stores = {
        "handbook": str(tmp_path / "srv"),
        "lake": buckets.store(),
        "refused": buckets.store("s3://no-such-bucket/secret-folder"),
    }
    return make_settings(tmp_path / "var", empty_database, stores=json.dumps(stores))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "srv"


def write(path: Path, text: str, age: float = 60) -> None:
    path.write_text(text)
    os.utime(path, (path.stat().st_mtime - age,) * 2)


async def pulled(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.http.post("/ingest", json=body)
    assert answer.status_code == 202, answer.text
    return await ended(api, answer.json()["job_id"])


async def ended(api: Api, job_id: str) -> dict[str, Any]:
    await asyncio.to_thread(api.worker.work, api.service)
    job: dict[str, Any] = (await api.http.get(f"/jobs/{job_id}")).json()
    return job


async def test_a_folder(api: Api, root: Path) -> None:
    write(root / "a.txt", "The ferry leaves at noon.")
    (root / "b.bin").write_bytes(os.urandom(2 << 20))
    job = await pulled(
        api, stores=[{"store": "handbook", "match": ["**/*.txt"], "watch": True}], tags=["sea"]
    )
    assert job["status"] == "succeeded"
    [found] = (await api.http.post("/search", json={"question": "ferry noon"})).json()["sources"]
    assert found["uri"] == "handbook:a.txt"
    answer = (await api.http.post("/ask", json={"question": "When does the ferry leave?"})).json()
    assert answer["sources"][0]["seen_at"] == found["seen_at"]
    document = f"/documents/{found['document_id']}"
    file = await api.http.get(f"{document}/file")
    assert (file.status_code, file.text) == (200, "The ferry leaves at noon.")
    [source] = (await api.http.get("/sources")).json()["data"]
    assert source["spec"] == {"store": "handbook", "path": "", "match": ["**/*.txt"], "watch": True}
    assert (source["kind"], source["every_seconds"], source["error"]) == ("store", 3600, None)

    write(root / "a.txt", "The ferry leaves at nine.", age=30)
    started = await api.http.post(f"{document}/refresh")
    assert started.status_code == 202
    assert (await ended(api, started.json()["job_id"]))["status"] == "succeeded"
    [found] = (await api.http.post("/search", json={"question": "ferry nine"})).json()["sources"]
    assert "nine" in found["text"]
    assert found["seen_at"] > answer["sources"][0]["seen_at"]


async def test_nothing_is_told_of_keys_and_places(
    api: Api, root: Path, buckets: Buckets, capfd: pytest.CaptureFixture[str]
) -> None:
    buckets.put("a.txt", b"The harbour closes in a storm.")
    write(root / "a.txt", "The ferry leaves at noon.")
    stores = ("lake", "handbook", "refused")
    text = "".join(
        [json.dumps(await pulled(api, stores=[{"store": name}], refresh="every 10m")) for name in stores]
    )
    os.rename(root, f"{root}-away")
    text += json.dumps(await pulled(api, stores=[{"store": "handbook"}]))
    for path in ("/sources", "/documents", "/collections", "/health/ready", "/metrics"):
        text += (await api.http.get(path)).text
    text += (await api.http.post("/ingest", json={"stores": [{"store": "other"}]})).text
    assert '"store_missing"' in text
    assert "lake:a.txt" in text
    text += "".join(capfd.readouterr()) + repr(api.service.settings) + repr(api.service.jobs.__dict__)
    for secret in (KEY, SECRET, buckets.url, "secret-folder", str(root)):
        assert secret not in text


async def test_what_is_refused(api: Api) -> None:
    async def refused(param: str, **store: Any) -> None:
        body = {"stores": [{"store": "handbook", **store}]}
        error_of(await api.http.post("/ingest", json=body), 422, "invalid_request", param)

    await refused("stores.store", store="other")
    await refused("stores.store", store="/etc")
    await refused("stores.path", path="../etc")
    await refused("stores.watch", store="lake", watch=True)
    await refused("stores.match", match=["/etc/*"])
    await refused("stores.0.url", url="s3://other")
    await refused("stores.0.key", key="mine")
    await refused("stores.0.match", match=["*"] * 51)
