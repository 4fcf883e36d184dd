"""Seconds from handing in a changed file until its new text is found, in a collection of many documents."""

import tempfile
import time
from pathlib import Path

from bench.service import Service, serving
from bench.texts import small

WORDS = ("zephyrine", "quandary", "obelisk", "marzipan", "thimblerig")  # of the new text, one a time
LIMIT = 60.0  # seconds
PATIENCE = 1800.0


def measure(documents: int) -> list[float]:
    """Of each time, one document in the middle of ``documents``."""
    files = [(f"{number}.txt", text.encode()) for number, text in enumerate(small(documents))]
    name, content = files[documents // 2]
    with tempfile.TemporaryDirectory(prefix="simurgh-bench-") as folder, serving(Path(folder)) as service:
        service.wait(service.ingest(files), PATIENCE)
        _found(service, "warm")
        return [_seconds(service, name, content, word) for word in WORDS]


def _seconds(service: Service, name: str, content: bytes, word: str) -> float:
    sentence = f" The password of the {word} room is {word} seven."
    begun = time.monotonic()
    service.ingest([(name, content + sentence.encode())])
    while not any(f"{word} seven" in text for text in _found(service, f"What is the {word} password?")):
        if time.monotonic() > begun + LIMIT:
            raise TimeoutError(f"{name} was not replaced within {LIMIT:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - begun


def _found(service: Service, question: str) -> list[str]:
    answer = service.http.post("/search", json={"question": question})
    answer.raise_for_status()
    return [source["text"] for source in answer.json()["sources"]]
