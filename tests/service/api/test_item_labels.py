"""Item identifiers: S10 with its check digit, carriers' own, and none."""

import pytest

from service.api.s10 import ItemIdType, check_digit, read_label


def test_the_worked_example_of_the_standard() -> None:
    assert check_digit("47312482") == 9


@pytest.mark.parametrize(("serial", "due"), [("00000000", 5), ("00000005", 9), ("10000001", 7)])
def test_check_digits_at_the_edges(serial: str, due: int) -> None:
    total = sum(w * int(d) for w, d in zip((8, 6, 4, 2, 3, 5, 9, 7), serial, strict=True))
    expected = {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)
    assert check_digit(serial) == expected == due


@pytest.mark.parametrize("serial", ["", "1234567", "123456789", "1234567x", "１２３４５６７８"])
def test_only_eight_ascii_digits_have_one(serial: str) -> None:
    with pytest.raises(ValueError, match="eight digits"):
        check_digit(serial)


@pytest.mark.parametrize("text", ["RB473124829US", "rb 473 124 829 us", " RB47312482 9US\t"])
def test_spaces_and_lower_case_are_tolerated(text: str) -> None:
    label = read_label(text, ItemIdType.S10)
    assert (label.item_id, label.key, label.problem) == ("RB473124829US", "RB473124829US", "")
    assert not label.provisional


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("RB473124820US", ItemIdType.S10, "check digit is 0 where 9 is due"),
        ("RB47312482US", ItemIdType.S10, "form"),
        ("", ItemIdType.S10, "empty"),
        ("  ", ItemIdType.CARRIER, "empty"),
        ("1Z\x1b[2J", ItemIdType.CARRIER, "control characters"),
        ("NOLABEL-1", ItemIdType.NONE, "no readable label"),
        ("", ItemIdType.NONE, "no readable label"),
    ],
)
def test_a_bad_label_is_kept_with_its_problem(text: str, kind: ItemIdType, says: str) -> None:
    label = read_label(text, kind)
    assert label.provisional
    assert says in label.problem


def test_a_carriers_identifier_is_kept_as_written() -> None:
    label = read_label(" 1z 999-aa1 ", ItemIdType.CARRIER)
    assert (label.item_id, label.key, label.problem) == ("1z 999-aa1", "1Z999-AA1", "")
