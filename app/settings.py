"""All settings, read once by the composition root from `SIMURGH_*` variables and `.env`."""

import ipaddress
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PLACEHOLDERS = {"changeme", "change-me", "secret", "password", "your-key", "sk-xxx"}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SIMURGH_", env_file=".env", extra="ignore")

    # Where things live. Everything that must survive a restart is under data_dir.
    data_dir: Path = Path("var")
    database_url: str | None = None  # default: SQLite under data_dir
    jobs_database_url: str | None = None  # default: SQLite under data_dir

    # The door.
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    api_key: SecretStr | None = None
    max_upload_mib: int = Field(200, ge=1)
    max_queued_jobs: int = Field(10_000, ge=1)

    # The generator: the bundled model, a Hugging Face id or folder, or OpenAI-compatible servers.
    generator: str = "bundled"
    generator_urls: list[str] = []
    generator_api_key: SecretStr | None = None
    generator_languages: list[str] | None = None  # default: the bundle's; empty: any
    max_model_len: int = Field(4096, ge=512)
    max_loras: int = Field(4, ge=1, le=64)  # adapters in one batch
    max_lora_rank: Literal[8, 16, 32, 64, 128, 256] = 16
    kv_cache_gib: int = Field(1, ge=1)
    gpu_memory_utilization: float = Field(0.6, gt=0, lt=1)
    engine_max_seqs: int = Field(32, ge=1)
    engine_start_timeout: float = Field(300, gt=0)  # seconds

    # The embedder: likewise.
    embedder: str = "bundled"
    embedder_url: str | None = None
    embedder_api_key: SecretStr | None = None
    embedder_dim: int | None = None  # asked of the endpoint when not given
    query_prompt: str | None = None
    passage_prompt: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    # Ingestion.
    chunk_tokens: int = Field(256, ge=16, le=480)
    embed_batch_tokens: int = Field(8192, ge=512)
    max_pages: int = Field(5000, ge=1)
    max_text_chars: int = Field(20_000_000, ge=1000)
    parse_timeout: float = Field(120, gt=0)  # seconds a document
    fetch_timeout: float = Field(30, gt=0)
    fetch_max_mib: int = Field(50, ge=1)
    fetch_allow: list[str] = []  # CIDRs or host:port that may be fetched though not global
    worker_concurrency: int = Field(1, ge=1)

    # Asking.
    min_score: float = Field(0.78, ge=-1, le=1)  # cosine of the best passage, below it: abstain
    min_groundedness: float = Field(0.5, ge=0, le=1)  # of the base's answers, below it: quote instead
    max_question_chars: int = Field(20_000, ge=1)
    max_top_k: int = Field(100, ge=1)

    @model_validator(mode="after")
    def _safe(self) -> "Settings":
        key = self.api_key.get_secret_value() if self.api_key else None
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
