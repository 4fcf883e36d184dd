"""Workbooks (xlsx, xlsb, xls, ods) as a table a sheet, by calamine; hidden sheets are left out."""

import datetime
import io
import itertools
from typing import Any

from indexes.errors import UnreadableDocument
from ingest import markdown
from ingest.archive import opened

MAX_CELLS = 3_000_000  # of all sheets, within the corners of what is filled


def extract_sheets(content: bytes) -> tuple[str, str | None]:
    """Markdown with a heading a sheet. Values as they were last computed: no formula or macro is run."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    if content.startswith(b"PK"):
        opened(content).close()
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    blocks: list[str] = []
    cells = 0
    for sheet in workbook.sheets_metadata:
        if sheet.typ != SheetTypeEnum.WorkSheet or sheet.visible != SheetVisibleEnum.Visible:
            continue
        found = workbook.get_sheet_by_name(sheet.name)
        cells += found.width * found.height
        if cells > MAX_CELLS:
            raise UnreadableDocument(
                f"its sheets have more than {MAX_CELLS:,} cells, most of them empty or all of them too many",
                code="too_many_cells",
            )
        rows = found.to_python(skip_empty_area=True)
        tables = _tables([[_shown(cell) for cell in row] for row in rows])
        if tables:
            blocks += [markdown.heading(2, sheet.name), *tables]
    return markdown.join(blocks), None


def _tables(rows: list[list[str]]) -> list[str]:
    """Runs of rows, set apart by empty ones; columns that are empty in the whole sheet are left out."""
    used = [
        at for at in range(max(map(len, rows), default=0)) if any(at < len(row) and row[at] for row in rows)
    ]
    filled = ([row[at] if at < len(row) else "" for at in used] for row in rows)
    return [markdown.table(list(run)) for has_text, run in itertools.groupby(filled, any) if has_text]


def _shown(value: Any) -> str:
    """A cell as its reader sees it, near enough: 3 and not 3.0, a date without midnight."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return str(value.date() if value.time() == datetime.time() else value)
    return str(value)
