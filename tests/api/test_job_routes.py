"""Jobs: looked at, streamed, cancelled."""

import asyncio

from tests.support.api import Api
from tests.support.replies import error_of, events_of


async def submit(api: Api, *texts: str, collection: str = "default") -> str:
    payloads = [{"id": text[:20], "text": text} for text in texts]
    answer = await api.http.post("/ingest", json={"payloads": payloads, "collection": collection})
    return str(answer.json()["job_id"])


async def test_a_job_from_start_to_end(api: Api) -> None:
    job_id = await submit(api, "The ferry leaves.", "The moon is far.")
    job = (await api.http.get(f"/jobs/{job_id}")).json()
    assert (job["id"], job["status"]) == (job_id, "queued")
    assert {"done": 0, "total": 2, "stage": "queued"}.items() <= job["progress"].items()
    await asyncio.to_thread(api.worker.work, api.service)
    job = (await api.http.get(f"/jobs/{job_id}")).json()
    assert (job["status"], job["progress"]["done"]) == ("succeeded", 2)
    for document in job["documents"]:
        assert {"document_id", "status", "pages", "chunks", "error"} <= set(document)
        assert (document["status"], document["chunks"], document["error"]) == ("done", 1, None)
    assert job["finished_at"].endswith("Z")


async def test_the_events_of_a_job(api: Api) -> None:
    job_id = await submit(api, "The ferry leaves.")
    streaming = asyncio.create_task(api.http.get(f"/jobs/{job_id}/events"))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(api.worker.work, api.service)
    events = events_of(await streaming)
    assert {name for name, _ in events} == {"job"}
    assert [data["status"] for _, data in events][-1] == "succeeded"
    assert len(events) >= 2
    assert [data for _, data in events_of(await api.http.get(f"/jobs/{job_id}/events"))] == [events[-1][1]]


async def test_a_collection_deleted_meanwhile_ends_the_stream(api: Api) -> None:
    await api.http.post("/collections", json={"name": "brief"})
    job_id = await submit(api, "The ferry leaves.", collection="brief")
    streaming = asyncio.create_task(api.http.get(f"/jobs/{job_id}/events"))
    await asyncio.sleep(0.1)
    assert (await api.http.delete("/collections/brief")).status_code == 204
    name, data = events_of(await asyncio.wait_for(streaming, 5))[-1]
    assert name in ("error", "job")
    if name == "error":
        assert data["error"]["code"] == "job_not_found"


async def test_cancelling(api: Api) -> None:
    job_id = await submit(api, "The ferry leaves.")
    for _ in range(2):  # the second time changes nothing
        answer = await api.http.delete(f"/jobs/{job_id}")
        assert answer.status_code == 200
        assert answer.json()["status"] == "cancelled"
    await asyncio.to_thread(api.worker.work, api.service)
    job = (await api.http.get(f"/jobs/{job_id}")).json()
    assert [one["status"] for one in job["documents"]] == ["cancelled"]
    assert (await api.ask("When does the ferry leave?"))["reason"] == "no_documents"


async def test_cancelling_what_has_ended_leaves_it(api: Api) -> None:
    job_id = await submit(api, "The ferry leaves.")
    await asyncio.to_thread(api.worker.work, api.service)
    assert (await api.http.delete(f"/jobs/{job_id}")).json()["status"] == "succeeded"


async def test_unknown_jobs(api: Api) -> None:
    for method, path in (("GET", "/jobs/x"), ("DELETE", "/jobs/x"), ("GET", "/jobs/نیست/events")):
        error_of(await api.http.request(method, path), 404, "job_not_found", "job_id")


async def test_two_contents_of_one_source_in_one_job_still_end(api: Api) -> None:
    payloads = [{"id": "same", "text": text} for text in ("The ferry leaves.", "The ferry stays.")]
    job_id = (await api.http.post("/ingest", json={"payloads": payloads})).json()["job_id"]
    await asyncio.to_thread(api.worker.work, api.service)
    job = (await api.http.get(f"/jobs/{job_id}")).json()
    assert (job["status"], job["progress"]["done"]) == ("succeeded", 2)
