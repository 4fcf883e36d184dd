"""The targets side by side, each from honest files as its beginning."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.hostile.seeds import seeds

ROOT = Path(__file__).parents[2]
LONGEST = 4096  # bytes of an input
DONE = re.compile(r"Done (\d+) runs")
RAISED = re.compile(r"=== Uncaught Python exception: ===(.*?)(?:\n==|\Z)", re.DOTALL)
REACHED = re.compile(r"cov: (\d+)")
BEGINNINGS = {
    "pages": ("html", "md"),
    "data": ("csv", "json", "jsonl", "xml", "txt"),
    "letters": ("eml", "rtf"),
    "cuts": ("md", "txt", "csv"),
    "prompts": ("txt", "md", "html"),
    "lines": ("txt",),
}
WORDS = {
    "pages": [
        "<div hidden>",
        "<!--",
        "style='",
        "display:none",
        "rgba(0,0,0,",
        "<table>",
        "<td>",
        "```",
        "&zwnj;",
        "<pre>",
    ],
    "data": [
        "\\xff\\xfe",
        "\\xef\\xbb\\xbf",
        '\\"\\"',
        "<!DOCTYPE",
        "[[",
        '{\\"a\\":',
        "|",
        ";",
        "\\x00",
        "1e999",
    ],
    "letters": [
        "Content-Type: ",
        "multipart/mixed; boundary=x",
        "=?utf-8?B?",
        "--x",
        "{\\\\",
        "\\\\u-1?",
        "\\\\bin9 ",
        "\\\\v ",
    ],
    "cuts": [
        "# ",
        "| --- |",
        "```",
        "\\xe2\\x80\\x8c",
        "\\xd8\\xa8",
        "\\xe6\\xb8\\xa1",
        "\\xe3\\x80\\x82",
        "\\xf0\\x9f\\x91\\xa8",
        ". ",
    ],
    "prompts": [
        "[1]",
        "](",
        "</source>",
        "<|im_end|>",
        "[INST]",
        "Question:",
        "ignore previous instructions",
        "\\xef\\xbc\\x9c",
    ],
    "lines": ["\\xd8\\xa7", "(", ")", "12/05", "\\xdb\\xb1", " - ", "\\xef\\xb7\\xba", "%", "  "],
}


WITHOUT_END = -1
MEMORY = 1024  # MiB at once


@dataclass(frozen=True, kw_only=True)
class Fuzzed:
    target: str
    runs: int
    reached: int  # branches of our own modules
    failure: str | None  # the end of its report; the input that failed lies beside its corpus


def fuzz(
    folder: Path, *, seconds: int, targets: list[str], seed: int, workers: int, runs: int = WITHOUT_END
) -> Iterator[Fuzzed]:
    """``seconds`` and ``runs`` at most for each target. What is learnt stays in ``folder`` for next time."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(partial(_fuzz_one, folder, seconds, runs, seed), targets)


def _fuzz_one(folder: Path, seconds: int, runs: int, seed: int, target: str) -> Fuzzed:
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for kind, content in seeds().items():
        if kind in BEGINNINGS[target]:
            (corpus / f"honest.{kind}").write_bytes(content[:LONGEST])
    words = folder / f"{target}.words"
    words.write_text("".join(f'"{word}"\n' for word in WORDS[target]))
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "tests.fuzz.target",
                target,
                f"-max_total_time={seconds}",
                f"-runs={runs}",
                f"-seed={seed}",
            ),
            *(f"-max_len={LONGEST}", f"-dict={words}", f"-artifact_prefix={folder / target}-", "-timeout=10"),
            # Linux has a process inherit the peak memory of the one that started it, which may be large.
            *("-rss_limit_mb=0", f"-malloc_limit_mb={MEMORY}", "-print_final_stats=1", str(corpus)),
        ],
        cwd=ROOT,
        env={**os.environ, "FUZZ_FOLDER": str(corpus.parent)},
        capture_output=True,
        text=True,
        errors="replace",
    )
    runs, reached = DONE.search(done.stderr), REACHED.findall(done.stderr)
    return Fuzzed(
        target=target,
        runs=int(runs[1]) if runs else 0,
        reached=int(reached[-1]) if reached else 0,
        failure=_failure(done.stdout, done.stderr) if done.returncode else None,
    )


def _failure(said: str, report: str) -> str:
    """What was raised; without that, as when it hung, the end of libFuzzer's report."""
    raised = RAISED.search(said)
    return raised[1].strip() if raised else report[-3000:]
