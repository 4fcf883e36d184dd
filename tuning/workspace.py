"""The folder of one training: what is to be done, how far it is, and what came of it.

    task.json               the task
    train.jsonl             examples, normalised
    validation.jsonl
    general.jsonl           rows that hold off forgetting, made by the base once the training begins
    general-judged.jsonl    others, to tell by what was forgotten
    events.jsonl            progress, a line each
    checkpoints/sft, dpo    to go on from
    adapter/                in PEFT's format; complete as soon as it is there
    answers.jsonl           what base and adapter answered to what validates
    scores.json             and how that was scored
    outcome.json            the last to be written: how it ended

A training that ended without an outcome goes on from its last checkpoint when it is run again.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from evaluation.judging.rows import Row, dump, read
from evaluation.judging.scores import Scores
from indexes.durable import sync
from tuning.plan import Plan
from tuning.records import Example

Stage = Literal["sft", "dpo"]
EXAMPLES = TypeAdapter(Example)
TRAIN, VALIDATION = "train.jsonl", "validation.jsonl"
GENERAL, GENERAL_JUDGED = "general.jsonl", "general-judged.jsonl"
ANSWERS, SCORES = "answers.jsonl", "scores.json"


@dataclass(frozen=True, kw_only=True)
class Task:
    weights: Path  # of the base, absolute
    base: str  # its id
    plan: Plan
    modules: tuple[str, ...] = ()  # that are trained; none: all projections
    device: Literal["cpu", "cuda"] = "cpu"
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    status: Literal["succeeded", "failed", "cancelled"]
    code: str | None = None  # of the failure
    message: str | None = None
    figures: dict[str, float] | None = None  # of the training: seconds, tokens, losses, …


class Workspace:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def events_file(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def checkpoints(self, stage: Stage) -> Path:
        return self.folder / "checkpoints" / stage

    def begin(self, task: Task, train: Sequence[Example], validation: Sequence[Example]) -> None:
        """Raises FileExistsError if a training has begun here before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / "task.json").exists():
            raise FileExistsError(f"{self.folder} holds a training already")
        self.write_examples(TRAIN, train)
        self.write_examples(VALIDATION, validation)
        self.change(task)

    def task(self) -> Task:
        return TypeAdapter(Task).validate_json((self.folder / "task.json").read_bytes())

    def change(self, task: Task) -> None:
        _write(self.folder / "task.json", TypeAdapter(Task).dump_json(task, indent=2))

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def examples(self, name: str) -> list[Example]:
        with (self.folder / name).open("rb") as lines:
            return [EXAMPLES.validate_json(line) for line in lines]

    def write_examples(self, name: str, examples: Sequence[Example]) -> None:
        _write(self.folder / name, b"".join(EXAMPLES.dump_json(one) + b"\n" for one in examples))

    def write_scores(self, rows: Sequence[Row], scores: Scores) -> None:
        _write(self.folder / ANSWERS, dump(rows))
        _write(self.folder / SCORES, TypeAdapter(Scores).dump_json(scores, indent=2))

    def scores(self) -> tuple[Scores, list[Row]] | None:
        """With the answers; None where none were judged."""
        if not self.has(SCORES):
            return None
        found = TypeAdapter(Scores).validate_json((self.folder / SCORES).read_bytes())
        return found, read(self.folder / ANSWERS)

    def tell(self, **event: Any) -> None:
        """Add a line to the events; a reader sees it at once."""
        line = json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        with self.events_file.open("a", encoding="utf-8") as file:
            file.write(line)

    def events(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """Those beyond the first ``after``. A last line that is being written is left for the next time."""
        if not self.events_file.exists():
            return
        with self.events_file.open(encoding="utf-8") as file:
            for number, line in enumerate(file):
                if number >= after and line.endswith("\n"):
                    yield json.loads(line)

    def outcome(self) -> Outcome | None:
        try:
            return TypeAdapter(Outcome).validate_json((self.folder / "outcome.json").read_bytes())
        except FileNotFoundError:
            return None

    def end(self, outcome: Outcome) -> None:
        _write(self.folder / "outcome.json", json.dumps(asdict(outcome), indent=2).encode())

    def forget_outcome(self) -> None:
        (self.folder / "outcome.json").unlink(missing_ok=True)

    def last_checkpoint(self, stage: Stage) -> Path | None:
        """The newest that was written whole: its state is the last of its files."""
        found = [
            one
            for one in self.checkpoints(stage).glob("checkpoint-*")
            if (one / "trainer_state.json").exists() and one.name.rpartition("-")[2].isdigit()
        ]
        return max(found, key=lambda one: int(one.name.rpartition("-")[2]), default=None)


def _write(path: Path, content: bytes) -> None:
    """The whole content or what was there before, also after a power cut."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_bytes(content)
    sync(unfinished)
    unfinished.rename(path)
    sync(path.parent)
