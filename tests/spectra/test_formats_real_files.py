"""Measured files of several makers: each is read, or refused for its own reason."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spectra.errors import FormatError
from spectra.formats import decode, encode_csv, encode_jcamp
from spectra.formats.jcamp import table_of
from spectra.formats.jcamp_blocks import blocks_of
from spectra.formats.jcamp_ntuples import pages_of
from spectra.formats.reading import text_of
from spectra.values import Technique

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def data():
    return Path(os.environ["OPIOSCAN_SHARED"]) / "data"


def test_enlighten_files_decode(data):
    library = sorted((data / "raman785-library").glob("*.csv"))
    handheld = sorted((data / "raman785-sig-container").glob("*.csv"))
    assert (len(library), len(handheld)) == (80, 25)
    for path in library + handheld:
        (one,) = decode(path.read_bytes(), name=path.name)
        assert one.spectrum.technique is Technique.RAMAN
        assert one.spectrum.laser_nm == pytest.approx(785.0, abs=0.2)
        assert (
            (one.spectrum.axis.size in {2002, 1804}) if path in library else (one.spectrum.axis.size == 1944)
        )


def test_bwspec_files_decode_and_polystyrene_is_where_it_belongs(data):
    files = sorted((data / "raman-calibration" / "bwtek785").glob("*.txt"))
    assert len(files) > 20
    for path in files:
        (one,) = decode(path.read_bytes(), name=path.name)
        assert one.spectrum.laser_nm == pytest.approx(784.82)
        if path.name.startswith("PST"):
            near = (one.spectrum.axis > 980) & (one.spectrum.axis < 1020)
            peak = one.spectrum.axis[near][np.argmax(one.spectrum.intensity[near])]
            # ASTM E1840: 1001.4 cm⁻¹
            assert peak == pytest.approx(1001.4, abs=3)


def test_infrared_drugs_decode(data):
    files = sorted((data / "ftir-drugs").glob("*.jdx"))
    assert len(files) == 82
    for path in files:
        (one,) = decode(path.read_bytes(), name=path.name)
        assert one.spectrum.technique is Technique.FTIR
        assert one.spectrum.intensity.max() <= 1.0


def tables(path):
    return [
        table_of(block)
        for block in blocks_of(text_of(path.read_bytes()).split("\n"))
        if "XYDATA" in block.records
    ]


@pytest.mark.parametrize(
    "names",
    [
        # AFFN, PAC, SQZ and DIFDUP of one spectrum, by R. J. Lancashire
        ["o01.jdx", "o02.jdx", "o03.jdx", "o04.jdx", "o05.jdx"],
        # AFFN, PAC, SQZ by Bruker and DIF by ISAS
        ["BRUKAFFN.DX", "BRUKPAC.DX", "BRUKSQZ.DX", "TEST32.DX"],
    ],
)
def test_every_form_of_one_spectrum_gives_the_same_numbers(data, names):
    found = []
    for name in names:
        (path,) = (data / "vendor-files" / "jcamp").rglob(name)
        found += tables(path)
    assert len(found) == len(names)
    for one, other in pairwise(found):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])


def test_pages_of_several_variables_hold_the_numbers_of_the_plain_files(data):
    folder = data / "vendor-files" / "jcamp" / "jcamp-dx.org_official_test_data"
    (block,) = blocks_of(text_of((folder / "BRUKNTUP.DX").read_bytes()).split("\n"))
    real, imaginary = (table_of(page) for page in pages_of(block))
    ((axis, plain),) = tables(folder / "BRUKAFFN.DX")
    assert real[0] == pytest.approx(axis)
    assert imaginary[1].size == plain.size == 16384
    ((_, spectrum),) = tables(folder / "BRUKDIF.DX")
    assert np.array_equal(real[1], spectrum)
    (block,) = blocks_of(text_of((folder / "TESTNTUP.DX").read_bytes()).split("\n"))
    isas, other = (table_of(page) for page in pages_of(block))
    # ISAS keeps 16 bits
    assert isas[1] == pytest.approx(real[1], abs=3e4)
    assert other[1] == pytest.approx(imaginary[1], abs=3e4)


def test_the_mistyped_factor_hides_the_very_numbers_of_the_plain_file(data):
    folder = data / "vendor-files" / "jcamp" / "Robert_J_Lancashire_test_data"
    ((_, plain),) = tables(folder / "jtpolys.jdx")
    text = text_of((folder / "jtpolysd.jdx").read_bytes())
    (block,) = blocks_of(text.replace("2.3884185791e-09", "2.384185791e-09").split("\n"))
    assert np.array_equal(table_of(block)[1], plain)


def test_dif_forms_of_two_programs_agree(data):
    folder = data / "vendor-files" / "jcamp" / "jcamp-dx.org_official_test_data"
    ((_, bruker),), ((_, isas),) = tables(folder / "BRUKDIF.DX"), tables(folder / "TESTSPEC.DX")
    # TESTSPEC's YFACTOR is rounded to seven digits
    assert isas == pytest.approx(bruker, rel=1e-5, abs=20)


def test_per_cent_and_fraction_of_one_spectrum_agree(data):
    folder = data / "vendor-files" / "jcamp"
    (percent,) = decode((folder / "Robert_J_Lancashire_test_data" / "pacdec1.jdx").read_bytes())
    (fraction,) = decode((folder / "jcamp-dx.org_official_test_data" / "PE1800.DX").read_bytes())
    assert np.array_equal(percent.spectrum.axis, fraction.spectrum.axis)
    assert percent.spectrum.intensity == pytest.approx(fraction.spectrum.intensity, abs=1e-12)


#: What each file of the two test sets is refused for; all others must be read.
REFUSED = {
    "UV.VIS|UV-VISIBLE": ["blckpac1.jdx", "dupinc1.jdx"],
    "MASS SPECTRUM": ["blckpkt1.jdx", "mactab1.jdx", "pktab1.jdx", "pktab2.jdx", *[f"ISAS_MS{n}.DX" for n in (1, 2, 3)]],
    "NMR": [
        *[f"o{n:02}.jdx" for n in range(1, 11)], *[f"ofid{n}.jdx" for n in range(1, 5)], "fixdec2.jdx", "sqzdec1.jdx",
        *[f"BRUK{form}.DX" for form in ("AFFN", "DIF", "NTUP", "PAC", "SQZ")], "ISAS_CDX.DX", "TEST32.DX",
        "TESTFID.DX", "TESTNTUP.DX", "TESTSPEC.DX",
    ],
    "GAS CHROMATOGRAPH": ["coffhd.jdx"],
    "SIMPLE GRAPH|Simulation|TITRATION": ["fixdec3.jdx", "fixinc3.jdx", "fixinc4.jdx", "fixinc5.jdx"],
    "ION MOBILITY": ["IMSDEMO.DX", "IMS_TEST1.DX"],
    "EPR": ["xyinc2.jdx"],
    "zero or negative": [
        "dupinc2.jdx", "fixdec1.jdx", "fixinc1.jdx", "sqzdupd1.jdx", "xyinc1.jdx", "BRUKER1.JCM", "LABCALC.DX",
    ],
    "FIRSTY=0.981633, but the table gives 0.983376": ["jtpolysd.jdx"],  # a digit too many in YFACTOR
    "line 60: x-check failed": ["SPECFILE.DX"],  # abscissae between two points, and a closing y-check of 0
    "outside every block": ["mactab2.jdx"],  # a stray byte behind ##END=
}  # fmt: skip
READ = {
    "compound.jdx", "dupdec1.jdx", "dupdec2.jdx", "fixinc2.jdx", "jtpolys.jdx", "pacdec1.jdx", "BRUKER2.JCM", "PE1800.DX",
}  # fmt: skip


def test_each_jcamp_test_file_is_read_or_refused_for_its_own_reason(data):
    reasons = {name: reason for reason, names in REFUSED.items() for name in names}
    files = [
        path
        for path in (data / "vendor-files" / "jcamp").rglob("*")
        if path.suffix.upper() in {".JDX", ".DX", ".JCM"}
    ]
    assert {path.name for path in files} == reasons.keys() | READ
    for path in files:
        if path.name in READ:
            assert decode(path.read_bytes(), name=path.name)
        else:
            with pytest.raises(FormatError, match=reasons[path.name]):
                decode(path.read_bytes(), name=path.name)


#: The same for JCAMP-DX files of other programs, by folder of ``vendor-files``; None for what is read.
OTHERS = {
    "misc": {
        "IR.dx": None,
        "auto_IR.dx": None,
        "absorbance.jdx": None,
        "transmittance.jdx": None,
        "transmittance_percent.jdx": "a peak table is no spectrum",
        "JPK-948.jdx": "UV/VIS SPECTRUM",
    },
    "openspecy": {
        "fitr_nitrocellulose.jdx": "YUNITS=Reflectance is not read .* depends on how it was measured"
    },
}


@pytest.mark.parametrize("folder", OTHERS)
def test_files_of_other_programs_are_read_or_refused_for_their_own_reason(data, folder):
    files = [
        path
        for path in (data / "vendor-files" / folder).rglob("*")
        if path.suffix.upper() in {".JDX", ".DX", ".JCM"}
    ]
    assert {path.name for path in files} == OTHERS[folder].keys()
    for path in files:
        reason = OTHERS[folder][path.name]
        if reason is None:
            assert decode(path.read_bytes(), name=path.name)[0].spectrum.technique is Technique.FTIR
        else:
            with pytest.raises(FormatError, match=reason):
                decode(path.read_bytes(), name=path.name)


def test_a_spectrum_alone_and_in_a_link_is_the_same(data):
    folder = data / "vendor-files" / "misc" / "chem-spectra-app"
    (alone,) = decode((folder / "IR.dx").read_bytes())
    (linked,) = decode((folder / "auto" / "auto_IR.dx").read_bytes())
    assert np.array_equal(alone.spectrum.axis, linked.spectrum.axis)
    assert np.array_equal(alone.spectrum.intensity, linked.spectrum.intensity)
    assert "PEAK ASSIGNMENTS" in linked.meta["left out"]


def test_tables_without_names_are_read_as_told(data):
    folder = data / "vendor-files"
    witec = folder / "Witec" / "PST_WiICV532_Z050OP02_075_800msx10.txt"
    with pytest.raises(FormatError, match="no column names: give --technique raman or ftir"):
        decode(witec.read_bytes())
    (one,) = decode(witec.read_bytes(), columns=("raman shift", "intensity"), laser_nm=532.0)
    near = (one.spectrum.axis > 980) & (one.spectrum.axis < 1020)
    # ASTM E1840: 1001.4 cm⁻¹
    assert one.spectrum.axis[near][np.argmax(one.spectrum.intensity[near])] == pytest.approx(1001.4, abs=4)
    bare = folder / "openspecy" / "ftir_pva_without_header.csv"
    (one,) = decode(bare.read_bytes(), technique=Technique.FTIR)
    assert "no column names: read as cm⁻¹ and absorbance, as --technique ftir says" in one.spectrum.history


def test_real_spectra_survive_both_writers(data):
    for path in (
        sorted((data / "raman785-sig-container").glob("*.csv"))[:4]
        + sorted((data / "ftir-drugs").glob("*.jdx"))[:4]
    ):
        (one,) = decode(path.read_bytes())
        for encoded in (encode_jcamp(one.spectrum, one.title), encode_csv(one.spectrum)):
            (back,) = decode(encoded)
            assert np.array_equal(back.spectrum.axis, one.spectrum.axis)
            assert np.array_equal(back.spectrum.intensity, one.spectrum.intensity)
            assert back.spectrum.history == one.spectrum.history
