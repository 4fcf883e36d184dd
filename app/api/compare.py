"""POST /compare: prompt, retrieval, tuning, or both, measured on the caller's questions."""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field

from app.adapter_store import AdapterStore
from app.api import documents, views
from app.api.ask import QuestionText, check_limits, measured, whole
from app.api.deps import RequestIdDep, ServiceDep, Strict, TenantDep, unless_gone
from app.asking import MAX_TOKENS, TOP_K, Question
from app.compose import Service
from app.memory import taken
from evaluation import own
from evaluation.compare import compare as asked_all
from evaluation.compare_report import Comparison, Training, as_json, compared
from evaluation.own import BadQuestions, OwnQuestion
from evaluation.recommend import Changes, Owner
from indexes.errors import InvalidRequest, SimurghError
from indexes.records import Adapter
from tuning.cost import SOURCE, cost, cost_of

router = APIRouter(tags=["ask"])
MOST = 200  # questions; each is asked of up to five arms
ANSWERS = 20
SHOWN = 5  # faults that one error tells


class OneQuestion(Strict):
    question: QuestionText
    answers: list[QuestionText] | None = Field(None, max_length=ANSWERS)
    document: QuestionText | None = None


class CompareBody(Strict):
    questions: list[OneQuestion] = Field(min_length=1, max_length=MOST)
    collection: str = "default"
    adapter: str | None = None
    top_k: int = Field(TOP_K, ge=1)
    max_tokens: int = Field(MAX_TOKENS, ge=1)
    changes: Changes | None = None
    style: bool = False


@router.post("/compare")
async def compare(
    body: CompareBody, request: Request, service: ServiceDep, tenant: TenantDep, request_id: RequestIdDep
) -> dict[str, Any]:
    """The same questions to the model alone, with retrieval, with the adapter, with both; and which of them
    serves best. One question after the other: it takes as long as asking them all. One that cannot be
    answered is left out, and told."""
    for one in body.questions:
        check_limits(service, question=one.question, top_k=body.top_k, max_tokens=body.max_tokens)
    found = await unless_gone(request, _compared(body, service, tenant, request_id))
    return as_json(found)


async def _compared(body: CompareBody, service: Service, tenant: str, request_id: str) -> Comparison:
    """Raises InvalidRequest for a document that there is not, and what asking raises."""
    collection = await asyncio.to_thread(service.collections.usable, tenant, body.collection)
    asked = [
        OwnQuestion(
            line=number,
            text=one.question,
            answers=None if one.answers is None else tuple(one.answers),
            document=one.document,
        )
        for number, one in enumerate(body.questions, 1)
    ]
    try:
        named = await asyncio.to_thread(own.documents, _Here(service, tenant), body.collection, asked)
    except BadQuestions as error:
        raise InvalidRequest("; ".join(error.lines[:SHOWN]), param="questions") from error
    training = None
    if body.adapter is not None:  # one that cannot answer is told before anything is asked
        adapter = await service.adapters.chosen(tenant, body.adapter, collection)
        if adapter is not None:
            training = await asyncio.to_thread(_training, service, tenant, adapter)
    numbers = count(1)

    async def ask(question: Mapping[str, Any]) -> Mapping[str, Any]:
        """As POST /ask does, without HTTP."""
        scope = {name: value for name, value in question.items() if name != "question"}
        one = Question(
            request_id=f"{request_id}-{next(numbers)}", tenant=tenant, text=question["question"], **scope
        )
        return views.answer(await whole(measured(service, one)))

    answered, left_out = await asked_all(
        ask,
        asked,
        collection=body.collection,
        adapter=body.adapter,
        top_k=body.top_k,
        max_tokens=body.max_tokens,
        documents=named,
        failures=(SimurghError,),
    )
    return await asyncio.to_thread(
        compared,
        answered,
        collection=body.collection,
        adapter=body.adapter,
        top_k=body.top_k,
        owner=Owner(changes=body.changes, style=body.style),
        memory_bytes=await asyncio.to_thread(taken),
        training=training,
        left_out=left_out,
    )


class _Here:
    """GET /documents, which is all that is asked for, without HTTP."""

    def __init__(self, service: Service, tenant: str) -> None:
        self._service = service
        self._tenant = tenant

    def get(self, path: str, **params: Any) -> Any:
        return documents.documents(self._service, self._tenant, **params)


def _training(service: Service, tenant: str, adapter: Adapter) -> Training | None:
    if adapter.source.startswith(SOURCE):
        figures = service.tunings.get(tenant, adapter.source.removeprefix(SOURCE)).figures
        return None if figures is None else cost(figures)
    folder = service.settings.data_dir
    return cost_of(AdapterStore(folder / "adapters").folder(adapter.sha256), folder / "tuning")
