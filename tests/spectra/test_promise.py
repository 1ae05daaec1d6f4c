"""One promise for a screening: however many scans it takes, what they may spend never adds up to more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectra.errors import ValueRangeError
from spectra.promise import search_share, share_of


@given(st.integers(1, 40), st.integers(1, 400))
def test_shares_never_add_up_to_more_than_the_promise(planned, scans):
    total = sum(share_of(k, planned) for k in range(1, scans + 1))
    assert total <= 1.0 + 1e-12


@given(st.integers(1, 40))
def test_planned_scans_share_evenly_and_the_rest_is_spent_in_the_end(planned):
    assert {share_of(k, planned) for k in range(1, planned + 1)} == {1.0 / (planned + 1)}
    assert share_of(planned + 1, planned) < share_of(planned, planned)
    assert sum(share_of(k, planned) for k in range(1, 20_000)) == pytest.approx(1.0, abs=1e-3)


def test_search_and_classes_share_evenly():
    assert search_share(0) == 1.0
    assert search_share(2) * 3 == pytest.approx(1.0)


@pytest.mark.parametrize(("number", "planned"), [(0, 1), (1, 0), (-3, 2)])
def test_scans_are_numbered_from_one(number, planned):
    with pytest.raises(ValueRangeError):
        share_of(number, planned)
