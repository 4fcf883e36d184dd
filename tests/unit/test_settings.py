"""What settings refuse, and how they are read from the environment."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.engine.config import EngineConfig
from app.engine.server import dtype_of
from app.settings import Settings, is_loopback

KEY = "a-long-enough-key-of-ours"


def make(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    assert make(host=host).api_key is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.example.org"])  # noqa: S104
def test_no_key_elsewhere_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="SIMURGH_API_KEY"):
        make(host=host)
    assert make(host=host, api_key=KEY).host == host


@pytest.mark.parametrize(
    "key", ["", "changeme", "CHANGE-ME", "secret", "password", "sk-xxx", "fifteen-letters"]
)
def test_placeholders_are_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="at least 16 characters and not a placeholder"):
        make(api_key=key)


def test_an_empty_variable_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMURGH_API_KEY", "")
    monkeypatch.setenv("SIMURGH_PORT", "")
    assert (make().api_key, make().port) == (None, 8000)
    with pytest.raises(ValidationError, match="SIMURGH_API_KEY"):
        make(host="10.0.0.1")


def test_a_key_is_not_printed() -> None:
    assert KEY not in repr(make(api_key=KEY))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('["http://a:1", "http://b:2"]', ["http://a:1", "http://b:2"]),
        ("http://a:1, http://b:2", ["http://a:1", "http://b:2"]),
        ("http://a:1", ["http://a:1"]),
        ("[]", []),
        ("", []),
    ],
)
def test_lists_from_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, expected: list[str]) -> None:
    monkeypatch.setenv("SIMURGH_GENERATOR_URLS", value)
    monkeypatch.setenv("SIMURGH_GENERATOR_LANGUAGES", "en,fa")
    assert make().generator_urls == expected
    assert make().generator_languages == ["en", "fa"]


@pytest.mark.parametrize("value", ["[", '["a"', "[1, {}]"])
def test_broken_lists_are_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SIMURGH_FETCH_ALLOW", value)
    with pytest.raises(ValidationError, match="fetch_allow"):
        make()


def test_ranks_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMURGH_MAX_LORA_RANK", "32")
    assert make().max_lora_rank == 32
    for wrong in ("17", "x"):
        monkeypatch.setenv("SIMURGH_MAX_LORA_RANK", wrong)
        with pytest.raises(ValidationError, match="max_lora_rank"):
            make()


def test_settings_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        f"SIMURGH_PORT=9000\nSIMURGH_API_KEY={KEY}\nSIMURGH_FETCH_ALLOW=10.0.0.0/8,host:80\nOTHER=1\n"
    )
    read = Settings(_env_file=file)
    assert (read.port, read.fetch_allow) == (9000, ["10.0.0.0/8", "host:80"])


@pytest.mark.parametrize(
    "values", [{"port": 65536}, {"min_confidence": 2}, {"max_loras": 0}, {"chunk_tokens": 10**6}]
)
def test_values_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        make(**values)


def test_databases_default_to_files_of_the_data_folder(tmp_path: Path) -> None:
    made = make(data_dir=tmp_path)
    assert made.database == f"sqlite:///{tmp_path}/simurgh.db"
    assert made.jobs_database == f"sqlite:///{tmp_path}/jobs.db"
    assert make(database_url="postgresql://x/y").database == "postgresql://x/y"


def test_what_is_loopback() -> None:
    assert not is_loopback("::ffff:8.8.8.8")
    assert not is_loopback("no such host")


def test_stores_are_checked_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = '{"url": "s3://bucket/a", "key": "hush", "secret": "hush-hush"}'
    monkeypatch.setenv("SIMURGH_STORES", f'{{"handbook": "/srv/handbook", "lake": {bucket}}}')
    settings = Settings()
    assert sorted(settings.stores) == ["handbook", "lake"]
    assert "hush" not in repr(settings) + str(settings.model_dump())
    monkeypatch.setenv("SIMURGH_STORES", f'{{"lake": {bucket.replace("s3:", "https:")}}}')
    with pytest.raises(ValidationError, match="must be a folder, or at one of s3") as raised:
        Settings()
    assert "hush" not in "".join(one["msg"] for one in raised.value.errors())


def test_on_a_cpu_the_engine_reckons_in_float32_unless_told_otherwise() -> None:
    auto = EngineConfig.of(make(), "model")
    assert [dtype_of(auto, on_gpu=on_gpu) for on_gpu in (False, True)] == ["float32", "bfloat16"]
    told = EngineConfig.of(make(engine_dtype="bfloat16"), "model")
    assert dtype_of(told, on_gpu=False) == "bfloat16"
