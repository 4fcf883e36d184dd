"""Whether an adapter may be served: it must still know what the base knew; no gain is said plainly. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

FORGOTTEN = 2.0  # points of general accuracy that it may lose
ENDS = 0.95  # share of its answers that must end by themselves
GAIN = 0.99  # of the base's perplexity on the target: what is above is no gain


@dataclass(frozen=True, kw_only=True)
class Verdict:
    passed: bool
    reasons: tuple[str, ...]  # each a sentence
    code: str | None = None  # of the first that it failed by


def verdict(figures: Mapping[str, float]) -> Verdict:
    """``figures``: those of an Outcome."""
    lost = 100 * (figures["general_accuracy_base"] - figures["general_accuracy"])
    gained = figures["target_perplexity"] / figures["target_perplexity_base"]
    told, failed = [], []
    if lost > FORGOTTEN:
        failed.append("forgetting")
        told.append(
            f"it forgot: {lost:.1f} points of general accuracy are lost, and {FORGOTTEN:g} are allowed. "
            "Train for fewer epochs, at a lower learning rate, or with more `replay`"
        )
    else:
        told.append(f"it kept what the base knew: {max(0.0, lost):.1f} points of general accuracy are lost")
    if figures["ended"] < ENDS:
        failed.append("does_not_end")
        told.append(
            f"only {figures['ended']:.0%} of its answers end by themselves ({ENDS:.0%} are asked): look for "
            "answers in the examples that are cut"
        )
    told.append(
        f"perplexity of the answers that validate: {figures['target_perplexity_base']:.2f} of the base, "
        f"{figures['target_perplexity']:.2f} now"
        + (": there is no gain, and the base serves as well" if gained > GAIN else "")
    )
    return Verdict(passed=not failed, reasons=tuple(told), code=failed[0] if failed else None)
