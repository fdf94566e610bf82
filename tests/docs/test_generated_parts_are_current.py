"""The pictures and tables that are made from the code agree with it."""

from scripts import generated


def test_what_is_generated_is_what_the_code_says():
    outdated = [
        path.relative_to(generated.ROOT).as_posix()
        for path, text in generated.files().items()
        if not path.exists() or path.read_text() != text
    ]

    assert outdated == [], "Run: make docs"


def test_each_part_that_can_be_generated_stands_on_a_page():
    pages = "".join(page.read_text() for page in generated.DOCS.rglob("*.md"))

    assert {match["name"] for match in generated.PART.finditer(pages)} == set(generated.PARTS)
