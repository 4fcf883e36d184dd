"""`make eval`: retrieval, refusal, answers, citations and injections, beside the rivals, into one report."""

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from app.cli.prepare import prepare_with_bar
from app.settings import Settings
from evaluation.answers import ways
from evaluation.datasets import SETS, data_folder
from evaluation.run import PARTS, Options, Run

REPORTS = Path(__file__).parents[1] / "docs" / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description=__doc__)
    parser.add_argument("--sets", type=_listed(SETS), default=SETS, help=f"of {','.join(SETS)}")
    parser.add_argument("--parts", type=_listed(PARTS), default=PARTS, help=f"of {','.join(PARTS)}")
    parser.add_argument("--sample", type=int, help="questions a set and kind, always the same ones")
    parser.add_argument("--seed", type=int, default=0, help="of the sample and the bootstrap")
    parser.add_argument(
        "--adapter",
        action="append",
        default=[],
        type=_adapter,
        metavar="NAME=FOLDER",
        help="also ask this one",
    )
    parser.add_argument(
        "--all-titles", action="store_true", help="retrieval also on titles that weights were fitted on"
    )
    parser.add_argument(
        "--way", action="append", default=[], metavar="NAME", help="answer only so; may be repeated"
    )
    parser.add_argument("--folder", type=Path, help="the service's data folder, kept for another run")
    parser.add_argument("--out", type=Path, default=REPORTS, help="where the reports go")
    parser.add_argument("--name", default="eval", help="the reports' name, for parts that are run apart")
    chosen = parser.parse_args()
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = chosen.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="simurgh-eval-"))
        )
        settings = Settings().model_copy(
            update={"data_dir": folder, "database_url": None, "jobs_database_url": None, "api_key": None}
        )
        prepare_with_bar(settings)
        options = Options(
            data=data_folder(),
            folder=folder,
            sets=tuple(chosen.sets),
            parts=tuple(chosen.parts),
            sample=chosen.sample,
            seed=chosen.seed,
            all_titles=chosen.all_titles,
            adapters=dict(chosen.adapter),
            ways=tuple(chosen.way),
        )
        known = [way.name for way in ways(list(options.adapters))]
        if unknown := set(chosen.way) - set(known):
            parser.error(f"there is no way {sorted(unknown)[0]!r}: use some of {', '.join(known)}")
        report = Run(
            options=options, settings=settings, say=lambda what: console.print(what, highlight=False)
        ).report()
    for path in report.write(chosen.out, chosen.name):
        console.print(f"written: {path}", highlight=False)


def _adapter(text: str) -> tuple[str, Path]:
    name, _, folder = text.partition("=")
    if not name or not (Path(folder) / "adapter_config.json").is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=FOLDER of a PEFT adapter")
    return name, Path(folder)


def _listed(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        unknown = sorted(set(names) - set(known))
        if unknown or not names:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown) or 'nothing'}: use some of {', '.join(known)}"
            )
        return names

    return parse


if __name__ == "__main__":
    main()
