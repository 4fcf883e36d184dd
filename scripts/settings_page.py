"""Writes docs/settings.md from the settings themselves: `python scripts/settings_page.py`."""

import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

sys.path.insert(0, str(Path(__file__).parents[1]))
from app.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Environment variables, or lines in `.env` beside where the service is started. Lists are written with
commas, or as JSON. Written from `app/settings.py` by `scripts/settings_page.py`.

| variable | default | meaning |
|---|---|---|
"""


def render() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, PydanticUndefined) else f"`{field.default}`"
        rows.append(f"| `SIMURGH_{name.upper()}` | {default} | {field.description or ''} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(render())
