"""The `simurgh` command."""

import typer

from app.cli import adapters, collections, compare, demo, doctor, evaluate, prepare, run, store, tune, use

cli = typer.Typer(
    name="simurgh",
    help="Answers from your own documents, in your domain's voice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command()(run.serve)
cli.command()(run.worker)
cli.command()(use.ingest)
cli.command()(use.ask)
cli.command()(use.search)
cli.command("eval")(evaluate.evaluate)
cli.command()(compare.compare)
cli.command()(doctor.doctor)
cli.command()(store.backup)
cli.command()(store.restore)
cli.command()(store.verify)
cli.command()(store.purge)
cli.command()(demo.demo)
cli.add_typer(adapters.app, name="adapters")
cli.add_typer(collections.app, name="collections")
cli.add_typer(prepare.app, name="models")
cli.add_typer(tune.app, name="tune")


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
