"""One target under libFuzzer, in a process of its own: `python -m tests.fuzz.target NAME [OPTIONS] CORPUS`.

It ends with 0 when its time is over, and with another status when something did not hold.
"""

import logging
import sys
from functools import partial

import atheris

PACKAGES = ["app", "indexes", "ingest"]


def main() -> None:
    name, *options = sys.argv[1:]
    logging.disable()  # what parsers have to say about such files
    with atheris.instrument_imports(include=PACKAGES):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *options], partial(_without_return, TARGETS[name]))
    atheris.Fuzz()


def _without_return(target: object, content: bytes) -> None:
    if content and callable(target):
        target(content)


if __name__ == "__main__":
    main()
