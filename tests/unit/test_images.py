"""The images hold all that the package is made of."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def folders() -> set[str]:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    return {name.split(".")[0] for name in packages}


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.gpu"])
def test_every_package_is_copied(name: str) -> None:
    lines = (ROOT / "docker" / name).read_text().splitlines()
    assert {f"COPY {folder} {folder}" for folder in folders()} <= set(lines)


def test_every_package_reaches_the_engine_that_builds() -> None:
    assert {f"!{folder}" for folder in folders()} <= set((ROOT / ".dockerignore").read_text().splitlines())
