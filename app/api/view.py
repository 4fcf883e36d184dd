"""The page on which a document's text is read, its cited span marked."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse

from app.api.deps import ServiceDep, TenantDep
from app.language import Language
from app.source_page import View, render, window_start
from indexes.errors import InvalidRequest

router = APIRouter(prefix="/documents", tags=["documents"])
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "private, no-cache",
}
Offset = Annotated[int | None, Query(ge=0, description="code points of the stored text")]


@router.get("/{document_id}/view", response_class=HTMLResponse)
def view(
    document_id: str,
    request: Request,
    service: ServiceDep,
    tenant: TenantDep,
    start: Offset = None,
    end: Offset = None,
    at: Offset = None,
    accept_language: Annotated[str, Header()] = "",
) -> HTMLResponse:
    """The text with ``[start, end)`` marked; of a long one a window, around the span or from ``at``."""
    found = service.documents.get(tenant, document_id)
    text, page_starts = service.documents.paged_text(found)
    span = _span(start, end, len(text))
    if at is not None and at > len(text):
        raise InvalidRequest(f"at is {at}, but the text has {len(text)} characters", param="at")
    shown = View(text=text, page_starts=page_starts, span=span, at=window_start(span) if at is None else at)
    page = render(found, shown, base=str(request.base_url), language=_language(accept_language))
    return HTMLResponse(page, headers=HEADERS)


def _span(start: int | None, end: int | None, length: int) -> tuple[int, int] | None:
    """Raises InvalidRequest where it is no span of the text."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        missing = "start" if start is None else "end"
        raise InvalidRequest("start and end go together", param=missing)
    if end > length:
        raise InvalidRequest(f"end is {end}, but the text has {length} characters", param="end")
    if start >= end:
        raise InvalidRequest(f"start is {start}: it must be less than end, {end}", param="start")
    return start, end


def _language(accepted: str) -> Language:
    """The first of ours that a browser asks for; English where it asks for none."""
    codes: dict[str, Language] = {"fa": "fa", "zh": "zh", "en": "en"}
    asked = (codes.get(entry.strip()[:2].lower()) for entry in accepted.split(","))
    return next((code for code in asked if code), "en")
