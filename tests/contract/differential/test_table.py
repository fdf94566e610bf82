"""The table of differences is what the documentation tells."""

from pathlib import Path

import pytest

from tests.contract.differential.differences import TABLE, Difference

PAGE = Path(__file__).parents[3] / "docs" / "mlflow.md"


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what[:40])
def test_each_difference_is_documented(row: Difference) -> None:
    assert f"| {row.what} | {row.why} |" in PAGE.read_text()


def test_the_documentation_tells_no_other_difference() -> None:
    _, _, section = PAGE.read_text().partition("## Where the answers differ")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    assert len(rows) == len(TABLE) + 1  # the head
