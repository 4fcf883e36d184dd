"""The real application over fakes of generator and embedder, in this process or on a port of loopback."""

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.adapter_check import BaseModel
from app.api.application import create_application
from app.compose import GeneratorParts, Service, build_service
from app.engine.fake import FakeGenerator, Script, first_sentence
from app.gate import OTHER
from app.generator import GenerationRequest, LoadedAdapter, ModelCard
from app.reader.port import FakeReader
from app.settings import Settings
from indexes.database import open_database
from indexes.embedder import FakeEmbedder
from indexes.errors import InvalidAdapter
from tests.support.lora import BASE_ID, SHAPES
from tests.support.worker import Worker

WINDOW = 4096


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the whole schema: copying it is quicker than migrating anew for every test."""
    file = tmp_path_factory.mktemp("database") / "simurgh.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


class ScriptedGenerator(FakeGenerator):
    """Says what ``script`` says at the time; ``refusal`` is why it loads no adapter."""

    def __init__(self, *, delay: float = 0.0) -> None:
        super().__init__(self._scripted, window=WINDOW, delay=delay)
        self.script: Script = first_sentence
        self.refusal: str | None = None

    def _scripted(self, request: GenerationRequest) -> str:
        return self.script(request)

    async def load_adapter(self, adapter: LoadedAdapter) -> None:
        if self.refusal is not None:
            raise InvalidAdapter(self.refusal, param="adapter")
        await super().load_adapter(adapter)


@dataclass
class Api:
    """A started application, a client to it, and what stands behind it."""

    http: httpx.AsyncClient
    application: FastAPI
    service: Service
    generator: ScriptedGenerator
    worker: Worker

    async def ingest(self, *texts: str, collection: str = "default", **more: Any) -> list[str]:
        """Hand texts in as payloads and work them off; returns the documents' ids."""
        payloads = [{"id": f"note-{hash(text) % 10**9}", "text": text} for text in texts]
        answer = await self.http.post(
            "/ingest", json={"collection": collection, "payloads": payloads, **more}
        )
        assert answer.status_code == 202, answer.text
        await asyncio.to_thread(self.worker.work, self.service)
        return [one["document_id"] for one in answer.json()["documents"]]

    async def ask(self, question: str, **more: Any) -> dict[str, Any]:
        answer = await self.http.post("/ask", json={"question": question, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def make_settings(folder: Path, database: Path, **changes: Any) -> Settings:
    folder.mkdir(exist_ok=True)
    if not (folder / "simurgh.db").exists():
        shutil.copy(database, folder / "simurgh.db")
    values: dict[str, Any] = {
        "data_dir": folder,
        "min_confidence": 0.0,
        "answer_with": "generator",
        "_env_file": None,
        **changes,
    }
    return Settings(**values)


async def fake_service(settings: Settings, generator: FakeGenerator) -> Service:
    parts = GeneratorParts(
        generator=generator,
        counter=generator,
        card=ModelCard(id=BASE_ID, window=WINDOW, languages=(), max_lora_rank=16),
        process=None,
        remote=None,
        base=BaseModel(id=BASE_ID, max_rank=16, shapes=SHAPES),
    )
    return await build_service(settings, parts=parts, embedder=FakeEmbedder(), readers={OTHER: FakeReader()})


def make_application(settings: Settings, generator: FakeGenerator) -> FastAPI:
    return create_application(settings, lambda: fake_service(settings, generator))


@asynccontextmanager
async def started(
    settings: Settings, worker: Worker, generator: ScriptedGenerator | None = None
) -> AsyncIterator[Api]:
    """In this event loop. An error that the application does not expect is raised in the test."""
    generator = generator or ScriptedGenerator()
    application = make_application(settings, generator)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(application), base_url="http://testserver", timeout=20
        ) as http,
    ):
        yield Api(http, application, application.state.service, generator, worker)


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(tmp_path_factory.mktemp("tokenizer"))
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path) -> Settings:
    return make_settings(tmp_path / "var", empty_database)


@pytest.fixture
async def api(settings: Settings, worker: Worker) -> AsyncIterator[Api]:
    async with started(settings, worker) as made:
        yield made


@dataclass
class Server:
    """The application behind uvicorn, in a thread of its own."""

    url: str
    service: Service
    generator: ScriptedGenerator
    worker: Worker
    http: httpx.Client

    def ingest(self, *texts: str) -> None:
        payloads = [{"id": f"note-{number}", "text": text} for number, text in enumerate(texts)]
        self.http.post("/ingest", json={"payloads": payloads}).raise_for_status()
        self.worker.work(self.service)


@contextmanager
def served(
    settings: Settings, worker: Worker, generator: ScriptedGenerator | None = None
) -> Iterator[Server]:
    generator = generator or ScriptedGenerator()
    application = make_application(settings, generator)
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=2, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server took too long to start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    key = settings.api_key.get_secret_value() if settings.api_key else "none"
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as http:
        try:
            yield Server(url, application.state.service, generator, worker, http)
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path, worker: Worker
) -> Iterator[Server]:
    """One for all tests that need a real connection; each brings its own documents and adapters."""
    settings = make_settings(tmp_path_factory.mktemp("served"), empty_database)
    with served(settings, worker) as made:
        yield made
