"""A collection of the running service, as rows are made from it."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from app.generator import BASE
from indexes.records import Hit
from tuning.pairs import Said

PAGE = 1000  # of a list
TEMPERATURE = 0.7  # of questions: at 0, passages alike would get the same one


class Service(Protocol):
    """As the command line speaks to it."""

    def get(self, path: str, **params: Any) -> Any: ...

    def post(self, path: str, body: Any) -> Any: ...

    def text(self, path: str) -> str: ...


class ServedCollection:
    """Implements Writer and Retriever of `tuning.made`."""

    def __init__(self, service: Service, collection: str) -> None:
        self._service = service
        self._collection = collection

    def ask(self, prompt: str, *, max_tokens: int, schema: Mapping[str, Any] | None = None) -> str:
        """Of the base: what an adapter has learnt is not to be learnt from itself."""
        body = {
            "question": prompt,
            "collection": self._collection,
            "mode": "model",
            "adapter": BASE,
            "max_tokens": max_tokens,
        }
        if schema is not None:
            body |= {"schema": schema, "temperature": TEMPERATURE}
        return str(self._service.post("/ask", body)["answer"])

    def search(self, question: str, *, top_k: int, document: str | None = None) -> list[Hit]:
        body = {"question": question, "collection": self._collection, "top_k": top_k}
        if document is not None:
            body["filters"] = {"document_id": document}
        return [_hit(source) for source in self._service.post("/search", body)["sources"]]

    def documents(self) -> list[str]:
        """Ids of those that answer."""
        found = self._list("/documents", "document_id")
        return [one["document_id"] for one in found if one["chunks"]]

    def text_of(self, document: str) -> str:
        return self._service.text(f"/documents/{document}/text")

    def feedback(self) -> Iterator[Said]:
        """Oldest first."""
        return map(Said.of, self._list("/feedback", "id"))

    def _list(self, path: str, id_: str) -> Iterator[Mapping[str, Any]]:
        more, after = True, dict[str, str]()
        while more:
            page = self._service.get(path, collection=self._collection, limit=PAGE, **after)
            yield from page["data"]
            more = page["has_more"]
            after = {"after": page["data"][-1][id_]} if more else {}


def _hit(source: Mapping[str, Any]) -> Hit:
    names = ("chunk_id", "document_id", "title", "uri", "page", "start", "end", "text", "score")
    return Hit(**{name: source[name] for name in names})
