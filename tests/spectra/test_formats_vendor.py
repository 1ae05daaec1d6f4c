"""Measured files of other makers' formats: read as their text twins say, or refused for their own reason."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from spectra.errors import FormatError
from spectra.formats import decode
from spectra.values import Technique

pytestmark = pytest.mark.shared

#: What each file is refused for, with what a person would answer given; all others must be read.
REFUSED = {
    "Renishaw WiRE 2 file": ["InViaReflex/PST_Reflex532_Z050_010_10000msx2.wxd"],
    "UV/VIS": ["misc/chem-spectra-app/JPK-948.jdx"],
    "calls its numbers absorbance": ["misc/cheminfo-ir-spectrum/resolutionPro.spc"],
    "a peak table": ["misc/cheminfo-ir-spectrum/transmittance_percent.jdx"],
    "an axis in m/z": ["misc/specio/plugins/tests/data/spc/single_file/-xy.spc"],
    "15575 to 15590 cm⁻¹ is impossible": ["misc/specio/plugins/tests/data/spc/single_file/gxy.spc"],
    "a ZIP archive": ["openspecy/CA_tiny_map.zip", "openspecy/testdata_zipped.zip"],
    r"R data \(RData\)": ["openspecy/data/raman_hdpe.RData", "openspecy/data/test_lib.RData"],
    r"R data \(rds\)": ["openspecy/raman_hdpe.rds"],
    "JSON": ["openspecy/raman_hdpe.json"],
    "Reflectance": ["openspecy/fitr_nitrocellulose.jdx"],
    "per cent reflectance": [
        "openspecy/ftir_polyethylene_reflectance_adjustment_not_working.spa",
        "spa/Acetominophen Caffeine Acetylsalicylic acid.SPA",
    ],
    r"log\(1/R\)": ["spa/advatrcor.SPA"],
}


def load_table():
    """Load the table of the bar, which stands among programs and in no package."""
    path = Path(__file__).parents[1] / "bars" / "vendor_files.py"
    spec = importlib.util.spec_from_file_location("vendor_files", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["vendor_files"] = module
    spec.loader.exec_module(module)
    return module


table = load_table()


@pytest.fixture(scope="module")
def folder():
    return Path(os.environ["OPIOSCAN_SHARED"]) / "data" / "vendor-files"


@pytest.fixture(scope="module")
def outcomes(folder):
    return {one.path: one for one in table.outcomes(folder) if not one.path.startswith("jcamp/")}


def test_each_file_is_read_or_refused_for_its_own_reason(outcomes):
    reasons = {path: reason for reason, paths in REFUSED.items() for path in paths}
    assert {path for path, one in outcomes.items() if one.refused} == reasons.keys()
    for path, reason in reasons.items():
        with pytest.raises(ValueError, match=reason):
            raise ValueError(outcomes[path].refused)
    assert all(one.named for one in outcomes.values())


def test_what_is_read_agrees_with_its_twin_and_with_another_reader(outcomes):
    read = {path: one for path, one in outcomes.items() if not one.refused}
    assert {path: one.wrong for path, one in read.items() if one.wrong} == {}
    assert read.keys() >= table.TWINS.keys() | table.SECOND_READER.keys()
    alone = {path for path, one in read.items() if not one.check}
    assert alone == set()


def test_only_files_that_leave_it_open_ask(outcomes):
    asked = {path for path, one in outcomes.items() if one.asked}
    assert asked == table.KNOWN.keys()


def test_a_twin_that_differs_is_noticed(folder):
    text = table.table(folder / "Renishaw" / "nCal_Qontor785_z005H12_100_1x3s.txt")
    wdf = decode((folder / "Renishaw" / "nCal_Qontor785_z005H12_100_1x3s.wdf").read_bytes())[0]
    spc = decode((folder / "Renishaw" / "nCal_Qontor785_z005H12_100_1x3s.spc").read_bytes())[0]
    assert table.equal(wdf, text) == ""
    assert "differ" in table.equal(spc, text)
    moved = table.Table(text.x + 0.01, text.y, text.dx, text.dy)
    assert "beyond the text's precision" in table.interpolated(spc, moved)


@pytest.mark.parametrize(
    ("path", "laser", "resolution", "title"),
    [
        ("Renishaw/nCal_Qontor785_z005H12_100_1x3s.wdf", 785.0, None, "nCal_Qontor785_z005H12_100_1x3s"),
        ("Renishaw/nCal_Qontor785_z005H12_100_1x3s.spc", 785.0, None, "nCal_Qontor785_z005H12_100_1x3s"),
        ("InViaReflex/PST_Reflex532_Z050_010_10000msx2.spc", 532.0, None, "A single scan measurement"),
        ("misc/specio/core/tests/data/20170410EDL_L01_cell01_c1.spc", 632.81, None, ""),
        ("misc/cheminfo-ir-spectrum/absorbance.spc", None, 4.0, "FT-IR Spectrum Example"),
        ("misc/pynxtools-raman/database/rod/rod_file_1000679.rod", 488.0, None, "K-cymrite"),
        ("spa/absorb.spa", None, None, "Polystyrene measured as a film"),
    ],
)
def test_what_a_file_says_of_itself_is_kept(folder, path, laser, resolution, title):
    (one,) = decode((folder / path).read_bytes())
    assert one.spectrum.laser_nm == pytest.approx(laser, abs=0.02)
    assert one.spectrum.resolution_cm1 == resolution
    assert one.title.startswith(title)
    assert len(one.meta) >= 1


@pytest.mark.parametrize("path", ["spa/absorb.spa", "misc/cheminfo-ir-spectrum/absorbance.spc"])
def test_polystyrene_films_have_their_bands(folder, path):
    (one,) = decode((folder / path).read_bytes())
    assert one.spectrum.technique is Technique.FTIR
    # ASTM E1421, polystyrene film
    for band in (2849.5, 1601.2, 1028.3):
        near = np.abs(one.spectrum.axis - band) < 6
        assert one.spectrum.axis[near][np.argmax(one.spectrum.intensity[near])] == pytest.approx(
            band, abs=2.5
        )


def test_calcite_is_where_it_belongs_in_both_files_of_one_measurement(folder):
    for kind in ("wdf", "spc"):
        (one,) = decode((folder / "Renishaw" / f"nCal_Qontor785_z005H12_100_1x3s.{kind}").read_bytes())
        near = np.abs(one.spectrum.axis - 1085) < 10
        peak = one.spectrum.axis[near][np.argmax(one.spectrum.intensity[near])]
        # 1085 to 1088 cm⁻¹ in the data's own description, uncalibrated
        assert peak == pytest.approx(1087, abs=2)


def test_real_files_cut_off_are_refused_or_complete(folder):
    for path in (
        "Renishaw/nCal_Qontor785_z005H12_100_1x3s.spc",
        "spa/absorb.spa",
        "openspecy/raman_atacamit.spc",
    ):
        data = (folder / path).read_bytes()
        whole = decode(data, technique=table.KNOWN.get(path, (None, None))[0])[0].spectrum
        for length in range(0, len(data), 97):
            try:
                found = decode(data[:length], technique=table.KNOWN.get(path, (None, None))[0])
            except FormatError:
                continue
            assert np.array_equal(found[0].spectrum.intensity, whole.intensity)
