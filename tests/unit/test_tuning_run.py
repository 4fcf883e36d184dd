"""How a training that ends badly is told: by a program that stands in for it."""

import os
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.support.training import examples, task
from tuning import run as module
from tuning.run import run
from tuning.workspace import Outcome, Workspace

HEAD = "import os, signal, sys, time; from pathlib import Path; folder = Path(sys.argv[1]); "


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "work")
    made.begin(task(tmp_path), examples(4), examples(1))
    return made


def stand_in(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(module, "PROGRAM", (sys.executable, "-c", HEAD + code))
    monkeypatch.setattr(module, "POLL", 0.02)


def test_its_events_are_told_once_and_its_outcome_is_given(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(
        monkeypatch,
        '(folder / \'events.jsonl\').write_text(\'{"step": 1}\\n{"step": 2}\\n{"st\'); '
        "(folder / 'outcome.json').write_text('{\"status\": \"succeeded\"}')",
    )
    told: list[object] = []
    assert run(work, tell=told.append) == Outcome(status="succeeded")
    assert told == [{"step": 1}, {"step": 2}], "a line that is not whole is none yet"


@pytest.mark.parametrize(
    ("code", "expected", "message"),
    [
        ("sys.exit('OSError: [Errno 28] No space left on device')", "storage_full", "make room"),
        ("sys.exit('no such thing as a gradient')", "training_died", "no such thing as a gradient"),
    ],
)
def test_how_it_died(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, code: str, expected: str, message: str
) -> None:
    stand_in(monkeypatch, code)
    outcome = run(work)
    assert (outcome.status, outcome.code) == ("failed", expected)
    assert outcome.message is not None
    assert message in outcome.message
    assert work.outcome() == outcome


def test_out_of_memory_is_tried_once_more_with_half(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "open(folder / 'tries', 'a').write('x'); os.kill(os.getpid(), signal.SIGKILL)")
    outcome = run(work)
    assert (outcome.status, outcome.code) == ("failed", "out_of_memory")
    assert (work.folder / "tries").read_text() == "xx"
    assert work.task().plan.at_once == 2, "of 4"
    assert "out of memory" in next(work.events())["note"]


def test_where_half_is_not_possible_less_is_kept(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "os.kill(os.getpid(), signal.SIGKILL)")
    work.change(task(Path("base"), at_once=1))
    run(work)
    assert work.task().plan.gradient_checkpointing
    work.change(task(Path("base"), at_once=1, gradient_checkpointing=True))
    seen = len([*work.events()])
    assert run(work).code == "out_of_memory"
    assert len([*work.events()]) == seen, "there was nothing to try"


NO_NUMBER = (
    "from tuning.workspace import Outcome, Workspace; open(folder / 'tries', 'a').write('x'); "
    "Workspace(folder).end(Outcome(status='failed', code='nan_loss', message='nan'))"
)


@pytest.mark.parametrize(("method", "tries"), [("qlora", "xx"), ("lora", "x")])
def test_what_is_no_number_in_four_bits_is_tried_once_more(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, method: str, tries: str
) -> None:
    stand_in(monkeypatch, NO_NUMBER)
    work.change(task(Path("base"), method=method))
    assert run(work).code == "nan_loss"
    assert (work.folder / "tries").read_text() == tries


def test_it_is_cancelled_with_all_that_it_started(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        monkeypatch,
        "import subprocess; signal.signal(signal.SIGTERM, signal.SIG_DFL); "
        "child = subprocess.Popen(['sleep', '60']); "
        "(folder / 'events.jsonl').write_text(f'{{\"pid\": {child.pid}}}\\n'); time.sleep(60)",
    )
    cancelled, told = threading.Event(), list[int]()

    def tell(event: object) -> None:
        told.append(event["pid"])  # type: ignore[index]
        cancelled.set()

    assert run(work, tell=tell, cancelled=cancelled).status == "cancelled"
    [pid] = told
    gone, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE], gone


def test_it_does_not_outlive_who_wanted_it(work: Workspace, tmp_path: Path) -> None:
    """Its parent's number is another: the parent has gone, and nothing is done."""
    done = psutil.Popen([sys.executable, "-m", "tuning.train", str(work.folder), str(os.getpid() + 1), "0"])
    assert done.wait(120) == 0
    assert work.outcome() is None


def test_a_folder_holds_one_training(work: Workspace, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        work.begin(task(tmp_path), examples(1), examples(1))
