"""Links between the pages lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "serving").glob("*.md"),
        *(ROOT / "client").glob("*.md"),
    ]
)
LINK = re.compile(
    r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)|(?:src|srcset|href)=\"([^\"]+)\""
)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def _targets(page: Path) -> list[str]:
    text = CODE.sub("", page.read_text())
    found = [first or second for first, second in LINK.findall(text)]
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def _anchors(page: Path) -> set[str]:
    """Where GitHub lets one jump to."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(text)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_link_leads_somewhere(page):
    broken = []
    for target in _targets(page):
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        missing = not found.exists()
        if missing or (anchor and found.suffix == ".md" and anchor not in _anchors(found)):
            broken.append(target)

    assert broken == [], "Screenshots are taken with: python -m scripts.screenshots"


def test_each_page_of_the_documentation_can_be_reached_from_the_first():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [
            (page.parent / name).resolve()
            for target in _targets(page)
            if (name := target.partition("#")[0])
        ]

    lost = [page.relative_to(ROOT).as_posix() for page in PAGES if page not in seen]

    assert lost == []
