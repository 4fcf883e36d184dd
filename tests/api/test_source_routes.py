"""Sources over HTTP: handed in, pulled, listed without their secrets, refreshed, given up."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.api import Api
from tests.support.replies import error_of
from tests.support.sites import Site, linking, page


@pytest.fixture
def shop(api: Api, tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("create table goods (id integer, name text, about text)")
        db.execute("insert into goods values (1, 'Kettle', 'It boils water.')")
    api.service.settings.connections["shop"] = SecretStr(f"sqlite:///{tmp_path / 'shop.db'}")
    return tmp_path / "shop.db"


async def work(api: Api) -> None:
    await asyncio.to_thread(api.worker.work, api.service)


async def pulled(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.http.post("/ingest", json=body)
    assert answer.status_code == 202, answer.text
    await work(api)
    job: dict[str, Any] = (await api.http.get(f"/jobs/{answer.json()['job_id']}")).json()
    return job


async def test_a_database(api: Api, shop: Path) -> None:
    goods = {"connection": "shop", "query": "select * from goods", "id": "id", "text": ["name", "about"]}
    job = await pulled(api, databases=[goods], refresh="every 1h", tags=["shop"])
    assert job["status"] == "succeeded"
    [pull] = job["pulls"]
    assert (pull["status"], pull["items"], pull["error"]) == ("done", 1, None)
    [found] = (await api.http.post("/search", json={"question": "kettle water"})).json()["sources"]
    assert (found["title"], found["uri"]) == ("Kettle", "shop#1")
    assert found["seen_at"].endswith("Z")

    [source] = (await api.http.get("/sources")).json()["data"]
    assert (source["id"], source["kind"], source["every_seconds"]) == (pull["source_id"], "database", 3600)
    with sqlite3.connect(shop) as db:
        db.execute("update goods set about = 'It sings.'")
    started = (await api.http.post(f"/documents/{found['document_id']}/refresh")).json()
    await work(api)
    assert (await api.http.get(f"/jobs/{started['job_id']}")).json()["status"] == "succeeded"
    [found] = (await api.http.post("/search", json={"question": "kettle sings"})).json()["sources"]
    assert "sings" in found["text"]

    assert (await api.http.post(f"/sources/{source['id']}/refresh")).status_code == 202
    await work(api)
    assert (await api.http.delete(f"/sources/{source['id']}")).status_code == 204
    assert (await api.http.get("/sources")).json()["data"] == []
    assert (await api.http.get(f"/documents/{found['document_id']}")).status_code == 200


async def test_an_api_whose_secrets_are_not_told(api: Api) -> None:
    with Site() as site:
        site.pages["/t"] = page(json.dumps([{"id": 1, "text": "The tram runs all night."}]).encode())
        tickets = {"url": f"{site.url}/t", "id": "$.id", "text": ["$.text"], "headers": {"X-Key": "hush"}}
        job = await pulled(api, apis=[tickets], refresh="every 1d")
    assert job["pulls"][0]["error"]["code"] == "fetch_refused"  # loopback, which is not public
    listed = await api.http.get("/sources")
    assert "hush" not in listed.text
    assert "not a public address" in listed.json()["data"][0]["error"]


async def test_a_site(api: Api) -> None:
    with Site() as site:
        api.service.settings.fetch_allow.append(site.host)
        api.service.settings.crawl_pause = 0
        site.pages["/"] = linking("/hours", text="Welcome to the harbour.")
        site.pages["/hours"] = linking(text="The harbour opens at ten.", head="<title>Hours</title>")
        job = await pulled(api, crawls=[{"url": site.url, "max_pages": 5}], refresh="every 1d", tags=["sea"])
        assert (job["status"], job["pulls"][0]["items"], job["progress"]["done"]) == ("succeeded", 2, 3)
        [source] = (await api.http.get("/sources")).json()["data"]
        assert (source["kind"], source["spec"]["max_pages"], source["error"]) == ("crawl", 5, None)
        found = (await api.http.post("/search", json={"question": "When does it open?"})).json()["sources"]
        hours = next(one for one in found if one["uri"] == f"{site.url}/hours")
        document = f"/documents/{hours['document_id']}"
        changed = await api.http.patch(document, json={"tags": ["opening"]})
        assert changed.status_code == 200, changed.text
        assert (await api.http.get(f"{document}/file")).content.startswith(b"<html>")
        job = await pulled(api, crawls=[{"url": site.url, "max_pages": 5}], refresh="every 1d")
        assert (await api.http.get(document)).json()["tags"] == ["opening"]
        assert job["documents"] == []


async def test_what_is_refused(api: Api, shop: Path) -> None:
    async def refused(param: str, **body: Any) -> None:
        error_of(await api.http.post("/ingest", json=body), 422, "invalid_request", param)

    one = {"url": "https://example.org", "id": "$.id", "text": ["$.a"]}
    goods = {"connection": "shop", "query": "select 1", "id": "id", "text": ["name"]}
    await refused("apis.id", apis=[{**one, "id": "$["}])
    await refused("apis.0.text", apis=[{**one, "text": []}])
    await refused("apis.0.secret", apis=[{**one, "secret": 1}])
    await refused("databases.connection", databases=[{**goods, "connection": "other"}])
    await refused("databases.query", databases=[{**goods, "query": "drop table goods"}])
    await refused("refresh", apis=[one], refresh="hourly")
    error_of(
        await api.http.post("/ingest", json={"crawls": [{"url": "ftp://a.org"}]}),
        422,
        "fetch_refused",
        "urls",
    )
    await refused("crawls.0.depth", crawls=[{"url": "https://example.org", "depth": -1}])
    await refused("crawls.0.include.0", crawls=[{"url": "https://example.org", "include": ["docs/*"]}])
    await refused("crawls.max_pages", crawls=[{"url": "https://example.org", "max_pages": 10**9}])
    await refused("refresh", payloads=[{"id": "1", "text": "a"}], refresh="every 1h")
    error_of(await api.http.post("/sources/none-such/refresh"), 404, "source_not_found", "source_id")
    error_of(await api.http.delete("/sources/none-such"), 404, "source_not_found", "source_id")
    [uploaded] = await api.ingest("The ferry leaves at noon.")
    error_of(await api.http.post(f"/documents/{uploaded}/refresh"), 422, "invalid_request", "document_id")
