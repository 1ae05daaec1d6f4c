"""Watch lists as people write them."""

import pytest

from library.method_errors import MethodDamaged
from library.method_watch import read_watch_list, resolved, watch_item
from library.store import write_library
from spectra.method import WatchItem


@pytest.fixture
def library(make_entry, tmp_path):
    entries = [make_entry("Ibuprofen", synonyms=("Brufen",)), make_entry("Metamizole", number=1)]
    return write_library(tmp_path / "lib.h5", entries, name="lib")


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("fentanyl", WatchItem("fentanyl")),
        ("fentanyl=0.05", WatchItem("fentanyl", 0.05)),
        (" fentanyl = 5% ", WatchItem("fentanyl", 0.05)),
        ("fentanyl=1", WatchItem("fentanyl", 1.0)),
        ("fentanyl=", WatchItem("fentanyl")),
        ("a=b=10%", WatchItem("a=b", 0.1)),
    ],
)
def test_an_item_is_a_name_and_perhaps_a_limit(text, item):
    assert watch_item(text) == item


@pytest.mark.parametrize("text", ["", "=0.1", "a=0", "a=1.5", "a=200%", "a=nan", "a=x", "a\x07", "x" * 201])
def test_what_is_no_item_is_refused(text):
    with pytest.raises(MethodDamaged):
        watch_item(text)


def test_a_file_holds_a_list(tmp_path):
    path = tmp_path / "watch.csv"
    path.write_text('\ufeffsubstance,limit_share\nfentanyl,0.05\ncarfentanil,\n"a, b",10%\n', "utf-8")
    assert read_watch_list(path) == (
        WatchItem("fentanyl", 0.05),
        WatchItem("carfentanil"),
        WatchItem("a, b", 0.1),
    )
    path.write_text("substance\nfentanyl\n")
    assert read_watch_list(path) == (WatchItem("fentanyl"),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has the columns"),
        ("substance,limit_share\n", "at least one row"),
        ("name\nx\n", "has the columns"),
        ("substance,more\nx,1\n", "has the columns"),
        ("substance,limit_share\nx,0.1,2\n", "row 2: not as many cells"),
        ("substance,limit_share\nx\n", "row 2: not as many cells"),
        ("substance,limit_share\nok,0.1\nx,2\n", "row 3: x: the limit '2' is no share"),
        ('substance\n"x\n', "no CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path, text, why):
    path = tmp_path / "watch.csv"
    path.write_text(text)
    with pytest.raises(MethodDamaged, match=why):
        read_watch_list(path)


def test_bytes_that_are_no_text_and_files_that_are_too_large(tmp_path, monkeypatch):
    path = tmp_path / "watch.csv"
    path.write_bytes(b"substance\n\xff\n")
    with pytest.raises(MethodDamaged, match="not UTF-8"):
        read_watch_list(path)
    path.write_text("substance\nx\n")
    monkeypatch.setattr("library.method_watch.MAX_BYTES", 5)
    with pytest.raises(MethodDamaged, match="larger than"):
        read_watch_list(path)
    with pytest.raises(IsADirectoryError):
        read_watch_list(tmp_path)


def test_names_become_those_of_the_library(library):
    found = resolved([WatchItem("BRUFEN", 0.1), WatchItem("metamizole")], library)
    assert found.items == (WatchItem("Ibuprofen", 0.1), WatchItem("Metamizole"))
    assert found.uncovered == ()


def test_a_substance_the_table_knows_may_lack_a_reference(library):
    found = resolved([WatchItem("FENTANYL", 0.05)], library)
    assert found.items == (WatchItem("fentanyl", 0.05),)
    assert found.uncovered == ("fentanyl",)


def test_a_name_nobody_knows_is_a_mistake(library):
    with pytest.raises(MethodDamaged, match="no entry 'Ibuprofem'; near: Ibuprofen"):
        resolved([WatchItem("Ibuprofem")], library)


def test_twice_is_a_mistake(library):
    with pytest.raises(MethodDamaged, match="'Brufen' stands twice on the watch list, as 'Ibuprofen'"):
        resolved([WatchItem("Ibuprofen"), WatchItem("Brufen")], library)


def test_a_list_has_a_bound(library, monkeypatch):
    monkeypatch.setattr("library.method_watch.MAX_ITEMS", 1)
    with pytest.raises(MethodDamaged, match="more than the 1 of a watch list"):
        resolved([WatchItem("Ibuprofen"), WatchItem("Metamizole")], library)
