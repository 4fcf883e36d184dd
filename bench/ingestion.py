"""`python -m bench.ingestion`: what ingestion costs, and what it costs those who ask meanwhile."""

import argparse
import signal
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from app import models
from app.cli.prepare import prepare_with_bar
from app.settings import Settings
from bench import asking, memory, pdf, replacing, resync, throughput
from bench.asking import Asking
from bench.figures import ratios
from evaluation.plots import Line, Plot
from evaluation.report import Report, Section, Table, surroundings
from indexes.embedder import Embedder

REPORTS = Path(__file__).parents[1] / "docs" / "results"


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Of the whole measurement; ``--small`` shows within minutes that it runs, and its figures say little."""

    paragraphs: int = 12  # of a text or a web page
    pages: tuple[int, int] = (50, 500)
    replaced_among: int = 100
    resynced: int = 1000
    resyncs: int = 100
    queued: int = 10_000
    blocks: int = 40  # of questions, at most


SMALL = Sizes(paragraphs=1, pages=(2, 6), replaced_among=10, resynced=50, resyncs=3, queued=100, blocks=2)


class Run:
    def __init__(self, settings: Settings, sizes: Sizes) -> None:
        self._settings = settings
        self._sizes = sizes
        self._loaded: Embedder | None = None

    def _embedder(self) -> Embedder:
        if self._loaded is None:
            self._loaded = models.build_embedder(self._settings)
        return self._loaded

    def throughput(self) -> Section:
        ours = throughput.measure(self._settings, self._embedder(), paragraphs_a_file=self._sizes.paragraphs)
        figures = [ours, *pdf.measure()]
        return Section(
            title="Throughput",
            text="Whole ingestion over embedding the same passages alone, and reading PDF pages over pypdf's "
            "plain extraction of the same files; medians of five rounds in turns.",
            tables=(ratios(figures),),
        )

    def memory(self) -> Section:
        short, long = (memory.measure(pages) for pages in self._sizes.pages)
        rows = [
            ("worker, absolute", short.worker, long.worker),
            ("worker, beyond its loaded models", short.worker - short.idle, long.worker - long.idle),
            ("parser, absolute", short.parser, long.parser),
            ("seconds", short.seconds, long.seconds),
        ]
        return Section(
            title="Memory of a long document",
            text=f"Peak resident memory (VmHWM) of reading one PDF of {long.pages} pages and one of "
            f"{short.pages}, each by a worker and a parser of its own that had read one page before. The "
            f"worker with its models loaded had {short.idle:.0f} and {long.idle:.0f} MiB, the parser before "
            f"the document {short.parser_idle:.0f} and {long.parser_idle:.0f} MiB.",
            tables=(
                Table(
                    title="MiB at the peak",
                    header=("", f"{short.pages} pages", f"{long.pages} pages", "ratio"),
                    rows=tuple(
                        (name, f"{one:.0f}", f"{other:.0f}", f"{other / one:.2f}x")
                        for name, one, other in rows
                    ),
                ),
            ),
        )

    def replacing(self) -> Section:
        seconds = replacing.measure(self._sizes.replaced_among)
        return Section(
            title="Replacing a file",
            text=f"From `POST /ingest` of a changed file, one of {self._sizes.replaced_among}, until "
            f"`/search` finds its new text: median {statistics.median(seconds):.2f} s, slowest "
            f"{max(seconds):.2f} s of {len(seconds)} times.",
        )

    def resync(self) -> Section:
        found = resync.measure(
            self._settings, self._embedder(), documents=self._sizes.resynced, times=self._sizes.resyncs
        )
        return Section(
            title="Handing in again what has not changed",
            text=f"{found.documents:,} documents in one request, {found.times} times more: "
            f"{found.after - found.before} new rows of documents, versions and chunks ({found.before:,} "
            f"before), {found.embedded} passages embedded, {found.waiting} versions left to work on. The "
            f"first time took {found.first:.2f} s to accept, a later one {found.seconds:.2f} s (slowest "
            f"{found.slowest:.2f} s). Each request leaves a job, which is forgotten after a week.",
        )

    def asking(self) -> Section:
        return _asking(asking.measure(self._sizes.queued, blocks=self._sizes.blocks))


def _asking(found: Asking) -> Section:
    last = found.memory[-1].done
    top = max(max(one.api, one.worker) for one in found.memory)
    samples = found.memory[:: max(1, len(found.memory) // 20)]
    return Section(
        title="Asking while documents are worked off",
        text=f"{found.documents:,} texts of one paragraph were handed in in {found.queued:.0f} s; the worker "
        f"ended {found.worked_off:,} of them in {found.worked:.0f} s of its own, "
        f"{found.worked_off / max(found.worked, 1e-9):.1f} a second. {found.blocks} pairs of blocks of "
        f"questions, with the worker halted (SIGSTOP, `idle`) and running (`busy`), took turns; "
        f"{len(found.idle.ask)} questions idle and {len(found.busy.ask)} busy, one at a time, "
        f"{asking.PAUSE[0]} to {asking.PAUSE[1]} s apart, each to `/ask` (answered by the reader) and then "
        f"to `/search`. The other {found.unasked:,} were worked off in {found.took:.0f} s, nobody asking. "
        "The API, the worker and its parser are the usual processes; the engine is left out, for nothing is "
        f"generated. `GET /jobs/{{id}}` of a job of 500 documents took {found.job:.0f} ms, "
        f"and the queue's own database had {found.jobs_database:.1f} MiB at the end.",
        tables=(
            asking.milliseconds(found.idle, found.busy),
            Table(
                title="Memory (PSS, MiB)",
                header=("documents ended", "API", "worker and parser"),
                rows=tuple((f"{one.done:,}", f"{one.api:.0f}", f"{one.worker:.0f}") for one in samples),
            ),
        ),
        plots=(
            Plot(
                title="Memory while documents are worked off",
                x_label="documents ended",
                y_label="MiB (PSS)",
                x_range=(0.0, float(last)),
                y_range=(0.0, 1.1 * top),
                lines=(
                    Line(name="API", points=tuple((float(one.done), one.api) for one in found.memory)),
                    Line(
                        name="worker and parser",
                        points=tuple((float(one.done), one.worker) for one in found.memory),
                    ),
                ),
            ),
        ),
    )


def main() -> None:
    parts: dict[str, Callable[[Run], Section]] = {
        "throughput": Run.throughput,
        "memory": Run.memory,
        "replacing": Run.replacing,
        "resync": Run.resync,
        "asking": Run.asking,
    }
    parser = argparse.ArgumentParser(prog="python -m bench.ingestion", description=__doc__)
    known = ", ".join(parts)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {known}; all if none is named")
    parser.add_argument("--small", action="store_true", help="show within minutes that it runs")
    parser.add_argument("--documents", type=int, help="that are queued while it is asked (10,000)")
    parser.add_argument("--pages", type=int, help="of the long PDF (500); the short one has a tenth")
    parser.add_argument("--out", type=Path, default=REPORTS, help="where the report goes")
    parser.add_argument("--name", default="ingestion", help="the report's name, for parts that are run apart")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(parts):
        parser.error(f"there is no part {sorted(unknown)[0]!r}: use some of {known}")
    sizes = SMALL if chosen.small else Sizes()
    if chosen.documents is not None:
        sizes = Sizes(**{**vars(sizes), "queued": chosen.documents})
    if chosen.pages is not None:
        sizes = Sizes(**{**vars(sizes), "pages": (max(1, chosen.pages // 10), chosen.pages)})
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # and nothing is left behind
    settings = Settings()
    prepare_with_bar(settings)
    console, begun = Console(stderr=True), time.monotonic()
    run, sections = Run(settings, sizes), []
    for name in chosen.parts or parts:
        console.print(f"measuring: {name}", highlight=False)
        sections.append(parts[name](run))
        console.print(
            sections[-1].text, *(row for table in sections[-1].tables for row in table.rows), sep="\n"
        )
    report = Report(
        title="Ingestion",
        facts=surroundings(
            seed=str(asking.SEED), took=f"{(time.monotonic() - begun) / 60:.0f} minutes", sizes=str(sizes)
        ),
        sections=tuple(sections),
    )
    for path in report.write(chosen.out, chosen.name):
        console.print(f"written: {path}", highlight=False)


if __name__ == "__main__":
    main()
