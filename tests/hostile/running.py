"""Hostile files through the real cage: how long each takes, how much memory its parser uses, how it ends."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from indexes.errors import SimurghError
from indexes.text import Analyzer
from ingest.cage import ExtractionCage
from ingest.chunker import Chunker
from ingest.extract import MARKDOWN, Extracted, Limits
from tests.hostile.parts import Hostile
from tests.support.words import word_tokenizer

MOST_SECONDS = 10.0  # that a hostile file may take
MOST_BYTES = 512 << 20  # that its parser may have resident
GOOD = "The ferry leaves at noon."
SAMPLING = 0.01  # seconds between two looks at the parser's memory
CHUNKED = 200_000  # characters of a text that are chunked here: the whole would take an embedder's time


@dataclass(frozen=True, kw_only=True)
class Outcome:
    file: Hostile
    size: int  # bytes
    code: str | None  # the reason for which it was refused; None: it became text
    text: str
    seconds: float  # in the cage, without those in which its parser waited for a core
    after: float  # seconds of computing, to cut and analyse the beginning of its text
    peak: int  # bytes of resident memory of its parser


class Watch:
    """Over one child while it reads: its memory by ``VmHWM``, the kernel's own high-water mark, so that a
    look now and then misses nothing but the last moments of one that dies; and how long it waited for a
    core, for which it is not to blame."""

    def __init__(self, pid: Callable[[], int | None]) -> None:
        self._pid = pid
        self.peak = 0  # bytes
        self._waited: dict[int, list[int]] = {}  # by child: nanoseconds at the first look and at the last
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        pid = self._pid()
        if pid is not None:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._look()
        self._ended.set()
        self._thread.join()

    @property
    def waited(self) -> float:
        return sum(last - first for first, last in self._waited.values()) / 1e9

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLING):
            self._look()

    def _look(self) -> None:
        pid = self._pid()
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            waited = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
        except (OSError, IndexError):  # there is none yet, or it has just died
            return
        mark = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0")
        self.peak = max(self.peak, int(mark.split()[1]) << 10)
        self._waited.setdefault(pid or 0, [waited, waited])[1] = waited


class Runner:
    """One cage, and what the worker does with its texts."""

    def __init__(self, cage: ExtractionCage, chunker: Chunker, folder: Path) -> None:
        self._cage = cage
        self._chunker = chunker
        self._analyzer = Analyzer()
        self._file = folder / f"hostile-{id(self)}"

    def run(self, file: Hostile) -> Outcome:
        content = file.content()
        self._file.write_bytes(content)
        code, text, after = None, "", 0.0
        begun = time.monotonic()
        with Watch(self._pid) as watch:
            try:
                extracted = self._cage.extract(self._file, name=file.name, hint=None, url=None)
            except SimurghError as error:
                code = error.code
        seconds = time.monotonic() - begun - watch.waited
        if code in ("parser_died", "parse_timeout", "parse_memory"):
            self._file.write_text(GOOD)
            assert self._cage.extract(self._file, name="good.txt", hint=None, url=None).text == GOOD
        if code is None:
            text = extracted.text
            begun = time.thread_time()
            self._cut(extracted)
            after = time.thread_time() - begun
        return Outcome(
            file=file, size=len(content), code=code, text=text, seconds=seconds, after=after, peak=watch.peak
        )

    def _pid(self) -> int | None:
        child = self._cage._child
        return child.pid if child is not None else None

    def _cut(self, extracted: Extracted) -> None:
        text = extracted.text[:CHUNKED]
        starts = [start for start in extracted.page_starts or () if start < len(text)] or None
        for chunk in self._chunker.chunks(
            text, markdown=extracted.kind in MARKDOWN, page_starts=starts, title=extracted.title
        ):
            assert chunk.text == text[chunk.start : chunk.end]
            self._analyzer.terms(chunk.text)


def run_all(files: Iterable[Hostile], runners: list[Runner]) -> Iterator[Outcome]:
    """Side by side, one file a runner at a time."""
    waiting, lock = iter(files), threading.Lock()
    done: list[Outcome] = []

    def work(runner: Runner) -> None:
        while True:
            with lock:
                file = next(waiting, None)
            if file is None:
                return
            done.append(runner.run(file))

    with ThreadPoolExecutor(len(runners)) as pool:
        for ended in [pool.submit(work, runner) for runner in runners]:
            ended.result()
    yield from done


@contextmanager
def runners(count: int, folder: Path) -> Iterator[list[Runner]]:
    """Cages as the worker has them by its default settings."""
    chunker = Chunker(word_tokenizer(folder), tokens=256)
    cages = [ExtractionCage(limits=Limits(pages=5000, chars=20_000_000), timeout=120) for _ in range(count)]
    try:
        yield [Runner(cage, chunker, folder) for cage in cages]
    finally:
        for cage in cages:
            cage.close()
