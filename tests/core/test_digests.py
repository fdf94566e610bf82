import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.digests import canonical_json, digest_of, sha256_of_file, tree_digest

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
)


@given(st.dictionaries(text, json_values, max_size=4))
def test_equal_values_have_one_digest_whatever_their_order(value: dict[str, object]):
    turned = dict(reversed(list(value.items())))
    assert digest_of(turned) == digest_of(value)


@given(json_values)
def test_the_spelling_reads_back_as_the_same_value(value: object):
    assert json.loads(canonical_json(value)) == value


def test_what_is_no_json_has_no_digest():
    with pytest.raises(ValueError, match="Out of range float"):
        digest_of({"loss": float("nan")})


def test_a_tree_has_one_digest_whatever_the_order_of_its_files():
    files = [("a/b", 1, "x"), ("a", 2, "y")]
    assert tree_digest(files) == tree_digest(reversed(files))
    assert tree_digest(files) != tree_digest([("a/b", 1, "x"), ("a", 3, "y")])


def test_a_digest_is_what_others_compute():
    assert digest_of({"b": 1, "a": "é"}) == (
        "sha256:aa58fba8483623bed37c1b02edfccbdd9a53123837c20bfa4cb4049993a2872e"
    )
    assert sha256_of_file(io.BytesIO(b"abc")).startswith("ba7816bf")
