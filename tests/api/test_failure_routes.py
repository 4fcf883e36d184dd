"""Documents that failed, over HTTP."""

import asyncio

from tests.support.api import Api
from tests.support.replies import error_of


async def test_listed_and_tried_again(api: Api) -> None:
    await api.http.post("/ingest", files=[("file", ("a.pdf", b"%PDF-1.4 broken", "application/pdf"))])
    await asyncio.to_thread(api.worker.work, api.service)
    body = (await api.http.get("/failures")).json()
    [one] = body["data"]
    assert (one["name"], one["answers"], body["has_more"]) == ("a.pdf", False, False)
    assert one["error"]["code"]
    answer = await api.http.post("/failures/retry", json={"documents": [one["document_id"]]})
    assert answer.status_code == 202
    [document] = answer.json()["documents"]
    assert document == {"document_id": one["document_id"], "name": "a.pdf", "status": "queued"}
    assert (await api.http.get("/failures")).json()["data"] == []
    await asyncio.to_thread(api.worker.work, api.service)
    [again] = (await api.http.get("/failures")).json()["data"]
    assert (again["document_id"], again["job_id"]) == (one["document_id"], answer.json()["job_id"])
    refused = await api.http.post("/failures/retry", json={"documents": ["x"]})
    error_of(refused, 422, "invalid_request", "documents")
    error_of(await api.http.get("/failures?collection=none"), 404, "collection_not_found", "collection")
