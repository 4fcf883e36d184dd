"""`simurgh purge`: work on what is stored."""

from app.cli.client import load_settings
from app.cli.output import AsJson, as_json, out


def purge(as_json_: AsJson = False) -> None:
    """Remove at once what is left of deleted documents. A running service does so by itself every few hours.

    Bytes that were uploaded within the last hour stay until the next time.
    """
    from app.compose import purge as run

    done = run(load_settings())
    if as_json_:
        as_json({"documents": done.documents, "chunks": done.chunks, "files": done.files})
    else:
        out.print(f"Removed for good: {done.documents} documents, {done.chunks} chunks, {done.files} files.")
