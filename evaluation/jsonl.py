"""A file with one JSON object a line, as training rows and questions are read."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Raises OSError."""
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
