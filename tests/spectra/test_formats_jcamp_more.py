"""JCAMP-DX: points without a valid value, several variables, excitation, and ordinates that are no absorbance."""

import numpy as np
import pytest

from spectra.errors import FormatError
from spectra.formats import decode
from spectra.formats.jcamp_asdf import Grid, expand_table

#: As programs of Nicolet write the files of ENFSI's drugs library: invalid points behind the first one.
POINTS = 40
HEAD = (
    "##TITLE=#3249n\n##JCAMP-DX=5.01 $$ Nicolet v. 521\n##DATA TYPE=INFRARED SPECTRUM\n##XUNITS=1/CM\n"
    "##YUNITS=ABSORBANCE\n##XFACTOR=1.0\n##YFACTOR=1.0E-003\n##FIRSTX=400\n##LASTX=439\n##NPOINTS=40\n"
)


def enfsi(ordinates, head=HEAD):
    lines = [f"{400 + at} {' '.join(ordinates[at : at + 8])}" for at in range(0, POINTS, 8)]
    return (head + "##XYDATA=(X++(Y..Y))\n" + "\n".join(lines) + "\n##END=\n").encode()


ORDINATES = [str(100 + number) for number in range(POINTS)]


def test_invalid_points_at_an_end_are_left_out_and_told():
    (one,) = decode(enfsi([ORDINATES[0], "?", "?", *ORDINATES[3:]]))
    assert one.spectrum.axis.tolist() == list(range(403, 440))
    assert one.spectrum.intensity == pytest.approx([0.1 + number / 1000 for number in range(3, 40)])
    told = (
        "2 of 40 points are marked '?' (no valid value), at 401 to 402: left out, and 1 valid point(s) beyond "
        "them; read from 403 to 439"
    )
    assert told in one.spectrum.history
    assert one.meta["invalid points"] == told


def test_holes_in_the_middle_are_refused_with_count_and_place():
    holed = [*ORDINATES[:20], "?", "?", *ORDINATES[22:]]
    with pytest.raises(FormatError, match=r"2 of 40 points are marked '\?' .* at 420 to 421: .*holes"):
        decode(enfsi(holed))
    with pytest.raises(FormatError, match="40 of 40 points are marked"):
        decode(enfsi(["?"] * POINTS))


def test_invalid_points_in_pairs_and_in_packed_tables():
    pairs = "\n".join(f"{400 + at}, {'?' if at > 38 else ORDINATES[at]}" for at in range(POINTS))
    (one,) = decode((HEAD + "##XYPOINTS=(XY..XY)\n" + pairs + "\n##END=\n").encode())
    assert one.spectrum.axis[-1] == 438
    values = expand_table(["0A?TBJ", "4CJ", "5D"], 1, Grid(0.0, 1.0, 6, 1.0))
    assert np.isnan(values[1:3]).all()
    assert values[:1] + values[3:] == [1, 2, 3, 4]
    with pytest.raises(FormatError, match="is not a number"):
        decode((HEAD + "##XYPOINTS=(XY..XY)\n" + pairs.replace("405,", "?,") + "\n##END=\n").encode())


def test_greatest_and_least_ordinate_are_told_where_they_differ():
    (one,) = decode(enfsi(ORDINATES, HEAD.replace("##NPOINTS", "##MAXY=0.200\n##MINY=0.100\n##NPOINTS")))
    assert "MAXY=0.2 in the file, but the table reaches 0.139" in one.spectrum.history
    assert not any("MINY" in step for step in one.spectrum.history)


NTUPLES = """##TITLE=two pages
##JCAMP-DX=5.01
##DATA TYPE=RAMAN SPECTRUM
##DATA CLASS=NTUPLES
##$LASER WAVELENGTH=785
##NTUPLES=RAMAN SPECTRUM
##VAR_NAME= RAMAN SHIFT, INTENSITY, PAGE NUMBER
##SYMBOL=   X, Y, N
##VAR_TYPE= INDEPENDENT, DEPENDENT, PAGE
##VAR_FORM= AFFN, ASDF, AFFN
##VAR_DIM=  6, 6, 2
##UNITS=    1/CM, COUNTS,
##FIRST=    400, 10, 1
##LAST=     405, 15, 2
##FACTOR=   1, 10, 1
##PAGE= N=1
##DATA TABLE= (X++(Y..Y)), XYDATA
400AJJ
402CJJ
404EJ
405F
##PAGE= N=2
##DATA TABLE= (X++(Y..Y)), XYDATA
400 7 8 9 10 11 12
##END NTUPLES= RAMAN SPECTRUM
##END=
"""


def test_pages_of_several_variables_are_several_spectra():
    first, second = decode(NTUPLES.encode())
    assert first.spectrum.intensity.tolist() == [10, 20, 30, 40, 50, 60]
    assert second.spectrum.intensity.tolist() == [70, 80, 90, 100, 110, 120]
    assert first.spectrum.axis.tolist() == second.spectrum.axis.tolist() == [400, 401, 402, 403, 404, 405]
    assert (first.title, second.title) == ("two pages (N=1)", "two pages (N=2)")
    assert first.spectrum.laser_nm == second.spectrum.laser_nm == 785.0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("##FIRST=    400, 10, 1", "##FIRST=    400, 20, 1", "FIRSTY=20, but the table gives 10"),
        ("402CJJ", "402DJJ", "y-check failed"),
        ("##VAR_DIM=  6, 6, 2", "##VAR_DIM=  7, 7, 2", "x-check|NPOINTS promises 7"),
        ("##VAR_DIM=  6, 6, 2\n", "", "NPOINTS= is missing"),
        ("##SYMBOL=   X, Y, N", "##SYMBOL=   X, X, N", "SYMBOL"),
        ("##SYMBOL=   X, Y, N", "##SYMBOL=   X, R, N", "no dependent over an independent"),
        ("DEPENDENT, PAGE", "PAGE, PAGE", "no dependent over an independent"),
        ("(X++(Y..Y)), XYDATA\n400 7", "(XY..XY), PEAKS\n400 7", "is no plain spectrum"),
        ("##FACTOR=   1, 10, 1", "##FACTOR=   1, 10, 1, 1", "4 cells for 3 variables"),
        ("##SYMBOL=   X, Y, N", "##SYMBOL=   X, Y, N\n##SYMBOL=X", "a second ##SYMBOL="),
        ("DATA TYPE=RAMAN", "DATA TYPE=NMR", "neither an infrared nor a Raman"),
    ],
)
def test_several_variables_that_do_not_fit_are_refused(old, new, words):
    assert old in NTUPLES
    with pytest.raises(FormatError, match=words):
        decode(NTUPLES.replace(old, new).encode())


RAMAN = (
    HEAD.replace("INFRARED", "RAMAN").replace("ABSORBANCE", "COUNTS")
    + "##XYDATA=(X++(Y..Y))\n400 1 S40\n##END=\n"
)


@pytest.mark.parametrize(
    ("record", "laser"),
    [
        ("##LASER=785 nm", 785.0),
        ("##$Excitation Wavelength= 784.9", 784.9),
        ("##.LASER WAVENUMBER=12738.9", 1e7 / 12738.9),
        ("##$LASER=9394.9 cm-1", 1e7 / 9394.9),
        ("##$EXCITATION=Nd:YAG", None),
        ("##LASER=100", None),
    ],
)
def test_excitation_in_many_wordings(record, laser):
    (one,) = decode(
        RAMAN.replace(" 1 S40", " 1" + " 1" * 39).replace("##XUNITS", f"{record}\n##XUNITS").encode()
    )
    assert one.spectrum.laser_nm == (None if laser is None else pytest.approx(laser))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("##LASER WAVELENGTH=red", "'red' is not a number of nm"),
        ("##LASER WAVELENGTH=0", "outside 200"),
        ("##LASER=785 nm\n##EXCITATION=532 nm", "two lasers, of 532 and 785 nm"),
    ],
)
def test_excitation_is_not_guessed(record, words):
    with pytest.raises(FormatError, match=words):
        decode(RAMAN.replace(" 1 S40", " 1" * 40).replace("##XUNITS", f"{record}\n##XUNITS").encode())


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("KUBELKA-MUNK", "proportional to .* not to absorbance"),
        ("% Reflectance", "depends on how it was measured"),
        ("LOG(1/R)", "is a reflectance"),
        ("ARBITRARY UNITS", "may be absorbance, transmittance or reflectance"),
    ],
)
def test_ordinates_that_are_no_absorbance_say_why(unit, words):
    with pytest.raises(FormatError, match=words):
        decode(enfsi(ORDINATES, HEAD.replace("ABSORBANCE", unit)))


@pytest.mark.parametrize("kind", ["INFRARED INTERFEROGRAM", "INFRARED PEAK TABLE", "NIR SPECTRUM"])
def test_other_kinds_of_infrared_data_are_refused_by_name(kind):
    with pytest.raises(FormatError, match="interferogram is no|neither an infrared"):
        decode(enfsi(ORDINATES, HEAD.replace("INFRARED SPECTRUM", kind)))


@pytest.mark.parametrize(("said", "fits"), [(2, True), (3, True), (1, False), (4, False), ("x", True)])
def test_a_block_missing_from_a_link_is_noticed(said, fits):
    link = b"##TITLE=l\n##DATA TYPE=LINK\n##BLOCKS=%b\n" % str(said).encode()
    data = link + enfsi(ORDINATES) * 2 + b"##END=\n"
    if fits:
        assert len(decode(data)) == 2
    else:
        with pytest.raises(FormatError, match=f"BLOCKS={said}, but the link holds 2"):
            decode(data)


def test_repeat_counts_of_many_blocks_do_not_unfold_into_all_memory():
    bomb = HEAD.replace("NPOINTS=40", "NPOINTS=1048576") + "##XYDATA=(X++(Y..Y))\n"
    block = (bomb + "400@S048576\n##END=\n").encode()
    with pytest.raises(FormatError, match="more than 2097152 points"):
        decode(b"##TITLE=l\n##DATA TYPE=LINK\n" + block * 3 + b"##END=\n")


def test_a_lost_line_break_does_not_turn_a_y_check_into_a_point():
    """Found by random damage: a point swallowed by the next abscissa, its y-check read in its place."""
    grid = Grid(400.0, 1.0, 8, 1.0)
    assert len(expand_table(["400AJJJ", "403DJJJ", "406GJ", "407H"], 1, grid)) == 8
    with pytest.raises(FormatError, match="line 1: 'D' behind differences: two lines in one"):
        expand_table(["400AJJJ03DJJJ", "406GJ", "407H"], 1, grid)


def test_a_first_ordinate_off_by_one_step_is_noticed():
    text = enfsi(ORDINATES, HEAD.replace("##NPOINTS", "##FIRSTY=0.1010\n##NPOINTS"))
    with pytest.raises(FormatError, match="FIRSTY=0.101, but the table gives 0.1"):
        decode(text.replace(b"1.0E-003", b"0.001000"))


def test_an_end_off_by_one_channel_is_noticed_where_abscissae_are_whole_numbers():
    """Found by random damage: LASTX=496 for 495 passed, as the last abscissa was 0.93 away, less than a digit."""
    lines = [f"{400 + at} " + "7 " * 8 for at in range(0, 96, 8)]
    assert len(expand_table(lines, 1, Grid(400.0, 1.0, 96, 1.0))) == 96
    with pytest.raises(FormatError, match="x-check failed, abscissa 456 where 456.589 is due"):
        expand_table(lines, 1, Grid(400.0, 96 / 95, 96, 1.0))


def test_a_wrong_yfactor_is_noticed_where_ordinates_have_decimals():
    """Found by random damage: half a YFACTOR was allowed for rounding also where it is the whole ordinate."""
    head = HEAD.replace("1.0E-003", "1").replace("##NPOINTS", "##FIRSTY=0.100\n##NPOINTS")
    good = enfsi([f"0.{ordinate}" for ordinate in ORDINATES], head)
    assert decode(good)[0].spectrum.intensity[0] == pytest.approx(0.1)
    with pytest.raises(FormatError, match="FIRSTY=0.1, but the table gives 0.0917"):
        decode(good.replace(b"YFACTOR=1\n", b"YFACTOR=0.917\n"))


@pytest.mark.parametrize("value", ["0e9999", "0E+999", "0e-9999"])
def test_a_zero_with_a_huge_exponent_is_no_crash(value):
    text = enfsi(ORDINATES, HEAD.replace("##NPOINTS", f"##FIRSTY={value}\n##DELTAX={value}\n##NPOINTS"))
    (one,) = decode(text)
    assert one.spectrum.intensity[0] == pytest.approx(0.1)
    with pytest.raises(FormatError, match="x-check failed"):
        decode(enfsi(ORDINATES).replace(b"\n408 ", b"\n0E-999 "))
