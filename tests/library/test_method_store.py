"""Stored methods: the same to the last bit when read, immutable, and nothing damaged is used."""

import json
import os

import numpy as np
import pytest

from library.errors import LibraryFormatError, LibraryNotFound
from library.method_errors import MethodDamaged, MethodNotFound
from library.method_fitting import Wanted, fit_stored, work_of
from library.method_json import method_head, method_of_head
from library.method_store import (
    find_method,
    next_version,
    read_head,
    read_method,
    stored_versions,
    write_method,
)
from library.methods import fit_method
from library.starter import starter_entries
from library.store import read_library, write_library
from spectra.digest import json_digest
from spectra.errors import MethodError
from spectra.identification import identify
from spectra.method import WatchItem
from spectra.negatives import MeasuredNull, Negative
from spectra.values import Technique

NOW = "2026-11-22T05:00:00Z"
DRAWS = 60


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Eight starter entries, two of them watched; quick to fit."""
    path = tmp_path_factory.mktemp("store") / "small.h5"
    chosen = [e for e in starter_entries() if e.technique is Technique.RAMAN]
    picked = {e.reference_id: e for e in chosen[:6]}
    picked |= {e.reference_id: e for e in chosen if e.substance.name in {"Metamizole", "Ketoprofen"}}
    write_library(path, picked.values(), name="small")
    return read_library(path)


@pytest.fixture(scope="module")
def fitted(library):
    return fit_method(
        library,
        name="ours",
        watch_list=[WatchItem("Metamizole", 0.1)],
        classes=["nitazene"],
        draws=DRAWS,
        false_alarm_rate=0.05,
        planned_scans=2,
        seed=3,
    )


@pytest.fixture
def stored(fitted, library, tmp_path):
    return write_method(tmp_path, fitted, library, {"fitted_at": NOW})


def rewritten(path, change, *, digest=True):
    """Change the JSON of a stored method, its digest too unless told not to."""
    said = json.loads(path.read_text())
    change(said)
    if digest:
        said["digest"] = json_digest({key: value for key, value in said.items() if key != "digest"})
    path.write_text(json.dumps(said))


def test_what_is_read_is_what_was_written(stored, fitted, tmp_path):
    again = read_method(tmp_path, "ours").method
    assert again.digest == fitted.digest
    assert again.watch_list == fitted.watch_list
    assert (again.classes, again.planned_scans, again.false_alarm_rate) == (("nitazene",), 2, 0.05)
    for technique, table in fitted.nulls.items():
        assert np.array_equal(again.nulls[technique].maxima, table.maxima)
        assert np.array_equal(again.nulls[technique].regimes, table.regimes)
        assert np.array_equal(again.sets[technique].rows, fitted.sets[technique].rows)
    assert read_method(tmp_path, "ours", 1).report == {"fitted_at": NOW}


def test_a_stored_method_answers_bit_identically(stored, fitted, library, tmp_path):
    query = library.entries[2].spectrum
    first = identify(query, fitted, now=NOW).to_json()
    again = identify(query, read_method(tmp_path, "ours").method, now=NOW).to_json()
    assert json.dumps(first) == json.dumps(again)


def test_a_method_needs_no_other_file(stored, fitted, library, tmp_path):
    (kept,) = tmp_path.glob("library-*.h5")
    assert kept.name == f"library-{library.digest}.h5"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (kept, stored.path):
        path.rename(elsewhere / path.name)
    assert read_method(elsewhere, "ours").method.digest == fitted.digest


def test_versions_count_up_and_none_is_replaced(stored, fitted, library, tmp_path):
    before = stored.path.read_bytes()
    second = write_method(tmp_path, fitted, library, {})
    assert (second.method.version, second.path.name) == (2, "ours@2.json")
    assert second.method.digest != fitted.digest
    assert stored.path.read_bytes() == before
    assert stored_versions(tmp_path) == {"ours": (1, 2)}
    assert next_version(tmp_path, "ours") == 3
    assert next_version(tmp_path / "nowhere", "ours") == 1
    assert read_method(tmp_path, "ours").method.version == 2
    assert read_method(tmp_path, "ours", 1).method.version == 1
    assert len(list(tmp_path.glob("library-*.h5"))) == 1


def test_a_damaged_library_beside_it_is_replaced_when_the_next_version_is_stored(
    stored, fitted, library, tmp_path
):
    (kept,) = tmp_path.glob("library-*.h5")
    kept.write_bytes(b"junk")
    with pytest.raises(LibraryFormatError, match="not an opioscan library"):
        read_method(tmp_path, "ours")
    write_method(tmp_path, fitted, library, {})
    assert read_method(tmp_path, "ours", 1).method.digest == fitted.digest


def test_a_missing_library_is_said(stored, tmp_path):
    next(tmp_path.glob("library-*.h5")).unlink()
    with pytest.raises(LibraryNotFound, match="no such library"):
        read_method(tmp_path, "ours")


def test_what_is_not_stored_is_not_found(stored, tmp_path):
    with pytest.raises(MethodNotFound, match="no method 'theirs' is stored here; stored: ours"):
        read_method(tmp_path, "theirs")
    with pytest.raises(MethodNotFound, match="'ours@7' is stored here; stored: ours@1"):
        find_method(tmp_path, "ours", 7)
    with pytest.raises(MethodNotFound, match="stored: none"):
        find_method(tmp_path / "nowhere", "ours")


@pytest.mark.parametrize("name", ["", "Ours", "a/b", "../x", "a@1", "-a", "x" * 65, "a b"])
def test_a_name_must_be_a_file_name_everywhere(name, library, fitted):
    with pytest.raises(ValueError, match="cannot be a method's name"):
        Wanted(name)


def test_a_method_is_stored_with_its_own_library_only(fitted, library, tmp_path):
    other = write_library(tmp_path / "other.h5", library.entries[:3], name="small")
    with pytest.raises(ValueError, match="with the library it was fitted from"):
        write_method(tmp_path, fitted, other, {})


@pytest.mark.parametrize("keep", [0, 1, 100, -2])
def test_a_file_cut_short_is_refused(stored, tmp_path, keep):
    stored.path.write_bytes(stored.path.read_bytes()[:keep])
    with pytest.raises(MethodDamaged, match=r"ours@1.json: .*; take a copy that is whole"):
        read_method(tmp_path, "ours")


def test_every_flipped_byte_is_found(stored, tmp_path):
    whole = stored.path.read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(whole) - 1, 60):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << int(rng.integers(0, 7))
        stored.path.write_bytes(bytes(spoiled))
        with pytest.raises(MethodDamaged):
            read_head(stored.path)


CHANGES = {
    "another field": lambda said: said.update(more=1),
    "no object": lambda said: said.update(method=[]),
    "no library": lambda said: said["method"].update(library=3),
    "library path": lambda said: said["method"]["library"].update(digest="../../../etc/passwd"),
    "format": lambda said: said.update(format="x"),
    "version of the format": lambda said: said.update(format_version=2),
    "report": lambda said: said.update(report=[]),
    "name of the file": lambda said: said["method"].update(name="theirs"),
    "rate": lambda said: said["method"].update(false_alarm_rate=1.5),
    "rate as text": lambda said: said["method"].update(false_alarm_rate="0.01"),
    "true as number": lambda said: said["method"].update(planned_scans=True),
    "another rate": lambda said: said["method"].update(false_alarm_rate=0.2),
    "technique": lambda said: said["method"]["nulls"].update(mass={}),
    "no null table": lambda said: said["method"]["nulls"].clear(),
    "empty null table": lambda said: said["method"]["nulls"]["raman"].update(maxima=[], regimes=[]),
    "null table out of order": lambda said: said["method"]["nulls"]["raman"]["regimes"].reverse(),
    "null table of text": lambda said: said["method"]["nulls"]["raman"]["maxima"].__setitem__(0, "1"),
    "another null": lambda said: said["method"]["nulls"]["raman"]["maxima"].__setitem__(0, 1.0),
    "recipe": lambda said: said["method"]["recipes"]["raman"]["steps"][0].update(step="unknown"),
    "steps": lambda said: said["method"]["recipes"]["raman"].update(steps=["smooth"]),
    "many steps": lambda said: said["method"]["recipes"]["raman"].update(steps=[{}] * 1000),
    "limit": lambda said: said["method"]["watch_list"][0].update(limit_share=0.0),
    "watch list": lambda said: said["method"].update(watch_list="x"),
    "classes": lambda said: said["method"].update(classes=["a\nb"]),
    "class model": lambda said: said["method"].update(class_models={"raman": [{}]}),
    "negatives out of order": lambda said: said["method"].update(
        negatives={
            "raman": [
                {"source": "b", "digest": "1", "statistic": 2.0, "substance": "", "regime": 0.5},
                {"source": "a", "digest": "0", "statistic": 1.0, "substance": "", "regime": 0.5},
            ]
        }
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_somebody_altered_is_refused(stored, tmp_path, change):
    rewritten(stored.path, change)
    with pytest.raises(MethodDamaged):
        read_method(tmp_path, "ours")


def test_a_file_altered_without_its_digest_is_refused(stored, tmp_path):
    rewritten(stored.path, lambda said: said["report"].update(fitted_at="later"), digest=False)
    with pytest.raises(MethodDamaged, match="does not match its digest"):
        read_method(tmp_path, "ours")


def test_hostile_json_is_refused(stored, tmp_path):
    for text in ('{"a": NaN}', "[" * 100_000, "1" * 10_000, '{"format": 1e999}', "null", "\xff"):
        stored.path.write_bytes(text.encode("latin-1"))
        with pytest.raises(MethodDamaged):
            read_method(tmp_path, "ours")


def test_what_is_no_regular_file_is_refused(stored, tmp_path, monkeypatch):
    stored.path.unlink()
    os.mkfifo(stored.path)
    with pytest.raises(MethodDamaged, match="no regular file"):
        read_method(tmp_path, "ours")
    stored.path.unlink()
    stored.path.mkdir()
    with pytest.raises(MethodDamaged):
        read_method(tmp_path, "ours")
    stored.path.rmdir()
    stored.path.write_bytes(b" " * 200)
    monkeypatch.setattr("library.method_store.MAX_FILE_BYTES", 100)
    with pytest.raises(MethodDamaged, match="larger than a method may be"):
        read_method(tmp_path, "ours")


def test_negatives_survive_the_way_to_disk(fitted, library, tmp_path):
    from dataclasses import replace

    measured = MeasuredNull.of(
        [Negative("b.csv", "1" * 64, 3.5, "Metamizole", 0.25), Negative("a", "2", 0.0, "", 1.0)]
    )
    method = replace(fitted, measured={Technique.RAMAN: measured})
    assert method.digest != fitted.digest
    write_method(tmp_path, method, library, {})
    again = read_method(tmp_path, "ours").method
    assert again.measured == method.measured
    assert again.digest == method.digest


def test_a_method_is_not_rebuilt_from_another_library(fitted, library, tmp_path):
    other = write_library(tmp_path / "other.h5", library.entries[:3], name="small")
    with pytest.raises(MethodDamaged, match="not the one it was fitted from"):
        method_of_head(method_head(fitted), other)


def test_fitting_for_keeps(library, tmp_path):
    told = []
    wanted = Wanted(
        "ours", watch_list=(WatchItem("Metamizole"),), draws=DRAWS, reliability_draws=5, false_alarm_rate=0.1
    )
    first = fit_stored(tmp_path, library, wanted, now=NOW, software="test", advance=told.append)
    assert sum(told) == work_of(library, wanted, None) == DRAWS + 10
    again = fit_stored(tmp_path, library, wanted, now=NOW, software="test", advance=told.append)
    assert sum(told) == DRAWS + 20, "the null table was kept"
    assert (first.method.version, again.method.version) == (1, 2)
    table = first.report["reliability"]["raman"]
    assert table["simulated"] is True
    assert table == again.report["reliability"]["raman"]
    assert table["absent_scans"] == 5
    assert sum(one["scans"] for one in table["bins"]) == 10


def test_a_rate_the_null_table_cannot_test_is_refused_and_nothing_stored(library, tmp_path):
    wanted = Wanted("ours", draws=DRAWS, planned_scans=50)
    with pytest.raises(MethodError, match="give --draws 25496 or more"):
        fit_stored(tmp_path, library, wanted, now=NOW, software="test")
    assert stored_versions(tmp_path) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"false_alarm_rate": 0.5},
        {"false_alarm_rate": float("nan")},
        {"planned_scans": 0},
        {"draws": 0},
        {"seed": -1},
        {"watch_list": (WatchItem("a", 0.0),)},
        {"watch_list": (WatchItem("a"), WatchItem("a"))},
    ],
)
def test_what_cannot_be_promised_is_refused(more):
    with pytest.raises(ValueError):
        Wanted("ours", **more)
