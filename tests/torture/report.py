"""What was killed where, and what became of it, as pages of Markdown."""

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version

from evaluation.report import Report, Section, Table, surroundings
from tests.torture.engine import Recovered
from tests.torture.lane import ANY_TIME, Outcome
from tests.torture.points import POINTS

PACKAGES = ("sqlalchemy", "dbos", "uvicorn", "fastapi", "psycopg")
PROMISE = (
    "Processes that run the real API behind uvicorn, the real worker and `simurgh purge` over the fake "
    "embedder are killed with SIGKILL: by themselves when they come to a named point, or from outside at "
    "a random time, at the latest when they have not come to their point after a while. Two clients hand "
    "in files and payloads, the same bytes again, delete, move and describe documents and search, and "
    "write down what was acknowledged. Every restarted API is asked for some of it; in the end nothing is "
    "killed until nothing waits, and then everything is looked for: by searches, in the rows, by `simurgh "
    "verify`, and after a purge in every file of the data folder."
)
ENGINE = (
    "`simurgh serve` with the bundled model and one adapter answers two clients without a pause while the "
    "engine's server, its core or both are killed with SIGKILL, most of them at a random time of their "
    "service and some while they load. Meanwhile the API must answer searches, and questions with 503 and "
    "Retry-After; afterwards the same questions must be answered with the same words, by the base and by "
    "the adapter, and none of the old processes may be left."
)


def page(outcomes: Mapping[str, Outcome], **facts: str) -> str:
    tables = (_sums(outcomes), _points(outcomes))
    return _page(
        "Torture of API, worker and purge", Section(title="Outcome", text=PROMISE, tables=tables), facts
    )


def engine_page(engine: Recovered, **facts: str) -> str:
    section = Section(title="Outcome", text=ENGINE, tables=(_engine(engine),))
    return _page("Torture of the engine", section, facts)


def _page(title: str, section: Section, facts: Mapping[str, str]) -> str:
    more = {"also": ", ".join(f"{name} {version(name)}" for name in PACKAGES), **facts}
    return Report(title=title, facts=surroundings(**more), sections=(section,)).markdown()


def _sums(outcomes: Mapping[str, Outcome]) -> Table:
    def row(name: str, *values: object) -> tuple[str, ...]:
        return (name, *(str(one) for one in values))

    every = list(outcomes.values())
    roles = [
        row(f"{role} killed", *(sum(n for (who, _), n in one.killed.items() if who == role) for one in every))
        for role in POINTS
    ]
    statuses = sorted({status for one in every for status in one.requests})
    return Table(
        title="In numbers",
        header=("", *outcomes),
        rows=(
            row("killed in all", *(one.killed.total() for one in every)),
            *roles,
            row("texts looked for in vain in the end", *(one.gone for one in every)),
            row("documents there in the end", *(one.documents for one in every)),
            row("their chunks", *(one.chunks for one in every)),
            *(row(f"requests: {status}", *(one.requests[status] for one in every)) for status in statuses),
            row("minutes", *(f"{one.seconds / 60:.1f}" for one in every)),
        ),
        note="No acknowledged document was lost, no chunk was there twice, no deleted or replaced text came "
        "back: the first would have ended the command, and there would be no page.",
    )


def _points(outcomes: Mapping[str, Outcome]) -> Table:
    killed: Mapping[str, Counter[tuple[str, str]]] = {name: one.killed for name, one in outcomes.items()}
    rows = [
        (role, point, *(str(counted[(role, point)]) for counted in killed.values()))
        for role, points in POINTS.items()
        for point in (*points, ANY_TIME)
    ]
    return Table(title="Killed, by point", header=("victim", "point", *outcomes), rows=tuple(rows))


def _engine(engine: Recovered) -> Table:
    times = sorted(engine.seconds)
    return Table(
        title="In numbers",
        header=("", "engine"),
        rows=(
            ("killed", str(engine.killed.total())),
            *((f"of them: {name}", str(number)) for name, number in sorted(engine.killed.items())),
            ("seconds until it answered again: median", f"{times[len(times) // 2]:.1f}"),
            ("seconds until it answered again: longest", f"{times[-1]:.1f}"),
            ("answers before, between and after", str(engine.answered)),
            ("answered 503 with Retry-After", str(engine.refused)),
            ("minutes", f"{engine.minutes:.1f}"),
        ),
        note=f"It had {engine.limit:.0f} seconds to be back each time. No answer differed from the first, "
        "no process was left: otherwise there would be no page.",
    )
