"""What was promised: of each source, what may be stored of it, and what may never be found again."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

COLLECTIONS = ("default", "harbour")
EDITION = re.compile(r"edition (\d+) of the timetable of ferry (\d+)")


def text_of(source: int, edition: int) -> str:
    """Several chunks, some of which an earlier edition had."""
    lines = [
        f"The ferry number {source} leaves pier {line} at noon on every day of the week." for line in range(4)
    ]
    return " ".join(
        [*lines, f"This is edition {edition} of the timetable of ferry {source}, and none other."]
    )


@dataclass(kw_only=True)
class Source:
    number: int
    collection: str = COLLECTIONS[0]
    document: str | None = None  # its id, as an answer told it
    allowed: set[int | None] = field(default_factory=lambda: {None})  # editions; None: nothing
    earlier: set[int] = field(default_factory=set)  # editions that the last one replaces when it is done
    tags: set[tuple[str, ...]] = field(default_factory=set)  # one of these; empty: unknown
    doubt: str | None = None  # the last request of this kind got no answer
    touched: int = 0  # when it was last handed in, in requests
    settled: bool = False  # its last edition was seen to answer

    @property
    def file(self) -> bool:
        """Handed in as a file, else as a payload."""
        return self.number % 2 == 1

    @property
    def name(self) -> str:
        return f"{self.number}.txt" if self.file else str(self.number)

    @property
    def certain(self) -> int | None:
        """The one edition that must be there in the end; None where there is none, or doubt."""
        return next(iter(self.allowed)) if len(self.allowed) == 1 else None


@dataclass(kw_only=True)
class Ledger:
    """Of the sources of one client, which waits for each answer before its next request."""

    sources: dict[int, Source]
    gone: set[tuple[int, int]] = field(default_factory=set)  # (source, edition)
    gone_documents: set[str] = field(default_factory=set)

    def handed_in(self, source: Source, edition: int) -> None:
        """The request is on its way: what it brings may be stored from now on."""
        source.allowed.add(edition)
        source.doubt, source.settled = "ingest", False
        source.tags.add(())
        self.gone.discard((source.number, edition))
        source.earlier.discard(edition)

    def acknowledged(self, source: Source, edition: int, document: str) -> None:
        source.earlier |= {one for one in source.allowed if one not in (None, edition)}
        source.allowed, source.doubt, source.document, source.tags = {edition}, None, document, {()}

    def done(self, source: Source) -> None:
        """The one edition that is certain answers: those before it never do again."""
        self.gone |= {(source.number, edition) for edition in source.earlier}
        source.earlier.clear()
        source.settled = True

    def deleting(self, source: Source) -> None:
        source.allowed.add(None)
        source.doubt = "deletion"

    def deleted(self, source: Source) -> None:
        known = {one for one in source.allowed if one is not None} | source.earlier
        self.gone |= {(source.number, edition) for edition in known}
        if source.document is not None:
            self.gone_documents.add(source.document)
        source.allowed, source.earlier, source.tags = {None}, set(), set()
        source.doubt = source.document = None
        source.settled = False

    def not_deleted(self, source: Source) -> None:
        source.allowed.discard(None)
        source.doubt = None

    def require_fit(self, found: Iterable[tuple[str, str]]) -> None:
        """Of (document's id, text), as an answer shows. Raises AssertionError for what may not be there."""
        for document, text in found:
            assert document not in self.gone_documents, f"a deleted text is back: {text!r} of {document}"
            for edition, number in EDITION.findall(text):
                assert (int(number), int(edition)) not in self.gone, f"a deleted text is back: {text!r}"


def ledger_of(numbers: Iterable[int]) -> Ledger:
    return Ledger(
        sources={
            number: Source(number=number, collection=COLLECTIONS[number // 2 % len(COLLECTIONS)])
            for number in numbers
        }
    )
