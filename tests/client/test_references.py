"""How versions and times are written."""

import pytest

from mlgov_client import Misused
from mlgov_client.references import Reference
from mlgov_client.waiting import seconds_of


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("fraud/3", Reference("fraud", 3)),
        ("models:/fraud/3", Reference("fraud", 3)),
        ("models:///fraud/3", Reference("fraud", 3)),
        (" credit risk (v2).x/12 ", Reference("credit risk (v2).x", 12)),
        ("fraud@champion", Reference("fraud", alias="champion")),
        ("models:/fraud@champion", Reference("fraud", alias="champion")),
        ("fraud/latest", Reference("fraud")),
        ("Betrüger/1", Reference("Betrüger", 1)),
    ],
)
def test_a_version_is_written_as_for_mlflow(text, meant):
    assert Reference.parse(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "fraud",
            "fraud/",
            "/3",
            "fraud/0",
            "fraud/-1",
            "fraud/1.5",
            "fraud/three",
            "fraud/³",
        ),
        *("a/b/3", "fraud@", "@champion", "a/b@c", "fraud@a/3", "../3", "./1", "..@x", "models:/"),
        *("runs:/abc/model", "fraud/99999999999999999999", "fraud/2147483648"),
    ],
)
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(Misused, match="fraud/3, models:/fraud/3"):
        Reference.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5h", 5400), ("1h30m", 5400), ("2d", 172_800), (0, 0), (1.5, 1.5)],
)
def test_times_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1y", "h", "1h 30", -1, float("inf")])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Misused, match="time to wait"):
        seconds_of(text)
