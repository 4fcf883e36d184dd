"""`make bench`: every figure beside its rival, then the peak memory."""

import resource

from rich.console import Console

from app.cli.prepare import prepare_with_bar
from app.settings import Settings
from bench import embedding, generation, hybrid, pdf, search
from bench.figures import Figure, ratios, show


def main() -> None:
    settings = Settings()
    prepare_with_bar(settings)
    console = Console()
    console.print("Each figure is measured against its rival in this very run; about six minutes.")
    figures: list[Figure] = search.measure()
    figures += hybrid.measure()
    figures += pdf.measure()
    figures += embedding.measure(settings)
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    generated, engine = generation.measure(settings)
    show(ratios([*figures, *generated]))
    console.print(
        f"peak memory: {ours:.2f} GiB here (torch and OpenVINO side by side), {engine:.2f} GiB in the engine"
    )


if __name__ == "__main__":
    main()
