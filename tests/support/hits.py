"""Retrieved passages made by hand."""

from app.gate import CALIBRATED
from indexes.records import Hit


def hit(
    text: str,
    *,
    chunk_id: int = 1,
    document_id: str = "d",
    start: int = 0,
    score: float = 0.9,
    title: str = "T",
) -> Hit:
    return Hit(
        chunk_id=chunk_id,
        document_id=document_id,
        title=title,
        uri=f"file:{document_id}",
        page=None,
        start=start,
        end=start + len(text),
        text=text,
        score=score,
        dense=score,
        lexical=score,
        coverage=score,
        embedder=CALIBRATED,
    )
