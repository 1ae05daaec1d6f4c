"""The starter library: what it holds, and that it is the same everywhere."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from library.assignments import parse_assignment
from library.changes import read_changes
from library.editing import edit_entry
from library.equivalents import synonym_groups
from library.errors import LibraryNotWritten, TableError
from library.starter import _numbers, ensure_starter, pseudo_voigt, starter_entries
from library.store import read_library, write_library
from spectra.references import Grade
from spectra.values import Technique

#: Any change of tables or rendering changes it, and with it every result that cites the starter library.
DIGEST = "ae113eebd0c4fc97cfc46f7d1814e6371d6f01ea7011db6b248bd111ffd5e590"

ENTRIES = starter_entries()


def test_80_raman_entries_and_eight_drugs_in_the_infrared():
    raman = [entry for entry in ENTRIES if entry.technique is Technique.RAMAN]
    infrared = [entry for entry in ENTRIES if entry.technique is Technique.FTIR]
    assert (len(raman), len(infrared)) == (80, 8)
    assert all(entry.grade is Grade.DERIVED and not entry.substance.controlled for entry in raman)
    assert all(entry.grade is Grade.LITERATURE and entry.substance.controlled for entry in infrared)
    assert all(entry.source and entry.licence for entry in ENTRIES)
    assert sum(entry.packaging for entry in ENTRIES) == 5


def test_no_raman_reference_of_any_drug():
    drugs = {"fentanyl_analogue", "nitazene", "opioid", "fentanyl_precursor", "other_drug"}
    raman = [entry for entry in ENTRIES if entry.technique is Technique.RAMAN]
    assert not drugs & {entry.substance.substance_class for entry in raman}


def test_spectra_are_rendered_where_they_were_measured():
    for entry in ENTRIES:
        axis, intensity = entry.spectrum.axis, entry.spectrum.intensity
        assert intensity.min() >= 0
        assert intensity.max() == 1
        if entry.technique is Technique.FTIR:
            assert (axis[0], axis[-1]) == (400, 1800)
        else:
            assert axis[0] == (500 if entry.substance.name in {"linseed oil", "sesame oil"} else 302)
            assert axis[-1] == 2300


@pytest.mark.parametrize(
    ("name", "band"),
    [("Silicon", 521), ("calcium carbonate", 1086), ("cyclohexane", 801), ("polystyrene", 1001)],
)
def test_the_strongest_band_is_where_it_should_be(name, band):
    (entry,) = [entry for entry in ENTRIES if entry.substance.name == name]
    assert abs(entry.spectrum.axis[entry.spectrum.intensity.argmax()] - band) <= 1.5


def test_pseudo_voigt_agrees_with_the_slow_way():
    axis = np.arange(300.0, 400.0)
    peaks = [(320.0, 8.0, 2.0, 0.3), (360.0, 20.0, 1.0, 1.0), (365.0, 4.0, 0.5, 0.0)]
    slow = [
        sum(
            h * (eta / (1 + 4 * (x - c) ** 2 / w**2) + (1 - eta) * 2.0 ** (-4 * (x - c) ** 2 / w**2))
            for c, w, h, eta in peaks
        )
        for x in axis
    ]
    fast = pseudo_voigt(axis, *(np.array(column) for column in zip(*peaks, strict=True)))
    assert np.allclose(fast, slow, rtol=1e-12)


def test_synonym_pairs_are_linked():
    assert synonym_groups(ENTRIES) == (
        ("2-Butanone", "Methyl Ethyl Ketone"),
        ("2-Propanol", "isopropanol"),
        ("Citric Acid", "Citric Acid Anhydrate"),
    )


def test_the_digest_is_pinned_and_the_library_built_once(tmp_path):
    path = ensure_starter(tmp_path / "libraries")
    assert read_library(path).digest == DIGEST
    before = path.stat()
    assert ensure_starter(tmp_path / "libraries") == path
    assert path.stat().st_ino == before.st_ino


@pytest.mark.parametrize("state", ["damaged", "other"])
def test_a_damaged_or_older_starter_is_built_again(tmp_path, state):
    path = tmp_path / "starter.h5"
    if state == "damaged":
        path.write_bytes(b"cut off")
    else:
        write_library(path, ENTRIES[:3], name="starter")
    assert read_library(ensure_starter(tmp_path)).digest == DIGEST


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryNotWritten, match="cannot be made"):
        ensure_starter(tmp_path / "file" / "libraries")


def test_a_damaged_number_is_a_table_error():
    with pytest.raises(TableError, match="height of x"):
        _numbers([{"substance": "x", "height": "tall"}], "height")


@pytest.mark.shared
def test_derived_entries_are_like_the_spectra_they_were_fitted_to():
    from library.importing import import_folder

    report = import_folder(Path(os.environ["OPIOSCAN_SHARED"]) / "data" / "raman785-library")
    measured = {entry.substance.name: entry.spectrum for entry in report.entries}
    derived = {
        entry.substance.name: entry.spectrum for entry in ENTRIES if entry.technique is Technique.RAMAN
    }
    assert set(measured) == set(derived)
    width = np.ones(9) / 9
    scores = []
    for name, spectrum in derived.items():
        there = np.interp(spectrum.axis, measured[name].axis, measured[name].intensity)
        slopes = [np.diff(np.convolve(y, width, "valid")) for y in (there, spectrum.intensity)]
        scores.append(np.corrcoef(slopes)[0, 1])
    assert min(scores) > 0.99
    assert np.median(scores) > 0.998


def test_what_somebody_put_into_the_starter_library_is_kept(tmp_path):
    path = ensure_starter(tmp_path)
    edit_entry(path, "caffeine", [parse_assignment("form=monohydrate")], by="x", at="2026-11-22T09:00:00Z")
    changed = read_library(path).digest
    assert read_library(ensure_starter(tmp_path)).digest == DIGEST
    kept = tmp_path / f"starter-changed-{changed[:12]}.h5"
    assert read_library(kept).digest == changed
    assert len(read_changes(kept)) == 1
    write_library(path, [replace(ENTRIES[0], grade=Grade.MEASURED)], name="starter")
    ensure_starter(tmp_path)
    assert len(list(tmp_path.glob("starter-changed-*.h5"))) == 2
