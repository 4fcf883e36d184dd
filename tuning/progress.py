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


class Progress:
    def __init__(self, work: Workspace) -> None:
        self._work = work

    def of(self, stage: Stage) -> "TrainerCallback":
        from transformers import TrainerCallback

        work = self._work

        class Told(TrainerCallback):
            def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
                figures = {
                    name: round(float(logs[key]), 6)
                    for key, name in TOLD.items()
                    if key in logs and math.isfinite(float(logs[key]))
                }
                if figures:
                    work.tell(
                        at=round(time.time(), 2),
                        stage=stage,
                        step=state.global_step,
                        steps=state.max_steps,
                        **figures,
                    )

            def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                work.tell(at=round(time.time(), 2), stage=stage, checkpoint=state.global_step)

        return Told()
