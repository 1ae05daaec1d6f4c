"""The panel of a real handheld against the library of another instrument, as ``validate`` plays it."""

import os
from pathlib import Path

import pytest

from library.importing import import_folder
from library.methods import fit_method
from library.store import write_library
from service.cli.spectrum_files import read_spectra
from service.known_names import KnownNames
from service.panels import read_panel
from service.validating import play
from service.validation_report import report

pytestmark = [pytest.mark.shared, pytest.mark.long]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    shared = Path(os.environ["OPIOSCAN_SHARED"])
    entries = import_folder(shared / "data/raman785-library").entries
    library = write_library(tmp_path_factory.mktemp("real") / "real.h5", entries, name="real")
    method = fit_method(library, draws=200)
    names, panel = KnownNames(method.references), shared / "panels/raman785_sig.csv"
    outcomes = play(
        panel,
        read_panel(panel),
        method,
        names,
        read=lambda path, how, nm: read_spectra(path, technique=how, laser_nm=nm),
        now="2026-11-21T12:00:00Z",
    )
    return report(outcomes, label="measured", note="panel", method=method, names=names)


def test_every_group_is_counted(found):
    assert not found.failed
    assert {one.group: one.scans for one in found.summaries} == {
        "bare": 8,
        "through 2mm HDPE": 6,
        "through 4mm HDPE": 6,
        None: 20,
    }


def test_the_answers_are_right_where_the_signal_suffices_and_nowhere_wrong(found):
    bare, thin, _, everything = found.summaries
    assert (bare.top1.k, thin.named.k, everything.wrongly_named.k) == (8, 6, 0)


def test_every_target_has_its_detections(found):
    assert {(one.target, one.matrix): one.detected.n for one in found.table}[("Ibuprofen", "bare")] == 2
    assert {one["label"] for one in found.to_json()} == {"measured"}
