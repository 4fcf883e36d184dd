"""Make `.venv` for this machine: the pinned packages, the model carriers and Simurgh itself.

Runs under any Python >= 3.11 with nothing but the standard library; the second run returns at once.
An interrupted set-up is done anew: `.venv/simurgh.json` says what is complete and is written last.

    python3 scripts/setup.py            what `simurgh serve` needs
    python3 scripts/setup.py --dev      and what the tests need
    python3 scripts/setup.py --image    the pinned packages alone, for a container's layer

`SIMURGH_VARIANT=cpu|gpu` overrides the choice of list; by default `nvidia-smi` decides.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "simurgh.json"
LISTS = ROOT / "requirements"
PYTORCH_CPU = "https://download.pytorch.org/whl/cpu"
PYTHONS = ("3.11", "3.12")  # what the wheels on the lists are made for, the preferred one first
DISK_GIB = {"cpu": 6, "gpu": 20}  # packages, their downloads and the converted models
PROBE = """
import importlib.util, json, sys
has_venv = all(importlib.util.find_spec(name) for name in ("ensurepip", "venv"))
print(json.dumps([sys.executable, "%d.%d" % sys.version_info[:2], has_venv]))
"""


OWNER = "Are the folder and ~/.cache yours? `sudo` was perhaps used once"
FIRST_TIME = {"cpu": "about 1.5 GB: 2 to 15 minutes", "gpu": "about 6 GB: 5 to 30 minutes"}


EXPLANATIONS = (  # what an installer prints, and what it means; the first that fits
    (r"No space left|os error 28", "the disk is full. Free some space and run this again"),
    (r"Permission denied|os error 13", f"a file may not be written. {OWNER}"),
    (
        r"certificate|UnknownIssuer",
        "the package source's certificate is not trusted. Behind a proxy with its own, set SSL_CERT_FILE to "
        "the proxy's certificate bundle",
    ),
    (
        r"dns error|[Cc]onnect|timed out|Name or service|resolve host|sending request|failure in name",
        "the package source cannot be reached. Is there a network here? Behind a proxy, set HTTPS_PROXY; for "
        "a mirror, `pip config set global.index-url …`. What was downloaded is kept",
    ),
    (
        r"[Hh]ash mismatch|DO NOT MATCH THE HASHES",
        "a downloaded file is not the one on the list: a broken download, or a mirror that changed it. Run "
        "this again; if it stays, report it",
    ),
    (
        r"ensurepip",
        "this Python cannot make virtual environments. On Debian: `sudo apt-get install python3-venv`",
    ),
    (
        r"no version of|not found in the package|no wheels",
        "the package sources configured here lack a package",
    ),
)


class SetupError(Exception):
    """What went wrong and how to mend it, in words for a person."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Make .venv for this machine.")
    parser.add_argument("--dev", action="store_true", help="also what the tests and checks need")
    parser.add_argument("--image", action="store_true", help="the pinned packages alone")
    options = parser.parse_args()
    try:
        with exclusively():
            set_up(dev=options.dev, image=options.image)
    except SetupError as error:
        sys.exit(f"\nset-up failed: {error}")
    except PermissionError as error:
        sys.exit(f"\nset-up failed: no permission for {error.filename}. {OWNER}")
    except OSError as error:
        if error.errno != 28:
            raise
        sys.exit(f"\nset-up failed: the disk of {ROOT} is full. Free some space and run this again")
    except KeyboardInterrupt:
        sys.exit("\nset-up interrupted. Run it again: it starts afresh, and what was downloaded is kept")


def set_up(*, dev: bool, image: bool) -> None:
    variant = choose_variant()
    lists = [variant] if image else [variant, "models"]
    wanted = {name: digest(name) for name in [*lists, *(["dev"] if dev else [])]}
    state = read_stamp()
    complete = bool(state.get("complete")) and python_in(VENV).exists() and state.get("root") == str(ROOT)
    installed = state.get("lists", {}) if complete else {}
    project = None if image else hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    missing = [name for name, value in wanted.items() if installed.get(name) != value]
    if not missing and (image or state.get("project") == project):
        return

    started = time.monotonic()
    other = {"cpu", "gpu"} & set(installed) - {variant}
    if (
        not installed or other or any(name in installed for name in missing)
    ):  # nothing there, or lists changed
        check_machine()
        base = find_python()
        check_disk(variant)
        print(f"Setting up {VENV} with {base[0]} for {variant.upper()}.")
        print(f"The first time this downloads {FIRST_TIME[variant]}.", flush=True)
        make_venv(base[0])
        installed, missing = {}, list(wanted)
    write_stamp(complete=False, lists=installed)
    if not installed:
        print("[1/3] the installer", flush=True)
        run(
            [
                python_in(VENV),
                *("-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r"),
                LISTS / "uv.txt",
            ]
        )
    print(f"[2/3] the packages: {', '.join(missing)}", flush=True)
    for name in missing:
        install(name)
    if not image:
        print("[3/3] Simurgh itself", flush=True)
        uv("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    verify()
    write_stamp(complete=True, lists={**installed, **wanted}, project=project)
    print(f"Set-up took {time.monotonic() - started:.0f} s.", flush=True)


# What is there already -------------------------------------------------------------------------------


@contextlib.contextmanager
def exclusively():
    """Two set-ups at once would undo each other: the second waits for the first."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up of this folder is running: waiting for it.", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def digest(name):
    parts = [(LISTS / f"{name}.txt").read_bytes()]
    if name in ("cpu", "gpu"):
        parts.append((LISTS / "uv.txt").read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_stamp():
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(**state) -> None:
    part = STAMP.with_suffix(".part")
    part.write_text(json.dumps({"root": str(ROOT), **state}, indent=1))
    os.replace(part, STAMP)


def python_in(venv: Path) -> Path:
    return venv / "bin" / "python"


# This machine ----------------------------------------------------------------------------------------


def choose_variant() -> str:
    variant = os.environ.get("SIMURGH_VARIANT", "")
    if variant:
        if variant not in ("cpu", "gpu"):
            raise SetupError(f"SIMURGH_VARIANT is {variant!r}; it may be `cpu` or `gpu`")
        return variant
    tool = shutil.which("nvidia-smi")
    if tool:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if subprocess.run([tool, "-L"], capture_output=True, timeout=30).returncode == 0:
                return "gpu"
    return "cpu"


def check_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    machine = platform.machine()
    if sys.platform != "linux" or machine != "x86_64":
        raise SetupError(
            f"the pinned packages are for Linux on x86_64, and this is {sys.platform} on {machine}. "
            "Use a Linux machine, WSL 2 or a virtual machine"
        )
    with contextlib.suppress(OSError):
        if not re.search(r"^flags\s*:.*\bavx2\b", cpuinfo.read_text(), re.M):
            raise SetupError(
                "this processor has no AVX2, which vLLM and FAISS need. Any x86_64 processor since about "
                "2015 has it; in a virtual machine, show the guest the host's processor (QEMU: `-cpu host`)"
            )


def find_python():
    """The interpreter to build on, as (path, version): shims that do not run are passed over."""
    names = [f"python{version}" for version in PYTHONS] + ["python3", "python"]
    paths = [
        Path(folder) / name
        for name in names
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if folder
    ]
    seen, found = set(), []
    for path in [Path(sys.executable), *paths]:
        if path in seen or not os.access(path, os.X_OK) or path.is_relative_to(VENV):
            continue
        seen.add(path)
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            out = subprocess.run(
                [path, "-c", PROBE], capture_output=True, text=True, timeout=20, check=True
            ).stdout
            found.append(json.loads(out))
        if found and found[-1][1:] == [PYTHONS[0], True]:
            break
    for version in PYTHONS:
        for executable, its_version, has_venv in found:
            if its_version == version and has_venv:
                return executable, version
    for executable, version, _ in found:
        if version in PYTHONS:
            raise SetupError(
                f"{executable} cannot make virtual environments: its venv module is missing. "
                f"On Debian or Ubuntu: `sudo apt-get install python{version}-venv`"
            )
    raise SetupError(
        f"Python {' or '.join(PYTHONS)} is needed, and here is {sorted({item[1] for item in found})}: the "
        "pinned packages have no files for other versions. Install one, for example `sudo apt-get install "
        "python3.11 python3.11-venv` or `uv python install 3.11`, and have it on the PATH"
    )


def check_disk(variant: str) -> None:
    free = shutil.disk_usage(ROOT).free / 2**30
    if VENV.exists() or free >= DISK_GIB[variant]:
        return
    raise SetupError(
        f"{free:.1f} GiB are free on the disk of {ROOT}; the set-up needs about {DISK_GIB[variant]}. Free "
        "some space or move the folder to a larger disk"
    )


# Installing ------------------------------------------------------------------------------------------


def make_venv(base: str) -> None:
    if VENV.exists():
        if not STAMP.exists() and any(VENV.iterdir()):
            raise SetupError(
                f"{VENV} was not made by this set-up. Move it away or delete it, and run this again"
            )
        shutil.rmtree(VENV)
    VENV.mkdir()
    write_stamp(complete=False)
    run([base, "-m", "venv", VENV])


def install(name: str) -> None:
    source = LISTS / f"{name}.txt"
    if name != "cpu":
        uv("install", "--no-deps", "--require-hashes", "-r", str(source))
        return
    # PyTorch's CPU build is in few package sources: ask those configured here first, then PyTorch's own.
    # The latter's files differ by Python version, so there its TLS and the exact version must do.
    entries = re.split(r"^(?=[a-z0-9])", source.read_text(), flags=re.M)
    torch = [entry for entry in entries if entry.startswith("torch==")]
    rest = [entry for entry in entries if not entry.startswith("torch==")]
    part = VENV / "list.txt"
    part.write_text("".join(torch))
    try:
        uv("install", "--no-deps", "--require-hashes", "-r", str(part), quiet=True)
    except SetupError:
        version = torch[0].split()[0]
        print(
            f"      {version} is not in the package sources configured here; asking PyTorch's own", flush=True
        )
        uv("install", "--no-deps", "--default-index", PYTORCH_CPU, version)
    part.write_text("".join(rest))
    uv("install", "--no-deps", "--require-hashes", "-r", str(part))


def package_sources(python: Path):
    """pip's index, wheels and certificates as options and environment for uv, which does not ask pip."""
    out = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    settings = {}
    for line in out.splitlines():
        key, _, value = line.partition("=")
        if (
            key.startswith(":env:") or key.rsplit(".", 1)[-1] not in settings
        ):  # the environment has the last word
            settings[key.rsplit(".", 1)[-1]] = value.strip("'\"")
    options, environment = [], {**os.environ, "UV_HTTP_TIMEOUT": os.environ.get("UV_HTTP_TIMEOUT", "180")}
    for place in settings.get("find-links", "").replace("\\n", " ").split():
        if "://" in place or Path(place).is_dir():
            options += ["--find-links", place]
    if "index-url" in settings:
        environment.setdefault("UV_DEFAULT_INDEX", settings["index-url"])
    if "cert" in settings:
        environment.setdefault("SSL_CERT_FILE", settings["cert"])
    return options, environment


def uv(command: str, *arguments: str, quiet: bool = False) -> None:
    options, environment = package_sources(python_in(VENV))
    if not sys.stdout.isatty():
        options.append("--quiet")  # a log needs no list of packages
    run(
        [VENV / "bin" / "uv", "pip", command, "--python", python_in(VENV), *options, *arguments],
        environment,
        quiet,
    )


def run(command, environment=None, quiet: bool = False) -> None:
    """Run and show a command; a failure becomes a SetupError in plain words."""
    command = [str(part) for part in command]
    environment = {**(environment or os.environ)}
    environment.pop("VIRTUAL_ENV", None)
    kept = []

    def keep(data: bytes) -> bytes:
        kept.append(data)
        del kept[:-200]
        return data

    if sys.stdout.isatty() and not quiet:  # a terminal of its own, so that the progress bars show
        os.environ.update(environment)
        code = os.waitstatus_to_exitcode(pty.spawn(command, lambda fd: keep(os.read(fd, 4096))))
    else:
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as child:
            for line in child.stdout:
                keep(line)
                if not quiet:
                    sys.stdout.write(line.decode(errors="replace"))
                    sys.stdout.flush()
            code = child.wait()
    if code in (130, -2):
        raise KeyboardInterrupt
    if code:
        raise SetupError(explain(b"".join(kept).decode(errors="replace"), command, shown=not quiet))


def explain(output: str, command, *, shown: bool) -> str:
    details = "" if shown else "\n" + output.strip()[-2000:]
    for pattern, words in EXPLANATIONS:
        if re.search(pattern, output):
            return words + details
    return f"`{' '.join(command[:4])} …` did not succeed{details}"


def verify() -> None:
    """Packages with compiled parts load: a missing system library shows here, not at the first start."""
    done = subprocess.run([python_in(VENV), "-c", "import torch, faiss"], capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise SetupError(
            f"the packages are installed but do not load: {''.join(last)}. If a library lib….so is named, "
            "install it, on Debian or Ubuntu `sudo apt-get install libgomp1 libnuma1`"
        )


if __name__ == "__main__":
    main()
