"""A bucket, or anything else that fsspec opens, as a store. It is tested with S3.

Credentials come from the operator's settings. Those of the surroundings (environment, files, the metadata
service of a cloud machine) are taken only where the settings say so; else a store without a key is opened
without one.
"""

import errno
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from indexes.errors import FetchFailed, SimurghError, Unavailable
from indexes.records import LeftOut
from ingest.globs import aside, is_name
from ingest.stores import Copied, Entry, Keep, guarded

BLOCK = 8 << 20  # bytes asked for at once, which bounds the memory
MODIFIED = ("LastModified", "last_modified", "updated", "mtime", "modified")
TRIES = 2  # of a request, before the pull as a whole is tried again
log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a file system is told who is asking."""

    credentials: frozenset[str]  # options, any of which says it
    without: Mapping[str, Any] = field(default_factory=dict)  # options where none does


S3 = Protocol(credentials=frozenset({"key", "username", "profile", "anon"}), without={"anon": True})
GCS = Protocol(credentials=frozenset({"token"}), without={"token": "anon"})
AZURE = Protocol(
    credentials=frozenset(
        {"account_key", "connection_string", "credential", "sas_token", "client_secret", "anon"}
    ),
    without={"anon": True},
)
SFTP = Protocol(
    credentials=frozenset({"look_for_keys", "allow_agent"}),
    without={"look_for_keys": False, "allow_agent": False},
)
PROTOCOLS = {"s3": S3, "s3a": S3, "gs": GCS, "gcs": GCS, "abfs": AZURE, "az": AZURE, "sftp": SFTP}


class Bucket:
    def __init__(self, name: str, url: str, options: Mapping[str, Any], *, timeout: float) -> None:
        """``options`` are those of fsspec's file system, and ``credentials``: "environment" to have it look
        around for them. ``timeout``: seconds that a request may take, of S3."""
        self._name = name
        self._url = url
        self._protocol = url.partition("://")[0]
        self._options = dict(options)
        self._timeout = timeout
        self._opened: Any = None
        self._opening = threading.Lock()

    @property
    def folder(self) -> Path | None:
        return None

    def entries(self, path: str) -> Iterator[Entry | LeftOut]:
        try:
            files, root = self._files()
            top = f"{root}/{path}" if path else root
            found = files.find(top, detail=True)
        except Exception as error:
            raise self._failure(error, "the bucket is not there", code="store_missing") from error
        for name in sorted(found):
            key = name.removeprefix(f"{root}/")
            inside = name.removeprefix(f"{top}/")
            if inside == name or found[name].get("type") != "file" or name.endswith("/"):
                continue  # the folder itself
            if any(aside(part) for part in inside.split("/")):
                continue
            if not all(is_name(part) for part in inside.split("/")):
                yield LeftOut(name=repr(key), reason="its name cannot be a path")
            else:
                info = found[name]
                yield Entry(path=key, size=int(info["size"] or 0), validators=_validators(info))

    def read(self, path: str, keep: Keep) -> Copied:
        def failure(error: Exception) -> SimurghError:
            return self._failure(error, "it is not there any more", code="gone")

        try:
            files, root = self._files()
            name = f"{root}/{path}"
            before = files.info(name)
            file = files.open(name, "rb", block_size=BLOCK, cache_type="readahead")
        except Exception as error:
            raise failure(error) from error
        with file:
            sha256 = keep(guarded(file, failure), int(before["size"] or 0))
        try:
            after = files.info(name)
        except Exception as error:
            raise failure(error) from error
        if _validators(before) != _validators(after):
            raise FetchFailed(
                "it was replaced while it was read: it will be read the next time", code="changing"
            )
        return Copied(sha256=sha256, validators=_validators(after))

    def _files(self) -> tuple[Any, str]:
        """The file system, and the path in it that the store begins at."""
        with self._opening:
            if self._opened is None:
                from fsspec.core import url_to_fs

                self._opened = url_to_fs(self._url, **self._arguments())
        files, root = self._opened
        return files, str(root).rstrip("/")

    def _arguments(self) -> dict[str, Any]:
        options = {key: value for key, value in self._options.items() if key != "credentials"}
        protocol = PROTOCOLS[self._protocol]
        if self._options.get("credentials") != "environment" and not protocol.credentials & set(options):
            options = {**protocol.without, **options}
        if protocol is S3:
            waiting = {"connect_timeout": self._timeout, "read_timeout": self._timeout}
            settings = {**waiting, "retries": {"max_attempts": TRIES}, **options.get("config_kwargs", {})}
            options["config_kwargs"] = settings
        # What was listed before is not what is there now, and no other store shares this one's credentials.
        return {**options, "use_listings_cache": False, "skip_instance_cache": True}

    def _failure(self, error: Exception, missing: str, *, code: str) -> SimurghError:
        if isinstance(error, SimurghError):
            return error
        kind = type(error).__name__
        log.warning("store failed", store=self._name, error=kind, message=self._redacted(str(error)))
        if isinstance(error, FileNotFoundError):
            return FetchFailed(missing, code=code)
        if isinstance(error, PermissionError):
            return FetchFailed("the store refuses: its key may not read it", code="store_denied")
        if isinstance(error, ImportError):
            return FetchFailed(f"a package for {self._protocol} is not installed", code="store_failed")
        if isinstance(error, ValueError | TypeError) or getattr(error, "errno", None) == errno.EINVAL:
            return FetchFailed(
                f"the store cannot be opened as its settings say ({kind})", code="store_failed"
            )
        return Unavailable(f"the store {self._name!r} does not answer ({kind})", retry_after=30)

    def _redacted(self, text: str) -> str:
        for secret in _texts(self._options):
            text = text.replace(secret, "***")
        return text


def _validators(info: Mapping[str, Any]) -> dict[str, str]:
    """Nothing where the store says neither what the bytes are nor since when."""
    size = str(info.get("size"))
    if etag := info.get("ETag") or info.get("etag"):
        return {"etag": str(etag), "size": size}
    modified = next((str(info[name]) for name in MODIFIED if info.get(name)), None)
    return {} if modified is None else {"modified": modified, "size": size}


def _texts(value: Any) -> Iterator[str]:
    """Of options, however deep, those that are long enough to be secrets."""
    if isinstance(value, Mapping):
        for some in value.values():
            yield from _texts(some)
    elif isinstance(value, str) and len(value) >= 4:
        yield value
