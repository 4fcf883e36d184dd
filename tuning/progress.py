"""What a trainer tells while it runs, as lines of the workspace's events."""

import math
import time
from typing import TYPE_CHECKING, Any

from tuning.workspace import Stage, Workspace

if TYPE_CHECKING:
    from transformers import TrainerCallback

TOLD = {
    "loss": "loss",
    "eval_loss": "validation_loss",
    "learning_rate": "learning_rate",
    "mean_token_accuracy": "token_accuracy",
    "eval_mean_token_accuracy": "validation_token_accuracy",
    "rewards/accuracies": "reward_accuracy",
    "eval_rewards/accuracies": "validation_reward_accuracy",
    "num_tokens": "tokens",
}


def telling(work: Workspace, stage: Stage) -> "TrainerCallback":
    """Figures as they are logged, and each checkpoint with those of its step."""
    from transformers import TrainerCallback

    class Told(TrainerCallback):
        def __init__(self) -> None:
            self._figures: dict[str, float] = {}
            self._step = -1

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            figures = {
                name: round(float(logs[key]), 6)
                for key, name in TOLD.items()
                if key in logs and math.isfinite(float(logs[key]))
            }
            if self._step != state.global_step:
                self._step, self._figures = state.global_step, {}
            self._figures |= figures
            if figures:
                work.tell(**self._head(state), steps=state.max_steps, **figures)

        def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            figures = self._figures if self._step == state.global_step else {}
            work.tell(**self._head(state), checkpoint=state.global_step, figures=figures)

        def _head(self, state: Any) -> dict[str, Any]:
            return {"at": round(time.time(), 2), "stage": stage, "step": state.global_step}

    return Told()
