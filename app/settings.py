"""All settings, read once by the composition root from `SIMURGH_*` variables and `.env`."""

import ipaddress
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Secret,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ingest.stores import place

PLACEHOLDERS = {"changeme", "change-me", "secret", "password", "your-key", "sk-xxx"}


def _listed(value: Any) -> Any:
    """What a variable holds, as JSON or simply with commas in between."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _named(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    """A variable holds text, and a literal number is not the text of it."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Listed = Annotated[list[str], NoDecode, BeforeValidator(_listed)]


class NamedEmbedder(BaseModel):
    """What `SIMURGH_EMBEDDER` and its companions say of the service's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    url: str | None = None
    api_key: SecretStr | None = None
    dim: int | None = None
    query_prompt: str | None = None
    passage_prompt: str | None = None


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SIMURGH_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    # Where things live. Everything that must survive a restart is under data_dir.
    data_dir: Path = Field(Path("var"), description="folder of everything that must survive a restart")
    database_url: str | None = Field(
        None, description="SQLAlchemy URL of the documents' database; SQLite in the data folder if not set"
    )
    jobs_database_url: str | None = Field(
        None, description="SQLAlchemy URL of the job queue's database; likewise"
    )

    # The door.
    host: str = Field("127.0.0.1", description="address to listen on; beyond loopback a key is required")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    api_key: SecretStr | None = Field(
        None, description="key that every request must carry, at least 16 characters"
    )
    max_upload_mib: int = Field(200, ge=1, description="largest file that is taken")
    max_queued_jobs: int = Field(
        10_000, ge=1, description="documents of one tenant that may wait; beyond it `/ingest` answers 503"
    )

    purge_hours: float = Field(
        6, ge=0, description="hours at most between two purges of what was deleted, whose index is built anew"
    )

    # The generator: the bundled model, a Hugging Face id or folder, or OpenAI-compatible servers.
    generator: str = Field(
        "bundled",
        description="`bundled` (SmolLM2 135M), `bundled:gemma3-270m`, a Hugging Face id, or a model folder",
    )
    generator_urls: Listed = Field(
        [], description="OpenAI-compatible vLLM servers to use instead of an own engine"
    )
    generator_api_key: SecretStr | None = Field(None, description="key for them")
    generator_languages: Listed | None = Field(
        None,
        description="ISO codes that the generator can write; others are answered by quotation; empty: any",
    )
    max_model_len: int = Field(4096, ge=512, description="tokens of prompt and answer together")
    max_loras: int = Field(4, ge=1, le=64, description="adapters that one batch may mix")
    max_lora_rank: Annotated[Literal[8, 16, 32, 64, 128, 256], BeforeValidator(_number)] = Field(
        16, description="highest rank of an adapter; on a CPU the cost follows it"
    )
    kv_cache_gib: int = Field(1, ge=1, description="memory of the engine's key-value cache on a CPU")
    gpu_memory_utilization: float = Field(
        0.6, gt=0, lt=1, description="share of the GPU's memory that the engine takes"
    )
    engine_dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="in which the engine reckons: bfloat16 on a GPU, float32 on a CPU, where a question gets "
        "the same answer whatever is asked beside it; bfloat16 is faster on a CPU with instructions for it",
    )
    engine_rests: Literal["auto", "always", "never"] = Field(
        "auto",
        description="whether the engine leaves its device to a training and comes back afterwards; auto: on "
        "a GPU. Until then what only it can write is answered with 503",
    )
    engine_max_seqs: int = Field(32, ge=1, description="requests that the engine works on at once")
    engine_start_timeout: float = Field(
        300, gt=0, description="seconds until a start of the engine counts as failed"
    )

    # The embedder: likewise.
    embedder: str = Field(
        "bundled",
        description="`bundled`, a Hugging Face id, a model folder, or the model's name at the endpoint",
    )
    embedder_url: str | None = Field(None, description="OpenAI-compatible endpoint for embeddings")
    embedder_api_key: SecretStr | None = Field(None, description="key for it")
    embedder_dim: int | None = Field(
        None, description="dimension of its vectors; asked of the endpoint if not set"
    )
    query_prompt: str | None = Field(None, description="put before questions for an endpoint's model")
    passage_prompt: str | None = Field(None, description="put before passages for an endpoint's model")
    embedders: Annotated[dict[str, NamedEmbedder], NoDecode, BeforeValidator(_named)] = Field(
        {},
        description="further embedders, of collections that keep another or are re-embedded with it, as "
        'JSON: name to {"model", "url", "api_key", "dim", "query_prompt", "passage_prompt"}; only the model '
        "is required",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="`cuda` or `cpu`; `auto` takes a GPU where there is one"
    )

    # Ingestion.
    chunk_tokens: int = Field(256, ge=16, le=480, description="largest chunk, in the embedder's tokens")
    embed_batch_tokens: int = Field(
        2048, ge=512, description="tokens embedded at once: bounds the memory, and how long a question waits"
    )
    max_pages: int = Field(5000, ge=1, description="largest PDF that is read")
    max_text_chars: int = Field(20_000_000, ge=1000, description="longest text that is taken of one document")
    ocr: bool = Field(True, description="whether scanned pages are read, where Tesseract is installed")
    parse_timeout: float = Field(120, gt=0, description="seconds that reading one document may take")
    parse_memory_mib: int = Field(
        512, ge=192, description="memory that reading one document may take, whatever its size"
    )
    fetch_timeout: float = Field(30, gt=0, description="seconds that fetching one address may take")
    fetch_max_mib: int = Field(50, ge=1, description="largest answer that is fetched, after decompression")
    fetch_allow: Listed = Field(
        [],
        description="networks (`10.0.0.0/8`) or `host:port` that may be fetched although they are not public",
    )
    connections: Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_named)] = Field(
        {},
        description="databases that may be read, as JSON: name to SQLAlchemy URL (of a user who only reads)",
    )
    stores: Annotated[dict[str, Secret[Any]], NoDecode, BeforeValidator(_named)] = Field(
        {},
        description="folders and buckets whose files may be read, as JSON: name to an absolute path, or to "
        "`url` (`s3://bucket/folder`) and options (`key`, `secret`, `endpoint_url`)",
    )
    max_pulled_items: int = Field(
        100_000,
        ge=1,
        description="most items that are taken of one API, query or store, or pages of one site",
    )
    crawl_pause: float = Field(
        0.5, ge=0, description="seconds between two requests to a site that asks for no `Crawl-delay`"
    )
    worker_concurrency: int = Field(
        2,
        ge=1,
        description="documents that one worker has in hand at once: one is read while another is embedded",
    )

    # Asking.
    reranker: str | None = Field(
        None,
        description="cross-encoder (folder or Hugging Face id) that orders the best 30 passages anew; none "
        "if not set",
    )
    passage_chars: int = Field(
        0, ge=0, description="characters below which a passage is widened by its neighbours; 0 widens none"
    )
    reader: Literal["bundled", "multilingual", "none"] = Field(
        "bundled",
        description="models that find the answer's words in the passages: one for English and one for all "
        "else, `multilingual`: that one for all, which needs less memory, or `none`",
    )
    answer_with: Literal["auto", "reader", "generator"] = Field(
        "auto",
        description="who answers where no adapter is asked for; `auto`: the reader beside the bundled "
        "generator, else the generator",
    )
    min_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        description="probability that the passages hold the answer, below which the service abstains; "
        "calibrated for each language if not set, 0 beside another embedder than the bundled one",
    )
    entailment_model: str | None = Field(
        None,
        description="cross-encoder for natural language inference (folder or Hugging Face id) that checks "
        "answers against their sources; words and embeddings if not set",
    )
    min_groundedness: float = Field(
        0.5, ge=0, le=1, description="support of the base's answer below which a quotation is given instead"
    )
    max_question_chars: int = Field(20_000, ge=1, description="longest question")
    max_top_k: int = Field(100, ge=1, description="most passages that a request may ask for")

    @field_validator("stores")
    @classmethod
    def _placed(cls, stores: dict[str, Secret[Any]]) -> dict[str, Secret[Any]]:
        for name, given in stores.items():
            place(name, given.get_secret_value())
        return stores

    @model_validator(mode="after")
    def _safe(self) -> "Settings":
        key = self.api_key.get_secret_value() if self.api_key is not None else None
        if key is not None and (len(key) < 16 or key.lower() in PLACEHOLDERS):
            raise ValueError("SIMURGH_API_KEY must be at least 16 characters and not a placeholder")
        if key is None and not is_loopback(self.host):
            raise ValueError(
                f"refusing to listen on {self.host} without SIMURGH_API_KEY: anyone who reaches it "
                "could read and delete every document. Set a key, or bind to 127.0.0.1"
            )
        return self

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'simurgh.db'}"

    @property
    def jobs_database(self) -> str:
        return self.jobs_database_url or f"sqlite:///{self.data_dir.absolute() / 'jobs.db'}"

    @property
    def models_dir(self) -> Path:
        """Converted bundled models: a cache that any checkout on this machine may share."""
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(os.environ.get("SIMURGH_MODELS_DIR") or Path(cache) / "simurgh" / "models")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
