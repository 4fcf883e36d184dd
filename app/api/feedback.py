"""What people say of answers: one row an answer, to tune on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, Field, model_validator

from app.api import views
from app.api.ask import QuestionText, check_limits
from app.api.deps import NAME, After, Limit, ServiceDep, Strict, TenantDep
from indexes.records import NewFeedback

router = APIRouter(prefix="/feedback", tags=["ask"])
LONGEST = 50_000  # characters of an answer
MAX_SOURCES = 1_000
MAX_ID = (1 << 63) - 1  # that a database can hold


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL character, which no database takes")
    return text


Storable = AfterValidator(_storable)
ChunkId = Annotated[int, Field(ge=1, le=MAX_ID)]


class AnsweringAdapter(Strict):
    """As an answer names it."""

    name: str = Field(pattern=NAME)
    version: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")


class FeedbackBody(Strict):
    """The parts of an answer as `POST /ask` gave them: the service keeps no answers to look them up in."""

    request_id: str = Field(pattern=r"^[\w.-]{1,128}$")
    question: Annotated[QuestionText, Storable]
    answer: Annotated[str, Field(min_length=1, max_length=LONGEST), Storable]
    chunk_ids: list[ChunkId] = Field([], max_length=MAX_SOURCES)  # of its sources, in their order
    collection: str = "default"
    adapter: AnsweringAdapter | None = None
    rating: Literal["up", "down"]
    correction: Annotated[str, Field(min_length=1, max_length=LONGEST), Storable] | None = None
    comment: Annotated[str, Field(max_length=2_000), Storable] | None = None

    @model_validator(mode="after")
    def _coherent(self) -> "FeedbackBody":
        if self.correction is not None and self.rating == "up":
            raise ValueError("a correction goes with the rating `down`")
        if self.correction is not None and self.correction.strip() in ("", self.answer.strip()):
            raise ValueError("the correction must say something, and something else than the answer")
        return self


@router.post("", status_code=201)
def give(body: FeedbackBody, service: ServiceDep, tenant: TenantDep) -> dict[str, Any]:
    """Said again of the same request, it takes the place of what was said before."""
    check_limits(service, question=body.question, top_k=1)
    given = NewFeedback(
        request_id=body.request_id,
        question=body.question,
        answer=body.answer,
        chunk_ids=tuple(body.chunk_ids),
        adapter=body.adapter.name if body.adapter else None,
        adapter_version=body.adapter.version if body.adapter else None,
        rating=body.rating,
        correction=body.correction,
        comment=body.comment,
    )
    return views.feedback(service.feedback.add(service.collections.get(tenant, body.collection), given))


@router.get("")
def feedback(
    service: ServiceDep,
    tenant: TenantDep,
    collection: str = "default",
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Oldest first."""
    found = service.collections.get(tenant, collection)
    return views.page(service.feedback.page(found, limit=limit, after=after), views.feedback)


@router.delete("/{feedback_id}", status_code=204)
def forget(feedback_id: str, service: ServiceDep, tenant: TenantDep) -> None:
    service.feedback.delete(tenant, feedback_id)
