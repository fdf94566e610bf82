"""Curves of metrics, drawn on the server."""

import pytest

from apps.web.charts import Point, _drawn, readable


def test_a_flat_curve_lies_in_the_middle() -> None:
    drawn = _drawn([Point(step, 0, 5.0) for step in (0, 10)])
    assert (drawn.stretches, drawn.top, drawn.bottom) == (["M0.0 80.0L600.0 80.0"], "", "5")


def test_values_of_one_step_stand_one_after_the_other() -> None:
    drawn = _drawn([Point(0, at, float(at)) for at in (1, 2, 3)])
    assert (drawn.across, drawn.left, drawn.right) == ("value", "1", "3")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3.0, "3"), (12345.6, "12,346"), (0.00012345, "0.0001234"), (1e300, "1e+300")],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert readable(value) == shown
