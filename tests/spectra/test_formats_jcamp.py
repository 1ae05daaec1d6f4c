"""JCAMP-DX: every compression form, every check, and what is no spectrum."""

import numpy as np
import pytest

from spectra.errors import FormatError
from spectra.formats import decode
from spectra.formats.jcamp_asdf import Grid, expand_line, expand_table, last_digit
from spectra.values import Technique

HEAD = {
    "TITLE": "t",
    "JCAMP-DX": "4.24",
    "DATA TYPE": "INFRARED SPECTRUM",
    "XUNITS": "1/CM",
    "YUNITS": "ABSORBANCE",
    "XFACTOR": "1",
    "YFACTOR": "0.01",
    "FIRSTX": "400",
    "LASTX": "405",
    "NPOINTS": "6",
    "FIRSTY": "1.00",
}
TABLE = ["400 100 101 99", "403 98 98 105"]
EXPECTED = [1.00, 1.01, 0.99, 0.98, 0.98, 1.05]


def block(table=TABLE, kind="XYDATA=(X++(Y..Y))", end="##END=", **changes):
    head = {**HEAD, **{key.replace("_", " "): value for key, value in changes.items()}}
    lines = [f"##{key}={value}" for key, value in head.items() if value is not None]
    return "\n".join([*lines, f"##{kind}", *table, end]) + "\n"


def read(text, **options):
    (found,) = decode(text.encode(), **options)
    return found


# The example of JCAMP-DX 4.24, section 5.9: the same ordinates in every form.
STANDARD = [1, 2, 3, 3, 2, 1, 0, -1, -2, -3]


@pytest.mark.parametrize(
    "tokens",
    [
        "1 2 3 3 2 1 0 -1 -2 -3",  # FIX
        "+1+2+3+3+2+1+0-1-2-3",  # PAC
        "ABCCBA@abc",  # SQZ
        "AJJ%jjjjjj",  # DIF
        "AJT%jX",  # DIFDUP
        "1BCTBA@abc",  # mixed, with a repeat of an absolute ordinate
    ],
)
def test_the_standard_example_in_every_form(tokens):
    grid = Grid(0.0, 1.0, 10, 1.0)
    assert expand_table([f"0 {tokens}"], 1, grid) == STANDARD


def test_difference_line_needs_its_y_check():
    grid = Grid(0.0, 1.0, 6, 1.0)
    assert expand_table(["0AJJ", "2CJJ", "4EJ", "5F"], 1, grid) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(FormatError, match="line 2: y-check failed, 4 here and 3"):
        expand_table(["0AJJ", "2DJJ", "4EJ"], 1, grid)
    with pytest.raises(FormatError, match="starts with a difference"):
        expand_table(["0AJJ", "3JJJ"], 1, grid)


def test_abscissa_of_the_next_point_behind_a_y_check_is_accepted():
    assert expand_table(["0AJJ", "3CJJ", "5E"], 1, Grid(0.0, 1.0, 5, 1.0)) == [1, 2, 3, 4, 5]


def test_x_check_finds_a_lost_point():
    with pytest.raises(FormatError, match="line 2: x-check failed, abscissa 403 where 402"):
        expand_table(["400 1 2", "403 3 4 5"], 1, Grid(400.0, 1.0, 6, 1.0))


def test_x_check_knows_how_the_abscissa_was_rounded():
    lines = ["400 1 2 3", "401 4 5 6"]
    assert len(expand_table(lines, 1, Grid(400.4, 0.25, 6, 1.0))) == 6


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("400 1 ? J", "a difference to a point marked '\\?'"),
        ("400 1 ٣ 3", "not an abscissa followed"),
        ("400 1 x 3", "'x' is not an ordinate"),
        ("400 T1", "repeat count"),
        ("400", "not an abscissa followed"),
        ("abc", "not an abscissa followed"),
        ("400 AS999999999999", "repeats are more than NPOINTS"),
        ("400 A" + "1" * 60, "digits"),
        ("400 " + "1" * 60, "not an ordinate"),
        ("4" * 60 + " 1", "digits"),
        ("400 1 2 3 4 5 6 7", "more points than NPOINTS"),
        ("400 A J J J J J J", "more points than NPOINTS"),
    ],
)
def test_damaged_lines_name_themselves(line, words):
    with pytest.raises(FormatError, match=f"line 7: .*{words}"):
        expand_table([line], 7, Grid(400.0, 1.0, 6, 1.0))


def test_a_huge_repeat_count_costs_nothing():
    with pytest.raises(FormatError, match="repeats"):
        expand_line(["A", "S" + "9" * 30], "here", limit=1000)


def test_last_digit():
    assert last_digit("5000.03") == pytest.approx(0.01)
    assert last_digit("1.5E+02") == pytest.approx(10.0)
    assert last_digit("7") == 1.0


def test_plain_spectrum():
    one = read(block(RESOLUTION="4.0"))
    assert one.spectrum.intensity.tolist() == pytest.approx(EXPECTED)
    assert one.spectrum.axis.tolist() == [400, 401, 402, 403, 404, 405]
    assert (one.spectrum.technique, one.spectrum.resolution_cm1) == (Technique.FTIR, 4.0)
    assert one.title == "t"
    assert one.meta["XUNITS"] == "1/CM"


def test_descending_axis_is_reversed_openly():
    one = read(block(["405 100 101 99", "402 98 98 105"], FIRSTX="405", LASTX="400"))
    assert one.spectrum.intensity.tolist() == pytest.approx(EXPECTED[::-1])
    assert one.spectrum.history[-1] == "descending axis reversed"


def test_pairs():
    table = ["400, 100; 401, 101", "403.5,99 405,98"]
    one = read(block(table, "XYPOINTS=(XY..XY)", NPOINTS="4"))
    assert one.spectrum.axis.tolist() == [400, 401, 403.5, 405]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (["400 100 401"], "do not make pairs"),
        (["400 100 401 101 ? 99 405 98"], "'\\?' is not a number"),
        (["400 100", "401 1"], "2 points, NPOINTS promises 4"),
        (["400 100 401 101 402 99 406 98"], "LASTX"),
        (["401 100 401.5 101 402 99 405 98"], "FIRSTX"),
        (["400 100 401 101 402 99 405 98 406 1"], "more points"),
        (["400 100 401 nan 402 99 405 98"], "not a number"),
    ],
)
def test_damaged_pairs(table, words):
    with pytest.raises(FormatError, match=words):
        read(block(table, "XYPOINTS=(XY..XY)", NPOINTS="4"))


def test_transmittance_becomes_absorbance_and_says_so():
    fraction = read(block(YUNITS="TRANSMITTANCE", FIRSTY=None)).spectrum
    assert fraction.intensity == pytest.approx(-np.log10(EXPECTED))
    assert "transmittance converted to absorbance" in fraction.history
    percent = read(block(YUNITS="TRANSMITTANCE", YFACTOR="1", FIRSTY="100")).spectrum
    assert percent.intensity == pytest.approx(fraction.intensity)
    assert any("read as per cent" in step for step in percent.history)
    named = read(block(YUNITS="% Transmittance", YFACTOR="1", FIRSTY="100")).spectrum
    assert named.intensity == pytest.approx(fraction.intensity)


def test_transmittance_of_zero_is_refused_with_the_count():
    with pytest.raises(FormatError, match="2 of 6 transmittances are zero or negative"):
        read(block(["400 100 0 99", "403 -8 98 105"], YUNITS="TRANSMITTANCE"))


@pytest.mark.parametrize(
    ("unit", "first", "last"), [("MICROMETERS", 5.0, 10.0), ("NANOMETERS", 5000.0, 10000.0)]
)
def test_lengths_become_wavenumbers(unit, first, last):
    one = read(block([f"{first} 100 101 99 98 98 105"], XUNITS=unit, FIRSTX=str(first), LASTX=str(last)))
    assert one.spectrum.axis[[0, -1]].tolist() == pytest.approx([1000.0, 2000.0])
    assert any("converted to cm⁻¹" in step for step in one.spectrum.history)


def test_raman_in_nanometers_needs_the_laser():
    raman = {"DATA_TYPE": "RAMAN SPECTRUM", "YUNITS": "COUNTS", "XUNITS": "NANOMETERS"}
    table = ["800 100 101 99 98 98 105"]
    text = block(table, FIRSTX="800", LASTX="805", **raman)
    with pytest.raises(FormatError, match="--laser"):
        read(text)
    given = read(text, laser_nm=785.0).spectrum
    written = read(text.replace("##XUNITS", "##$LASER WAVELENGTH=785 nm\n##XUNITS")).spectrum
    assert given.axis[0] == written.axis[0] == pytest.approx(1e7 / 785 - 1e7 / 800)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DATA_TYPE": "NMR SPECTRUM"}, "'NMR SPECTRUM' is neither an infrared nor a Raman"),
        ({"DATA_TYPE": "MASS SPECTRUM"}, "neither"),
        ({"DATA_TYPE": None}, "no ##DATA TYPE="),
        ({"JCAMP-DX": "6.0"}, "version '6.0'"),
        ({"XUNITS": "HZ"}, "XUNITS=HZ"),
        ({"YUNITS": "REFLECTANCE"}, "YUNITS=REFLECTANCE is not read for ftir"),
        ({"NPOINTS": None}, "##NPOINTS= is missing"),
        ({"NPOINTS": "7"}, "6 points, NPOINTS promises 7"),
        ({"NPOINTS": "6.5"}, "no number of points"),
        ({"NPOINTS": "99999999"}, "no number of points"),
        ({"LASTX": None}, "##LASTX= is missing"),
        ({"LASTX": "400"}, "FIRSTX equals LASTX"),
        ({"LASTX": "410"}, "x-check failed"),
        ({"FIRSTY": "1.2"}, "FIRSTY=1.2, but the table gives 1"),
        ({"YFACTOR": "0.02"}, "FIRSTY"),
        ({"YFACTOR": "0"}, "YFACTOR=0"),
        ({"DELTAX": "2.0"}, "DELTAX=2"),
        ({"XFACTOR": "two"}, "##XFACTOR=: 'two' is not a number"),
        ({"XUNITS": "MICROMETERS", "FIRSTX": "-2", "LASTX": "3"}, "x-check|above zero"),
    ],
)
def test_refusals_have_reasons(changes, words):
    with pytest.raises(FormatError, match=words):
        read(block(**changes))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("PEAK TABLE=(XY..XY)", "peak table is no spectrum"),
        ("NTUPLES=X", "NTUPLES without"),
        ("PEAK ASSIGNMENTS=(XYA)", "peak assignments are no spectrum"),
        ("XYDATA=(R++(I..I))", "no form of table"),
        ("OTHER=1", "no ##XYDATA="),
    ],
)
def test_tables_that_are_no_spectrum(kind, words):
    with pytest.raises(FormatError, match=words):
        read(block(kind=kind))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (block(end=""), "no ##END=.*cut off"),
        (block() + "stray\n", "outside every block"),
        ("##DATA TYPE=X\n" + block(), "begin with ##TITLE"),
        (block(end="") + block(), "begins inside the one from line 1"),
        (block().replace("##FIRSTX=400", "##FIRSTX 400"), "without '='"),
        (block().replace("##FIRSTX=400", "##FIRSTX=400\n##FIRST X=500"), "a second ##FIRSTX="),
        ("##TITLE=a\n##DATA TYPE=LINK\n" * 10, "levels"),
        ("##TITLE=a\n##DATA TYPE=LINK\n##END=\n", "a link without blocks"),
    ],
)
def test_broken_skeletons(text, words):
    with pytest.raises(FormatError, match=words):
        read(text)


def test_missing_factor_is_said():
    one = read(block(XFACTOR=None, YFACTOR=None, FIRSTY="100", YUNITS="% TRANSMITTANCE"))
    assert "no XFACTOR: taken as 1" in one.spectrum.history
    assert "no YFACTOR: taken as 1" in one.spectrum.history


def test_compound_file_gives_several_and_names_what_it_leaves_out():
    other = block(DATA_TYPE="MASS SPECTRUM", TITLE="ms")
    link = (
        "##TITLE=all\n##JCAMP-DX=5.01\n##DATA TYPE=LINK\n##BLOCKS=3\n"
        + block()
        + other
        + block()
        + "##END=\n"
    )
    found = decode(link.encode())
    assert len(found) == 2
    assert "block 2 ('ms')" in found[0].meta["left out"]


def test_damage_in_a_compound_file_names_the_block():
    link = "##TITLE=all\n##DATA TYPE=LINK\n" + block() + block(NPOINTS="7") + "##END=\n"
    with pytest.raises(FormatError, match=r"block 2 \('t'\): 6 points"):
        decode(link.encode())
    with pytest.raises(FormatError, match="chemical structure"):
        decode(b"##TITLE=all\n##DATA TYPE=LINK\n##TITLE=s\n##JCAMP-CS=3.7\n##END=\n##END=\n")


def test_comments_old_macintosh_line_ends_and_ctrl_z():
    text = "$$ a comment\n" + block().replace("101 99", "101 99 $$ dark").replace("##NPOINTS", " ##n points")
    assert read(text).spectrum.intensity.tolist() == pytest.approx(EXPECTED)
    old = read(block().replace("\n", "\r") + "\x1a")
    assert old.spectrum.axis.size == 6
