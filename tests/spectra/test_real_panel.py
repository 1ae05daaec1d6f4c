"""Real spectra of a handheld against the library of another instrument."""

import csv
import os
from pathlib import Path

import pytest

from library.importing import import_folder
from library.methods import fit_method
from library.store import write_library
from spectra.formats import decode
from spectra.identification import identify

pytestmark = pytest.mark.shared

SYNONYMS = {
    "2-Propanol": "isopropanol",
    "Methyl Ethyl Ketone": "2-Butanone",
    "Citric Acid Anhydrate": "Citric Acid",
}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    shared = Path(os.environ["OPIOSCAN_SHARED"])
    report = import_folder(shared / "data/raman785-library")
    library = write_library(tmp_path_factory.mktemp("real") / "r785.h5", report.entries, name="r785")
    return shared / "panels", fit_method(library, draws=200)


def rows(panels, group):
    with (panels / "raman785_sig.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["group"] == group]


def answer(panels, method, row, *, blank=True):
    def read(name):
        path = panels / name
        return decode(path.read_bytes(), name=path.name)[0].spectrum

    empty = read(row["blank"]) if blank and row["blank"] else None
    return identify(read(row["file"]), method, blank=empty, now="2026-11-21T12:00:00Z")


def same(name):
    return SYNONYMS.get(name, name)


def test_bare_samples_are_right_first(real):
    panels, method = real
    for row in rows(panels, "bare"):
        found = answer(panels, method, row)
        assert same(found.components[0].substance) == same(row["truth"]), row["file"]


def test_contents_behind_2_mm_of_polyethylene_are_named(real):
    panels, method = real
    for row in rows(panels, "through 2mm HDPE"):
        found = answer(panels, method, row)
        content = {same(c.substance) for c in found.components if c.role == "content"}
        assert content == {same(row["truth"])}, row["file"]


def test_behind_4_mm_nothing_wrong_is_named(real):
    panels, method = real
    for row in rows(panels, "through 4mm HDPE"):
        found = answer(panels, method, row)
        content = {same(c.substance) for c in found.components if c.role == "content"}
        assert content <= {same(row["truth"])}, row["file"]


def test_without_a_blank_nothing_wrong_is_named_and_the_container_is_a_container(real):
    panels, method = real
    for row in rows(panels, "through 2mm HDPE") + rows(panels, "through 4mm HDPE"):
        found = answer(panels, method, row, blank=False)
        content = {same(c.substance) for c in found.components if c.role == "content"}
        assert content <= {same(row["truth"])}, row["file"]
