"""Only what is learnt is scored: a small part of a row that holds its sources.

TRL scores just the labelled positions where it has Triton, and elsewhere all of them, the prompt's too, since
shapes that change are compiled anew on some devices. A CPU compiles nothing. There it would be the head's
work for nothing, and the head of a small model with a large vocabulary is much of all work. TRL's version is
pinned, and a test holds the loss and its gradient to be the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def answers_only() -> Iterator[None]:
    """While trainers run in this process."""
    from trl.trainer import utils

    before = utils._use_triton  # asked there for this alone; the kernels have their own
    utils._use_triton = lambda _device: True
    try:
        yield
    finally:
        utils._use_triton = before
