"""Adapters: uploaded, chosen, bound, failed, deleted."""

import asyncio
from typing import Any

import httpx
import pytest

from app.generator import LoadedAdapter
from tests.support import lora
from tests.support.api import Api
from tests.support.replies import error_of

QUESTION = "When does the ferry leave?"


async def upload(api: Api, name: str, content: bytes | None = None, **files: Any) -> httpx.Response:
    content = lora.zipped(lora.files(**files)) if content is None else content
    return await api.http.post("/adapters", data={"name": name}, files=[("file", ("adapter", content))])


@pytest.fixture
async def ferry(api: Api) -> Api:
    await api.ingest("The ferry leaves at noon. Bring a ticket.")
    api.generator.script = lambda _request: "The ferry leaves at noon."
    return api


@pytest.mark.parametrize("pack", [lora.zipped, lora.tarred])
async def test_an_archive(api: Api, pack: Any) -> None:
    answer = await upload(api, "legal", pack(lora.files()))
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {
        "name", "version", "base_model", "rank", "target_modules", "status", "error", "created_at", "source",
        "proof",
    }  # fmt: skip
    assert (made["name"], made["status"], made["error"], made["source"]) == ("legal", "ready", None, "upload")
    assert (made["rank"], made["base_model"]) == (4, lora.BASE_ID)
    assert made["version"].startswith("sha256:")
    assert (await api.http.get("/adapters/legal")).json() == made
    assert (await api.http.get("/adapters")).json() == {"data": [made], "has_more": False}


async def test_two_files(api: Api) -> None:
    parts = [("file", (name, content)) for name, content in lora.files().items()]
    answer = await api.http.post("/adapters", data={"name": "legal"}, files=parts)
    assert answer.json()["status"] == "ready"
    zipped = (await upload(api, "other")).json()
    assert zipped["version"] == answer.json()["version"]


async def test_the_same_again_is_the_same_adapter(api: Api) -> None:
    first = (await upload(api, "legal")).json()
    assert (await upload(api, "legal")).json() == first
    assert len(api.generator.adapters) == 1


async def test_new_content_of_a_name_takes_over(ferry: Api) -> None:
    first = (await upload(ferry, "legal", value=0.5)).json()
    second = (await upload(ferry, "legal", value=0.25)).json()
    assert second["version"] != first["version"]
    assert [one["version"] for one in (await ferry.http.get("/adapters")).json()["data"]] == [
        second["version"]
    ]
    assert (await ferry.ask(QUESTION, adapter="legal"))["adapter"]["version"] == second["version"]
    numbers = [adapter.number for adapter in ferry.generator.adapters.values()]
    assert len(set(numbers)) == 2


async def test_the_reply_names_the_adapter_that_answered(ferry: Api) -> None:
    made = (await upload(ferry, "legal")).json()
    answer = await ferry.ask(QUESTION, adapter="legal")
    assert answer["adapter"] == {"name": "legal", "version": made["version"]}
    request = ferry.generator.requests[-1].adapter
    assert request is not None
    assert request.name == f"legal@{made['version'].removeprefix('sha256:')[:12]}"
    assert (await ferry.ask(QUESTION))["adapter"] is None
    assert ferry.generator.requests[-1].adapter is None


async def test_a_bound_adapter_answers_unless_another_is_asked_for(ferry: Api) -> None:
    await upload(ferry, "legal", value=0.5)
    await upload(ferry, "poet", value=0.25)
    await ferry.http.patch("/collections/default", json={"default_adapter": "legal"})
    assert (await ferry.ask(QUESTION))["adapter"]["name"] == "legal"
    assert (await ferry.ask(QUESTION, adapter="poet"))["adapter"]["name"] == "poet"
    assert (await ferry.ask(QUESTION, adapter="base"))["adapter"] is None


async def test_one_that_the_engine_refuses_is_failed_with_its_reason(ferry: Api) -> None:
    ferry.generator.refusal = "its weights are cursed"
    answer = await upload(ferry, "legal")
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["error"]) == ("failed", "its weights are cursed")
    body = {"question": QUESTION, "adapter": "legal"}
    error = error_of(await ferry.http.post("/ask", json=body), 409, "adapter_not_ready", "adapter")
    assert "cursed" in error["message"]
    assert (await ferry.ask(QUESTION))["abstained"] is False
    ferry.generator.refusal = None
    assert (await upload(ferry, "legal")).json()["status"] == "ready"
    assert (await ferry.ask(QUESTION, adapter="legal"))["adapter"]["name"] == "legal"


async def test_a_bad_new_version_leaves_the_old_one_answering(ferry: Api) -> None:
    good = (await upload(ferry, "legal", value=0.5)).json()
    ferry.generator.refusal = "no"
    assert (await upload(ferry, "legal", value=0.25)).json()["status"] == "failed"
    ferry.generator.refusal = None
    assert (await ferry.http.get("/adapters/legal")).json()["version"] == good["version"]
    assert (await ferry.ask(QUESTION, adapter="legal"))["adapter"]["version"] == good["version"]


async def test_an_upload_while_the_engine_is_away_waits_for_it(ferry: Api) -> None:
    ferry.generator.down = True
    assert (await upload(ferry, "legal")).json()["status"] == "loading"
    body = {"question": QUESTION, "adapter": "legal"}
    error_of(await ferry.http.post("/ask", json=body), 409, "adapter_not_ready", "adapter")
    await ferry.service.adapters.load_waiting("default")
    assert (await ferry.http.get("/adapters/legal")).json()["status"] == "loading"
    ferry.generator.down = False
    await ferry.service.adapters.load_waiting("default")
    assert (await ferry.ask(QUESTION, adapter="legal"))["adapter"]["name"] == "legal"


async def test_an_engine_started_since_is_given_the_adapter_again(ferry: Api) -> None:
    await upload(ferry, "legal")
    ferry.generator.adapters.clear()
    body = {"question": QUESTION, "adapter": "legal"}
    error_of(await ferry.http.post("/ask", json=body), 409, "adapter_not_ready", "adapter")
    assert (await ferry.ask(QUESTION, adapter="legal"))["adapter"]["name"] == "legal"
    ferry.generator.adapters.clear()
    ferry.generator.refusal = "the new engine is smaller"
    for _ in range(2):
        answer = await ferry.http.post("/ask", json=body)
        error_of(answer, 409, "adapter_not_ready", "adapter")
    assert (await ferry.http.get("/adapters/legal")).json()["error"] == "the new engine is smaller"
    assert (await ferry.ask(QUESTION))["abstained"] is False


async def test_a_deleted_adapter_is_not_found(ferry: Api) -> None:
    await upload(ferry, "legal")
    assert (await ferry.http.delete("/adapters/legal")).status_code == 204
    body = {"question": QUESTION, "adapter": "legal"}
    error_of(await ferry.http.post("/ask", json=body), 404, "adapter_not_found", "adapter")
    error_of(await ferry.http.get("/adapters/legal"), 404, "adapter_not_found", "adapter")
    error_of(await ferry.http.delete("/adapters/legal"), 404, "adapter_not_found", "adapter")
    number = max(one.number for one in ferry.generator.adapters.values())
    assert (await upload(ferry, "legal")).json()["status"] == "ready"
    assert max(one.number for one in ferry.generator.adapters.values()) > number


async def test_a_bound_adapter_that_was_deleted_is_not_silently_ignored(ferry: Api) -> None:
    await upload(ferry, "legal")
    await ferry.http.patch("/collections/default", json={"default_adapter": "legal"})
    await ferry.http.delete("/adapters/legal")
    answer = await ferry.http.post("/ask", json={"question": QUESTION})
    error_of(answer, 404, "adapter_not_found", "adapter")
    assert (await ferry.ask(QUESTION, adapter="base"))["adapter"] is None


async def test_the_same_upload_many_times_at_once(api: Api) -> None:
    answers = await asyncio.gather(*(upload(api, "legal") for _ in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.json()["version"] for answer in answers}) == 1
    [one] = (await api.http.get("/adapters")).json()["data"]
    assert one["status"] == "ready"
    assert not list((api.service.settings.data_dir / "adapters").glob("incoming-*"))


async def test_an_adapter_deleted_while_it_loads_stays_deleted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def slow(_adapter: LoadedAdapter) -> None:
        begun.set()
        await free.wait()

    monkeypatch.setattr(api.generator, "load_adapter", slow)
    uploading = asyncio.create_task(upload(api, "legal"))
    await begun.wait()
    assert (await api.http.delete("/adapters/legal")).status_code == 204
    free.set()
    await uploading
    error_of(await api.http.get("/adapters/legal"), 404, "adapter_not_found", "adapter")
    assert (await api.http.get("/adapters")).json()["data"] == []


async def test_base_is_a_reserved_name(api: Api) -> None:
    error_of(await upload(api, "base"), 409, "already_exists", "name")


async def test_bad_uploads(api: Api) -> None:
    for name in ("", "a b", "a/b", "a:b", "../x", "x" * 65, ".x", "x\n"):
        error_of(await upload(api, name), 422, "invalid_request", "name")
    file = ("file", ("a.zip", lora.zipped(lora.files())))
    error_of(await api.http.post("/adapters", files=[file]), 422, "invalid_request", "name")
    none = await api.http.post("/adapters", files=[("name", (None, "legal"))])
    error_of(none, 422, "invalid_request", "file")
    extra = await api.http.post("/adapters", data={"name": "legal", "rank": "4"}, files=[file])
    error_of(extra, 422, "invalid_request", "rank")
    assert (await api.http.post("/adapters", data={"name": "x"}, files=[file] * 4)).status_code == 400
    for content, code in [
        (b"", "incomplete_adapter"),
        (b"PK garbage", "bad_archive"),
        (b"\x1f\x8b garbage", "bad_archive"),
        (lora.zipped({"../evil": b""}), "unsafe_path"),
        (lora.zipped({"adapter_model.bin": b""}), "pickle_refused"),
        (lora.zipped(lora.files(r=10**6)), "rank_mismatch"),
        (lora.zipped(lora.files(rank=32)), "rank_too_high"),
        (lora.zipped(lora.files(value=float("nan"))), "not_finite"),
        (lora.zipped(lora.files(base_model_name_or_path="other/model")), "wrong_base_model"),
        (lora.zipped(lora.files(use_dora=True)), "unsupported_adapter"),
    ]:
        error_of(await upload(api, "legal", content), 422, code, "file")
    assert (await api.http.get("/adapters")).json()["data"] == []
    assert api.generator.adapters == {}
    assert list((api.service.settings.data_dir / "adapters").iterdir()) == []


async def test_pages_of_a_list(api: Api) -> None:
    for name in ("a", "b", "صدا"):
        await upload(api, name)
    first = (await api.http.get("/adapters?limit=2")).json()
    assert ([one["name"] for one in first["data"]], first["has_more"]) == (["a", "b"], True)
    rest = (await api.http.get("/adapters?after=b")).json()
    assert ([one["name"] for one in rest["data"]], rest["has_more"]) == (["صدا"], False)
    error_of(await api.http.get("/adapters?after=none"), 422, "invalid_request", "after")
    assert (await api.http.get("/adapters/صدا")).json()["name"] == "صدا"
