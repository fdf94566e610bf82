"""Curves of metrics as points of a drawing, made here so that pages need no script for them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

WIDTH, HEIGHT = 600, 160
# The store keeps infinity as the largest number that it can hold.
LARGEST = 1.79e308


@dataclass(frozen=True)
class Point:
    step: int
    milliseconds: int
    value: float

    @property
    def at(self) -> datetime | None:
        return moment(self.milliseconds)

    @property
    def exact(self) -> str:
        return repr(self.value) if math.isfinite(self.value) else readable(self.value)


@dataclass(frozen=True)
class Chart:
    """`stretches` are paths of a drawing that is WIDTH by HEIGHT; each number breaks off at NaN."""

    stretches: list[str]
    bottom: str
    top: str
    left: str
    right: str
    across: str


@dataclass(frozen=True)
class Curve:
    """A metric with its history, as far as it was read."""

    name: str
    last: float
    points: list[Point] = field(default_factory=list)
    # Whether there may be more values than points.
    is_sampled: bool = False
    trouble: str = ""

    @property
    def finite(self) -> list[float]:
        return [point.value for point in self.points if math.isfinite(point.value)]

    @property
    def last_shown(self) -> str:
        return readable(self.last)

    @property
    def lowest(self) -> str:
        return readable(min(self.finite)) if self.finite else ""

    @property
    def highest(self) -> str:
        return readable(max(self.finite)) if self.finite else ""

    @property
    def odd(self) -> int:
        """How many points are no finite number."""
        return len(self.points) - len(self.finite)

    @property
    def chart(self) -> Chart | None:
        """The drawing; None where there is nothing to connect."""
        return _drawn(self.points) if len(self.finite) > 1 else None


def points_of(rows: Iterable[dict[str, Any]]) -> list[Point]:
    found = [
        Point(whole(row.get("step")), whole(row.get("timestamp")), number(row.get("value")))
        for row in rows
    ]
    return sorted(found, key=lambda point: (point.step, point.milliseconds))


def number(value: Any) -> float:
    """A value as the tracking server writes it: a number, or the name of one that is none."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return math.copysign(math.inf, found) if abs(found) >= LARGEST else found


def whole(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def readable(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 10_000 or abs(value) >= 1e15 else f"{value:,.0f}"


def moment(milliseconds: Any) -> datetime | None:
    """None for what is no time, which clients may write."""
    try:
        return datetime.fromtimestamp(whole(milliseconds) / 1000, tz=UTC) if milliseconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _drawn(points: Sequence[Point]) -> Chart:
    steps = {point.step for point in points}
    # Without steps the values come one after the other.
    places = [p.step for p in points] if len(steps) > 1 else list(range(1, len(points) + 1))
    values = [point.value for point in points if math.isfinite(point.value)]
    low, high = min(values), max(values)
    stretches: list[list[tuple[float, float]]] = [[]]
    for place, point in zip(places, points, strict=True):
        if math.isfinite(point.value):
            across = _share(place, places[0], places[-1]) * WIDTH
            stretches[-1].append((across, HEIGHT - _share(point.value, low, high) * HEIGHT))
        elif stretches[-1]:
            stretches.append([])
    return Chart(
        stretches=[_path(stretch) for stretch in stretches if stretch],
        bottom=readable(low),
        top=readable(high) if high != low else "",
        left=f"{places[0]:,}",
        right=f"{places[-1]:,}",
        across="step" if len(steps) > 1 else "value",
    )


def _share(value: float, low: float, high: float) -> float:
    # Halved, because the distance of two large numbers may be more than the largest.
    distance = high / 2 - low / 2
    return (value / 2 - low / 2) / distance if distance > 0 else 0.5


def _path(stretch: Sequence[tuple[float, float]]) -> str:
    (x, y), *rest = stretch
    # A line of no length is drawn as a dot.
    return f"M{x:.1f} {y:.1f}" + ("".join(f"L{x:.1f} {y:.1f}" for x, y in rest) or "h0")
