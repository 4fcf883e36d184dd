"""What routes ask for by type."""

import asyncio
import contextlib
import hmac
import json
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from starlette.requests import ClientDisconnect

from app.compose import TENANT, Service
from indexes.errors import Unauthorized

T = TypeVar("T")
DISCONNECT_POLL = 0.2  # seconds
MAX_TAG = 100  # characters
NAME = r"^[\w][\w.-]{0,63}$"  # of collections and adapters, in any script


Tag = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TAG)]


class Strict(BaseModel):
    """A request body: unknown fields are refused, and what no database and no engine could take."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _plain_json(cls, data: Any) -> Any:
        """Python reads more than JSON is: NaN, infinities, halves of surrogate pairs."""
        if not isinstance(data, dict):
            return data  # refused by what follows
        try:
            json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text in it holds half of a surrogate pair") from error
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        return data


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _tenant(request: Request, service: "ServiceDep") -> str:
    """Raises Unauthorized. Without a configured key (loopback only) the default tenant is open."""
    key = service.settings.api_key
    if key is not None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        expected = key.get_secret_value().encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("latin-1"), expected):
            raise Unauthorized("send the API key as `Authorization: Bearer <key>`")
    return TENANT


def _request_id(request: Request) -> str:
    return str(request.scope["state"]["request_id"])


ServiceDep = Annotated[Service, Depends(_service)]
TenantDep = Annotated[str, Depends(_tenant)]
RequestIdDep = Annotated[str, Depends(_request_id)]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[str | None, Query()]


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``, but cancel it as soon as the client has left. Raises ClientDisconnect then."""
    task = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=DISCONNECT_POLL)
            if done:
                return task.result()
            if await request.is_disconnected():
                raise ClientDisconnect
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
