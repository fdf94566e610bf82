from apps.cards import documents
from apps.cards.schema import FIELDS, Needed
from mlgov.demo.words import CARD


def test_the_demo_writes_all_that_people_have_to_write_before_a_review() -> None:
    content = documents.with_values(documents.empty(), CARD)
    assert documents.problems(content) == {}
    # What the run and the registration say is not for people to write.
    filled_in = {"/overview/owner", "/data/datasets", "/evaluation/metrics"}
    needed = {
        pointer
        for pointer, field in FIELDS.items()
        if field.is_typed and field.needed == Needed.REVIEW
    }
    assert needed - set(CARD) == filled_in
