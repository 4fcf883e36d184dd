"""What a check needs of the base and of the machine, found once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import models
from app.settings import Settings
from app.tokens import LocalTokenCounter
from indexes.errors import Unavailable
from indexes.language import LanguageDetector
from tuning.check import Checked, check
from tuning.machine import base_of, hardware
from tuning.paraphrases import Embed
from tuning.plan import Goal


class Prepared:
    def __init__(self, settings: Settings) -> None:
        """Raises InvalidRequest where the base is no folder with weights, OSError."""
        source = models.generator_source(settings)
        self.weights = Path(source.model)
        self.counter = LocalTokenCounter(self.weights)
        self.base = base_of(self.weights, source.id, settings, self.counter)
        self.hardware = hardware(settings)
        self._embed = _embedder(settings)

    def checked(
        self,
        training: Path,
        validation: Path | None,
        *,
        goal: Goal,
        force: bool,
        changes: Mapping[str, Any],
    ) -> Checked:
        """Raises InvalidTrainingFile, TooFewExamples, InvalidRequest, OSError."""
        return check(
            training,
            validation,
            base=self.base,
            weights=self.weights,
            hardware=self.hardware,
            counter=self.counter,
            language=LanguageDetector().detect,
            goal=goal,
            force=force,
            changes=changes,
            embed=self._embed,
        )


def _embedder(settings: Settings) -> Embed | None:
    """The service's own, where it is ready here."""
    try:
        return models.build_embedder(settings).embed_passages
    except Unavailable:
        return None
