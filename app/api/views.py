"""Records as the contract's JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.asking import Answer
from app.citations import Citation
from indexes.records import (
    Adapter,
    Collection,
    Deletion,
    Document,
    Failure,
    Feedback,
    Hit,
    Job,
    JobDocument,
    Page,
    Source,
)


def time_of(seconds: float | None) -> str | None:
    """RFC 3339."""
    return (
        None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    )


def page(found: Page[Any], view: Any) -> dict[str, Any]:
    return {"data": [view(one) for one in found.data], "has_more": found.has_more}


def source(hit: Hit) -> dict[str, Any]:
    return {
        "document_id": hit.document_id,
        "chunk_id": hit.chunk_id,
        "title": hit.title,
        "uri": hit.uri,
        "page": hit.page,
        "start": hit.start,
        "end": hit.end,
        "text": hit.text,
        "score": round(hit.score, 4),
        "seen_at": time_of(hit.seen_at),
    }


def citation(found: Citation) -> dict[str, Any]:
    return {
        "marker": found.marker,
        "document_id": found.hit.document_id,
        "chunk_id": found.hit.chunk_id,
        "title": found.hit.title,
        "uri": found.hit.uri,
        "page": found.hit.page,
        "start": found.start,
        "end": found.end,
        "quote": found.quote,
        "score": found.score,
        "seen_at": time_of(found.hit.seen_at),
    }


def answer(found: Answer) -> dict[str, Any]:
    adapter = found.adapter
    timings = found.timings
    return {
        "answer": found.answer,
        "abstained": found.abstained,
        "reason": found.reason,
        "citations": [citation(one) for one in found.citations],
        "sources": [source(hit) for hit in found.sources],
        "unsupported": list(found.unsupported),
        "groundedness": found.groundedness,
        "confidence": found.confidence,
        "collection": found.collection,
        "adapter": {"name": adapter.name, "version": f"sha256:{adapter.sha256}"} if adapter else None,
        "model": found.model,
        "usage": {"prompt_tokens": found.prompt_tokens, "completion_tokens": found.completion_tokens},
        "timings_ms": {
            "retrieve": timings.retrieve,
            "first_token": timings.first_token,
            "generate": timings.generate,
            "total": timings.total,
        },
        "request_id": found.request_id,
    }


def adapter(found: Adapter) -> dict[str, Any]:
    return {
        "name": found.name,
        "version": f"sha256:{found.sha256}",
        "base_model": found.base_model,
        "rank": found.rank,
        "target_modules": found.target_modules,
        "status": found.status,
        "error": found.error,
        "created_at": time_of(found.created_at),
        "source": found.source,
        "proof": found.proof,
    }


def collection(found: Collection, counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "name": found.name,
        "description": found.description,
        "default_adapter": found.default_adapter,
        "embedder": {
            "id": found.embedder.id,
            "dim": found.embedder.dim,
            "query_prompt": found.embedder.query_prompt,
            "passage_prompt": found.embedder.passage_prompt,
        },
        "documents": counts[0],
        "chunks": counts[1],
        "created_at": time_of(found.created_at),
    }


def document(found: Document) -> dict[str, Any]:
    return {
        "document_id": found.id,
        "collection": found.collection,
        "name": found.name,
        "title": found.title,
        "uri": found.uri,
        "media_type": found.media_type,
        "tags": found.tags,
        "metadata": found.metadata,
        "status": found.status,
        "error": _reason(found.error_code, found.error),
        "pages": found.pages,
        "unread_pages": found.unread_pages,
        "chunks": found.chunks,
        "sha256": found.sha256,
        "created_at": time_of(found.created_at),
        "updated_at": time_of(found.updated_at),
        "seen_at": time_of(found.seen_at),
    }


def source_of_documents(found: Source) -> dict[str, Any]:
    """Without its headers, which may hold secrets."""
    return {
        "id": found.id,
        "collection": found.collection,
        "kind": found.kind,
        "spec": {key: value for key, value in found.spec.items() if key != "headers"},
        "tags": found.tags,
        "every_seconds": found.every,
        "next_at": time_of(found.next_at),
        "seen_at": time_of(found.seen_at),
        "error": found.error,
        "created_at": time_of(found.created_at),
    }


def deletion(found: Deletion) -> dict[str, Any]:
    return {
        "document_id": found.document_id,
        "deleted_at": time_of(found.deleted_at),
        "purged_at": time_of(found.purged_at),
    }


def feedback(found: Feedback) -> dict[str, Any]:
    adapter = found.adapter
    return {
        "id": found.id,
        "request_id": found.request_id,
        "question": found.question,
        "answer": found.answer,
        "chunk_ids": list(found.chunk_ids),
        "adapter": {"name": adapter, "version": found.adapter_version} if adapter else None,
        "rating": found.rating,
        "correction": found.correction,
        "comment": found.comment,
        "created_at": time_of(found.created_at),
    }


def failure(found: Failure) -> dict[str, Any]:
    return {
        "document_id": found.document_id,
        "name": found.name,
        "job_id": found.job_id,
        "error": _reason(found.code, found.reason),
        "failed_at": time_of(found.failed_at),
        "answers": found.answers,
    }


def accepted(job_id: str, documents: Sequence[JobDocument]) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "documents": [
            {"document_id": one.document_id, "name": one.name, "status": one.status} for one in documents
        ],
    }


def job(found: Job) -> dict[str, Any]:
    again = found.re_embedding
    return {
        "id": found.id,
        "collection": found.collection,
        "status": found.status,
        "priority": found.priority,
        "progress": {
            "done": found.done,
            "total": found.total,
            "stage": found.stage,
            "chunks_done": found.chunks_done,
            "chunks_total": found.chunks_total,
        },
        "documents": [
            {
                "document_id": one.document_id,
                "name": one.name,
                "status": one.status,
                "pages": one.pages,
                "unread_pages": one.unread_pages,
                "chunks": one.chunks,
                "error": _reason(one.error_code, one.error),
            }
            for one in found.documents
        ],
        "pulls": [
            {
                "source_id": one.source_id,
                "status": one.status,
                "items": one.items,
                "error": _reason(one.error_code, one.error),
            }
            for one in found.pulls
        ],
        "re_embedding": None
        if again is None
        else {
            "embedder": again.embedder,
            "status": again.status,
            "error": _reason(again.error_code, again.error),
        },
        "created_at": time_of(found.created_at),
        "finished_at": time_of(found.finished_at),
    }


def _reason(code: str | None, message: str | None) -> dict[str, str | None] | None:
    return None if code is None else {"code": code, "message": message}
