"""The one table from errors to HTTP statuses, and the contract's form for all of them."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from indexes import errors as e

STATUS: dict[type[e.SimurghError], int] = {
    e.NotFound: 404,
    e.InvalidRequest: 422,
    e.TooLarge: 413,
    e.Conflict: 409,
    e.Unauthorized: 401,
    e.Forbidden: 403,
    e.UnreadableDocument: 422,
    e.FetchFailed: 422,
    e.StorageFull: 507,
    e.TrainingFailed: 500,
    e.UpstreamFailed: 502,
    e.Unavailable: 503,
}
GONE = 499  # for the metrics only: the client has left and reads no answer
FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}
TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
log = structlog.get_logger()


def status_of(error: e.SimurghError) -> int:
    """By the first class along the MRO that the table holds; 500 for none, which a test rules out."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def body(error: e.SimurghError, request_id: str) -> dict[str, Any]:
    return _body(error.code, error.message, error.param, request_id, status_of(error))


def unexpected_body(error: Exception, request_id: str) -> dict[str, Any]:
    """For an error that is none of the tree: logged here, and told without its insides; its status is 500."""
    log.error("unexpected error", request_id=request_id, exc_info=error)
    message = "an error on our side; the log tells more under this request_id"
    return _body("internal_error", message, None, request_id, 500)


def install(app: FastAPI) -> None:
    @app.exception_handler(e.SimurghError)
    async def ours(request: Request, error: e.SimurghError) -> JSONResponse:
        headers = {}
        if isinstance(error, e.Unavailable):
            headers["Retry-After"] = str(error.retry_after)
        if isinstance(error, e.Unauthorized):
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(body(error, _id(request)), status_of(error), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
        param = ".".join(where) or None
        if first["type"] == "json_invalid":
            return JSONResponse(_body("bad_json", "the body is not valid JSON", None, _id(request), 400), 400)
        message = f"{param}: {first['msg']}" if param else str(first["msg"])
        if first["type"] == "extra_forbidden":
            message = f"there is no field {param!r}: see /docs"
        return JSONResponse(_body("invalid_request", message, param, _id(request), 422), 422)

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=GONE)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        cause = error.__cause__  # FastAPI calls everything that happens while it reads a body a bad request
        if isinstance(cause, e.SimurghError):
            return await ours(request, cause)
        if isinstance(cause, ClientDisconnect):
            return await gone(request, cause)
        code = FRAMEWORK_CODES.get(error.status_code, "http_error")
        content = _body(code, str(error.detail), None, _id(request), error.status_code)
        return JSONResponse(content, error.status_code, error.headers)


def _id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def _body(code: str, message: str, param: str | None, request_id: str, status: int) -> dict[str, Any]:
    message, param = _encodable(message), _encodable(param) if param else param
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")  # OpenAI's field
    return {
        "error": {"code": code, "message": message, "param": param, "type": kind, "request_id": request_id}
    }


def _encodable(text: str) -> str:
    """JSON may spell half of a surrogate pair, which no encoder can repeat."""
    return text.encode("utf-8", "replace").decode()
