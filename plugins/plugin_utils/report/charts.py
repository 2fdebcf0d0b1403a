# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings as SVG elements with classes; the page's style sheet gives them colours, so they follow light and dark.

Texts go through Markup.format, which escapes them. Nothing has a style attribute: the page's policy forbids it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from . import moments
from .changes import Change
from .timeline import Timeline

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 24, 26
"""Margins of the line, in units of its view box."""
_MARKS = 12
"""Policy changes that are drawn; the table below has all."""
_LABEL = 30
"""Characters of a label."""


def line(timeline: Timeline, changes: Sequence[Change], width: int, height: int, name: str) -> Markup:
    """Return rejected flows (solid) and new destinations (dashed) over time. name: prefix of its ids."""
    top = _nice(max((*timeline.flows, *timeline.new)))
    inner, floor = width - _LEFT - _RIGHT, height - _BOTTOM
    size = max(1, len(timeline.flows) - 1)

    def x(bucket: float) -> float:
        return _LEFT + bucket * inner / size

    def y(value: float) -> float:
        return floor - value * (floor - _TOP) / top

    def path(values: Sequence[int]) -> str:
        return "M" + "L".join(f"{x(number):.1f} {y(value):.1f}" for number, value in enumerate(values))

    parts = [
        Markup(
            '<svg role="img" aria-labelledby="{0}-t {0}-d" viewBox="0 0 {1} {2}" class="{0}">'
            '<title id="{0}-t">Flows rejected and destinations new, over time</title>'
            '<desc id="{0}-d">At most {3} flows at once; {4} policy changes are marked. The table below has the same '
            "figures by day.</desc>"
        ).format(name, width, height, max(timeline.flows), len(changes))
    ]
    for quarter in range(5):
        value = top * quarter / 4
        parts.append(
            Markup(
                '<path class="grid" d="M{0} {1:.1f}H{2}"/><text class="axis end" x="{3}" y="{4:.1f}">{5:g}</text>'
            ).format(_LEFT, y(value), width - _RIGHT, _LEFT - 6, y(value) + 4, value)
        )
    labels = 4 if width < 500 else 8
    for number in range(labels):
        bucket = size * number / labels
        moment = timeline.start + bucket * timeline.step
        parts.append(
            Markup('<text class="axis" x="{:.1f}" y="{}">{}</text>').format(x(bucket), height - 8, moments.day(moment))
        )
    area = f"{path(timeline.flows)}L{x(size):.1f} {floor}L{x(0):.1f} {floor}Z"
    parts.append(
        Markup('<path class="area" d="{}"/><path class="rejected" d="{}"/><path class="new" d="{}"/>').format(
            area, path(timeline.flows), path(timeline.new)
        )
    )
    for change, number in marks(timeline, changes):
        place = x((change.when - timeline.start) / timeline.step)
        parts.append(
            Markup(
                '<path class="mark" d="M{0:.1f} {1}V{2}"/><text class="axis mid" x="{0:.1f}" y="{3}">{4}</text>'
            ).format(place, _TOP - 6, floor, _TOP - 10, number)
        )
    return Markup("").join((*parts, Markup("</svg>")))


def marks(timeline: Timeline, changes: Sequence[Change]) -> list[tuple[Change, int]]:
    """Return the changes that are drawn, the latest ones, each with its number. changes: the latest first."""
    drawn = [change for change in changes if change.when >= timeline.start][:_MARKS]
    return [(change, number) for number, change in enumerate(reversed(drawn), 1)]


def bars(values: Sequence[int], label: str) -> Markup:
    """Return small bars, the latest on the right."""
    top, width = max((*values, 1)), max(len(values), 1) * 11
    rects = [
        Markup('<rect x="{}" y="{:.1f}" width="8" height="{:.1f}"/>').format(
            number * 11, 31 - 28 * value / top, 28 * value / top + 1
        )
        for number, value in enumerate(values)
    ]
    return Markup(
        '<svg class="bars" role="img" aria-label="{}" viewBox="0 0 {} 32" preserveAspectRatio="none">{}</svg>'
    ).format(label, width, Markup("").join(rects))


def ribbons(weights: Mapping[tuple[str, str], int], left: Sequence[str], right: Sequence[str]) -> Markup:
    """Return ribbons from the tiers on the left to the destinations on the right, as wide as hosts were rejected."""
    width, gap, height = 1080, 10, max(160, 34 * max(len(left), len(right)))
    total = sum(weights.values()) or 1
    scale = max(0.0, (height - gap * (max(len(left), len(right)) - 1) - 10) / total)
    sums = {("l", name): sum(weights.get((name, other), 0) for other in right) for name in left}
    sums |= {("r", name): sum(weights.get((other, name), 0) for other in left) for name in right}
    places: dict[tuple[str, str], float] = {}
    parts: list[Markup] = []
    bottom = 0.0
    for side, names, edge, anchor in (("l", left, 150, "end"), ("r", right, width - 260, "start")):
        y = 5.0
        for name in names:
            value = sums[side, name]
            size = max(value * scale, 2.0)
            places[side, name] = y
            text_x = edge - 8 if side == "l" else edge + 18
            parts.append(
                Markup(
                    '<rect class="node" x="{}" y="{:.1f}" width="10" height="{:.1f}"/>'
                    '<text class="name {}" x="{}" y="{:.1f}">{} <tspan class="axis">{:,}</tspan></text>'
                ).format(edge, y, size, anchor, text_x, y + size / 2 + 4, _short(name), value)
            )
            y += max(size, 16.0) + gap
        bottom = max(bottom, y)
    for number, tier in enumerate(left):
        for destination in right:
            value = weights.get((tier, destination), 0)
            if not value:
                continue
            size = value * scale
            start, end = places["l", tier] + size / 2, places["r", destination] + size / 2
            places["l", tier] += size
            places["r", destination] += size
            middle = width / 2
            parts.append(
                Markup(
                    '<path class="ribbon r{}" stroke-width="{:.1f}" d="M160 {:.1f}C{} {:.1f} {} {:.1f} {} {:.1f}">'
                    "<title>{} to {}: {:,}</title></path>"
                ).format(
                    number % 5,
                    max(size, 1.0),
                    start,
                    middle,
                    start,
                    middle,
                    end,
                    width - 260,
                    end,
                    tier,
                    destination,
                    value,
                )
            )
    return Markup(
        '<svg role="img" aria-labelledby="ribbons-t" viewBox="0 0 {} {:.0f}" class="wide">'
        '<title id="ribbons-t">Hosts rejected, from tier to destination: the figures of the table below</title>{}'
        "</svg>"
    ).format(width, max(bottom, height), Markup("").join(parts))


def _short(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def _nice(value: float) -> float:
    """Return a round number that is not smaller."""
    power = 10 ** math.floor(math.log10(max(value, 4)))
    return next(float(factor * power) for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if factor * power >= value)
