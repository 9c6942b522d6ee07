"""Cost against size as an SVG: a line for each contender, in the same colour everywhere, both
axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 700, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 180, 36, 44
_COLOURS = {
    "Git Pool": "#2563eb",
    "Git Pool, fresh process": "#1e3a8a",
    "Git Pool, again": "#2563eb",
    "C git": "#dc2626",
    "pygit2": "#d97706",
    "dulwich": "#7c3aed",
    "floor": "#6b7280",
}

Points = Sequence[tuple[float, float]]


def plot(title: str, across: str, lines: Mapping[str, Points]) -> str:
    """The SVG. across: what the horizontal axis counts. lines: (size, seconds) of each."""
    lines = {name: points for name, points in lines.items() if points}
    sizes = [size for points in lines.values() for size, _ in points]
    costs = [cost for points in lines.values() for _, cost in points]
    horizontal = _Axis(min(sizes), max(sizes), _LEFT, _WIDTH - _RIGHT)
    low, high = 10 ** math.floor(math.log10(min(costs))), 10 ** math.ceil(math.log10(max(costs)))
    vertical = _Axis(low, high, _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 20, title, weight="bold"),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, across, "middle"),
    ]
    cost = low
    while cost <= high * 1.001:
        y = vertical.at(cost)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#e5e7eb"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{cost:g} s", "end"))
        cost *= 10
    for size in sorted(set(sizes)):
        parts.append(_text(horizontal.at(size), _HEIGHT - 26, f"{size:,.0f}", "middle"))
    ends = _spread([vertical.at(points[-1][1]) for points in lines.values()])
    for (name, points), end in zip(lines.items(), ends, strict=True):
        colour = _COLOURS[name]
        places = [(horizontal.at(size), vertical.at(cost)) for size, cost in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(places[-1][0] + 8, end + 4, name, colour=colour))
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self._low = math.log10(low)
        self._span = (math.log10(high) - self._low) or 1.0
        self._begin, self._length = begin, end - begin

    def at(self, value: float) -> float:
        return self._begin + self._length * (math.log10(value) - self._low) / self._span


def _spread(places: Sequence[float]) -> list[float]:
    """The same places, far enough apart for a word at each."""
    order = sorted(range(len(places)), key=lambda number: places[number])
    found, last = list(places), -math.inf
    for number in order:
        found[number] = last = max(places[number], last + 14)
    return found


def _text(
    x: float, y: float, text: str, anchor: str = "start", weight: str = "", colour: str = "#111"
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}{bold}>{escape(text)}</text>"
