"""Canonical JSON: the fast way writes what the plain way of RFC 8785 writes."""

import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from spectra.digest import bytes_digest, canonical_json, json_digest

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_both_ways_write_the_same(value):
    assert canonical_json(value) == rfc8785.dumps(value)
    assert json_digest(value) == bytes_digest(rfc8785.dumps(value))


@pytest.mark.parametrize(
    "value",
    [0.0, -0.0, 1.0, 1e-4, 9.9e-5, 1e-7, 1e15, 1e16, 1e21, 2.0**53, 1 / 3, 5e-324, "\x00\x1f\x7f\"\\/\u2028\U0001f600",
     {"\U0001f600": 1, "\ufb33": 2, "b": 3, "a": (1, 2)}],
)  # fmt: skip
def test_odd_values_are_written_as_the_plain_way_does(value):
    assert canonical_json(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, {1: 2}, {1, 2}, b"x", [object()]])
def test_what_has_no_json_form_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        canonical_json(value)
