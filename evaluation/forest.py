"""Means with their intervals, one under the other, as SVG."""

from dataclasses import dataclass
from html import escape

from evaluation.metrics import Estimate
from evaluation.plots import COLOURS

WIDTH, LEFT, RIGHT, TOP, STEP, BOTTOM = 560, 120, 60, 34, 26, 34
TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Forest:
    title: str
    rows: tuple[tuple[str, Estimate], ...]  # name, 0..1

    def svg(self) -> str:
        height = TOP + STEP * len(self.rows) + BOTTOM
        bottom = height - BOTTOM
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(self.title)}">',
            f'<text x="{LEFT}" y="18" class="title">{escape(self.title)}</text>',
        ]
        for tick in range(TICKS + 1):
            at = _x(tick / TICKS)
            parts += [
                f'<line x1="{at}" y1="{TOP}" x2="{at}" y2="{bottom}" class="grid"/>',
                f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{tick / TICKS:.2g}</text>',
            ]
        for number, (name, value) in enumerate(self.rows):
            y, colour = TOP + STEP * (number + 0.5), COLOURS[number % len(COLOURS)]
            parts += [
                f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(name)}</text>',
                f'<line x1="{_x(value.low)}" y1="{y}" x2="{_x(value.high)}" y2="{y}" stroke="{colour}" '
                f'stroke-width="3"/>',
                f'<circle cx="{_x(value.mean)}" cy="{y}" r="5" fill="{colour}"/>',
                f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4}">{value.mean:.2f}</text>',
            ]
        return "\n".join([*parts, "</svg>"])


def _x(value: float) -> float:
    return round(LEFT + min(1.0, max(0.0, value)) * (WIDTH - LEFT - RIGHT), 1)
