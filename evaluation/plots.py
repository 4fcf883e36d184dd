"""Line plots as SVG that needs nothing else, in colours that hold on light and on dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 56, 170, 34, 44  # room for labels and the legend
COLOURS = ("#0b7a75", "#d1495b", "#7d5ba6", "#e08e1b", "#4a7dd0", "#6b8f3a", "#9a6a4f", "#777777")
TICKS = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    name: str
    points: tuple[tuple[float, float], ...]
    marked: bool = False  # a dot at each point
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Plot:
    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    x_ticks: int = TICKS

    def svg(self) -> str:
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">',
            f'<text x="{LEFT}" y="18" class="title">{escape(self.title)}</text>',
            *self._axes(),
        ]
        for number, line in reversed(list(enumerate(self.lines))):  # the first on top
            parts += self._line(line, COLOURS[number % len(COLOURS)], number)
        return "\n".join([*parts, "</svg>"])

    def _axes(self) -> list[str]:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = []
        for x in _ticks(self.x_range, self.x_ticks):
            at = self._x(x)
            parts += [
                f'<line x1="{at}" y1="{TOP}" x2="{at}" y2="{bottom}" class="grid"/>',
                f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{x:.2g}</text>',
            ]
        for y in _ticks(self.y_range, TICKS):
            at = self._y(y)
            parts += [
                f'<line x1="{LEFT}" y1="{at}" x2="{right}" y2="{at}" class="grid"/>',
                f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{y:.2g}</text>',
            ]
        middle = (TOP + bottom) / 2
        return [
            *parts,
            f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
            f"{escape(self.x_label)}</text>",
            f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">'
            f"{escape(self.y_label)}</text>",
        ]

    def _line(self, line: Line, colour: str, number: int) -> list[str]:
        points = [(self._x(x), self._y(y)) for x, y in line.points]
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        path = " ".join(f"{x},{y}" for x, y in points)
        at = TOP + 10 + 18 * number
        legend = WIDTH - RIGHT + 12
        parts = [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>',
            f'<line x1="{legend}" y1="{at}" x2="{legend + 18}" y2="{at}" stroke="{colour}" '
            f'stroke-width="3"{dash}/>',
            f'<text x="{legend + 24}" y="{at + 4}">{escape(line.name)}</text>',
        ]
        if line.marked:
            parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in points]
        return parts

    def _x(self, value: float) -> float:
        return round(LEFT + _share(value, self.x_range) * (WIDTH - LEFT - RIGHT), 1)

    def _y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - _share(value, self.y_range) * (HEIGHT - TOP - BOTTOM), 1)


def _ticks(bounds: Sequence[float], count: int) -> list[float]:
    low, high = bounds
    return [low + (high - low) * one / count for one in range(count + 1)]


def _share(value: float, bounds: Sequence[float]) -> float:
    low, high = bounds
    return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0
