"""The pinned lists: complete, exact, without addresses, and without what must stay out."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LISTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LEFT_OUT = {"torchvision", "torchaudio", "torchcodec", "openvino-telemetry", "llama-cpp-python", "sentry-sdk"}


def pins(*names: str) -> dict[str, str]:
    """Canonical name -> exact version, over all the named lists."""
    found: dict[str, str] = {}
    for name in names:
        for line in (LISTS / f"{name}.txt").read_text().splitlines():
            if line[:1].isalnum():
                package, version = line.removesuffix("\\").strip().split("==")
                assert found.setdefault(package, version) == version, f"{package} is pinned twice"
    return found


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_every_dependency_of_the_project_is_pinned_within_its_bounds(variant: str) -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = [
        Requirement(text)
        for text in PROJECT["dependencies"] + extras[variant] + extras["dev"] + extras["eval"]
    ]
    pinned = pins(variant, "models", "dev")
    for requirement in wanted:
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} is not on the {variant} list: `make lock`"
        assert requirement.specifier.contains(version), f"{requirement.name} {version} is not {requirement}"


@pytest.mark.parametrize("path", sorted(LISTS.iterdir()), ids=lambda path: path.name)
def test_no_list_names_an_address(path: Path) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links|\bfile:", path.read_text())


@pytest.mark.parametrize("name", ["cpu", "gpu", "dev", "models", "uv"])
def test_every_pin_has_a_hash(name: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", (LISTS / f"{name}.txt").read_text(), flags=re.M)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("name", ["cpu", "gpu", "dev", "models"])
def test_what_breaks_or_telephones_stays_out(name: str) -> None:
    assert LEFT_OUT.isdisjoint(pins(name))


def test_one_faiss_and_one_pytorch_each() -> None:
    assert pins("cpu")["torch"].endswith("+cpu")
    assert "+" not in pins("gpu")["torch"]
    assert {name for name in pins("cpu", "dev") if name.startswith("faiss")} == {"faiss-cpu"}
    assert {name for name in pins("gpu", "dev") if name.startswith("faiss")} == {"faiss-gpu"}


def test_numpy_and_its_like_agree_where_the_development_list_meets_the_gpu_list() -> None:
    pins("gpu", "models", "dev")
