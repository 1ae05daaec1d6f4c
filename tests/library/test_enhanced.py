"""Surface-enhanced spectra are kept apart: in the library, out of every search and comparison."""

from dataclasses import replace

import numpy as np
import pytest

from library.assignments import parse_assignment
from library.confusability import confusability
from library.coverage import coverage
from library.editing import edit_entry
from library.importing import import_folder
from library.quality import check_entries
from library.store import read_library, write_library
from spectra.errors import MethodError
from spectra.recipe import default_recipe
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.refset import build_reference_set
from spectra.values import Spectrum, Technique

NOW = "2026-11-22T12:00:00Z"
RECIPE = default_recipe(Technique.RAMAN)


@pytest.fixture(scope="module")
def plain():
    axis = np.linspace(250.0, 2300.0, 1025)
    rows = sum(np.exp(-0.5 * ((axis - centre) / 5.0) ** 2) for centre in (520, 780, 1001, 1340, 1600))
    noise = 0.002 * np.random.default_rng(0).standard_normal(axis.size)
    spectrum = Spectrum(axis, rows + noise + 0.05, Technique.RAMAN, laser_nm=785.0)
    return ReferenceEntry("raman-a", Substance("caffeine"), spectrum, Grade.MEASURED)


@pytest.fixture(scope="module")
def enhanced(plain):
    return replace(plain, reference_id="raman-b", substance=Substance("sucrose"), enhanced=True)


def test_no_scan_is_compared_with_it(plain, enhanced):
    references = build_reference_set([plain, enhanced], RECIPE)
    assert [entry.reference_id for entry in references.entries] == ["raman-a"]
    with pytest.raises(MethodError):
        build_reference_set([enhanced], RECIPE)
    assert confusability([plain, enhanced], Technique.RAMAN, snr=50.0, resolution_cm1=10.0) is None
    (raman,) = [one for one in coverage([plain, enhanced]) if one.technique is Technique.RAMAN]
    assert (raman.entries, raman.substances) == (1, 1)


def test_quality_control_compares_like_with_like(plain, enhanced):
    mixed = check_entries([plain, enhanced])
    assert {one.reference_id for one in mixed.entries} == {"raman-a", "raman-b"}
    assert not mixed.pairs
    alike = check_entries([enhanced, replace(enhanced, reference_id="raman-c", substance=Substance("urea"))])
    assert "same_numbers" in {pair.code for pair in alike.pairs}


def test_it_is_kept_as_such(plain, enhanced, tmp_path):
    path = tmp_path / "both.h5"
    written = write_library(path, [plain, enhanced], name="both")
    read = read_library(path)
    assert [entry.enhanced for entry in read.entries] == [False, True]
    other = write_library(tmp_path / "other.h5", [plain, replace(enhanced, enhanced=False)], name="both")
    assert other.digest != written.digest


def test_a_manifest_or_an_edit_says_so(plain, tmp_path):
    folder = tmp_path / "spectra"
    folder.mkdir()
    pairs = zip(plain.spectrum.axis, plain.spectrum.intensity, strict=True)
    text = "Raman shift (cm-1),Intensity\n" + "".join(f"{x:.3f},{y:.6f}\n" for x, y in pairs)
    (folder / "one.csv").write_text(text)
    (folder / "two.csv").write_text(text.replace("0.0", "0.1"))
    (folder / "manifest.csv").write_text(
        "file,name,technique,measurement\none.csv,caffeine,raman,SERS on gold\ntwo.csv,sucrose,raman,\n"
    )
    report = import_folder(folder, laser_nm=785.0)
    assert {entry.substance.name: entry.enhanced for entry in report.entries} == {
        "caffeine": True,
        "sucrose": False,
    }
    assert any("kept apart" in note for note in report.notes)
    path = tmp_path / "lib.h5"
    write_library(path, report.entries, name="lib")
    edit_entry(path, "sucrose", [parse_assignment("enhanced=yes")], by="A", at=NOW, reason="seen on gold")
    assert read_library(path).entry("sucrose").enhanced
