"""Curves on two logarithmic axes as SVG, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

Curve = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 860, 520
FONT = 'font-family="sans-serif" font-size="12"'
LEFT, RIGHT, TOP, BOTTOM = 64, 260, 24, 52
COLOURS: Final = ("#1b6ca8", "#c8553d", "#3c8d53", "#8a4f9e", "#b8860b")
DASHES: Final = ("", "7 4", "2 4")


def log_plot(
    curves: Mapping[str, Curve], styles: Mapping[str, tuple[int, int]], x_label: str, y_label: str, guide: float
) -> str:
    """An SVG document.

    Args:
        curves: points (both coordinates above 0) by the name in the legend.
        styles: colour's and dash's number of each.
        x_label: what is to the right.
        y_label: what is upwards.
        guide: the slope of a grey line for comparison, ending in the upper right corner.
    """
    points = [point for curve in curves.values() for point in curve]
    area = _Area(points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *area.grid(),
        *area.guide(guide),
    ]
    for row, (name, curve) in enumerate(curves.items()):
        colour, dash = styles[name]
        look = f'stroke="{COLOURS[colour % len(COLOURS)]}" stroke-dasharray="{DASHES[dash % len(DASHES)]}"'
        line = " ".join(f"{area.x(x):.1f},{area.y(y):.1f}" for x, y in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke-width="1.8" {look}/>')
        at = TOP + 10 + 18 * row
        parts.append(f'<line x1="{WIDTH - RIGHT + 14}" x2="{WIDTH - RIGHT + 44}" y1="{at}" y2="{at}" '
                     f'stroke-width="1.8" {look}/>')  # fmt: skip
        parts.append(f'<text x="{WIDTH - RIGHT + 50}" y="{at + 4}">{name}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{x_label}</text>')
    half = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text x="16" y="{half}" text-anchor="middle" transform="rotate(-90 16 {half})">{y_label}</text>')
    return "\n".join([*parts, "</svg>", ""])


class _Area:
    """From values to places on the drawing."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self.low_x, self.high_x = min(x for x, _ in points), max(x for x, _ in points)
        self.low_y = 10 ** math.floor(math.log10(min(y for _, y in points)))
        self.high_y = 10 ** math.ceil(math.log10(max(y for _, y in points)))

    def x(self, value: float) -> float:
        part = math.log(value / self.low_x) / math.log(self.high_x / self.low_x)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        part = math.log(value / self.low_y) / math.log(self.high_y / self.low_y)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    def grid(self) -> list[str]:
        parts = []
        value = self.low_x
        while value <= self.high_x:
            at = self.x(value)
            parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
            parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value:g}</text>')
            value *= 2
        value = self.low_y
        while value <= self.high_y * 1.001:
            at = self.y(value)
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>')
            value *= 10
        return parts

    def guide(self, slope: float) -> list[str]:
        """A line of this slope that ends in the upper right corner."""
        start = max(self.low_x, self.high_x / (self.high_y / self.low_y) ** (1 / slope))
        begin = self.high_y * (start / self.high_x) ** slope
        x1, y1, x2, y2 = self.x(start), self.y(begin), self.x(self.high_x), self.y(self.high_y)
        return [
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#999"/>',
            f'<text x="{x2 - 6:.1f}" y="{y2 + 14:.1f}" text-anchor="end" fill="#777">slope {slope:g}</text>',
        ]
