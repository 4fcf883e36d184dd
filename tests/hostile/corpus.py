"""All hostile files, and a sample of every kind for tests that must be quick."""

from collections.abc import Iterator

from tests.hostile.archive_files import hostile_archives
from tests.hostile.mutation import mutations
from tests.hostile.parts import Hostile
from tests.hostile.pdf_files import hostile_pdfs
from tests.hostile.picture_files import hostile_pictures
from tests.hostile.text_files import hostile_texts


def corpus(mutations_each: int) -> Iterator[Hostile]:
    """Made by hand, then ``mutations_each`` of every honest file. The same on every machine and day."""
    yield from hostile_pdfs()
    yield from hostile_archives()
    yield from hostile_texts()
    yield from hostile_pictures()
    yield from mutations(mutations_each)
