"""Recompile the pinned lists in requirements/ from pyproject.toml and the .in files: `make lock`.

The lists hold exact versions and hashes and no addresses. Everything is resolved for Linux on x86_64 and
Python 3.11; packages on the development list that the CPU list has already are left out of it.
"""

import re
import subprocess
import sys
from pathlib import Path

from setup import PYTORCH_CPU, ROOT, package_sources  # the folder of this script is on the path

LISTS = ROOT / "requirements"
HEADER = "# Made by `make lock`. Exact versions with hashes, installed without dependency resolution.\n"
ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.M)


def compile_list(name: str, *arguments: str) -> None:
    target = LISTS / f"{name}.txt"
    print(f"{target.relative_to(ROOT)} …", flush=True)
    options, environment = package_sources(Path(sys.executable))
    if name == "gpu":  # wheels lying here must not stand in for PyTorch's CUDA build
        options = []
    command = [
        str(Path(sys.executable).with_name("uv")),
        *("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"),
        *("--no-emit-index-url", "--no-emit-find-links", "--python-version", "3.11"),
        *("--python-platform", "x86_64-manylinux_2_28"),
        *options,
        *arguments,
    ]
    # The old list, if there is one, is the preference: only what must change does.
    command += ["-o", str(target)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode and "+cpu" in done.stderr:
        command += ["--index", PYTORCH_CPU, "--index-strategy", "unsafe-best-match"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    target.write_text(HEADER + target.read_text().removeprefix(HEADER))


def names(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+)==", (LISTS / f"{name}.txt").read_text(), re.M))


def main() -> None:
    cpu = ("--override", "requirements/overrides-cpu.txt")
    common = (
        "--extra",
        "ocr",
        "--extra",
        "s3",
        "--extra",
        "tune",
        "--override",
        "requirements/overrides.txt",
    )
    compile_list("uv", "requirements/uv.in")
    compile_list("models", "requirements/models.in", "--no-deps")
    compile_list("cpu", "pyproject.toml", "--extra", "cpu", "requirements/cpu.in", *common, *cpu)
    compile_list("gpu", "pyproject.toml", "--extra", "gpu", "requirements/gpu.in", *common)
    development = (
        "pyproject.toml",
        "--extra",
        "dev",
        "--extra",
        "eval",
        "requirements/dev.in",
        "-c",
        "requirements/cpu.txt",
    )
    compile_list("dev", *development, *common, *cpu)
    there = names("cpu") & names("dev")
    blocks = ENTRY.split((LISTS / "dev.txt").read_text())
    kept = [block for block in blocks if block.split("==")[0] not in there]
    (LISTS / "dev.txt").write_text("".join(kept))


if __name__ == "__main__":
    main()
