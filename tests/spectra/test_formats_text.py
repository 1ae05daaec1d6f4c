"""BWSpec text, two-column text, and what every reader shares."""

import numpy as np
import pytest

from spectra.errors import FormatError, UnknownFormat
from spectra.formats import MAX_BYTES, decode
from spectra.values import Technique

BW = (
    "File Version;BWSpec4.11_1\nDate;2021-10-27\ntitle;BWS415-785S\npixel_num;5\nlaser_wavelength;784,82\n"
    "Pixel;Wavelength;Raman Shift;Raw data #1;Dark Subtracted #1;Dark Subtracted #2;\n"
    "0;   ;   ;65535,0;1,0;7,0;\n"
    "1;  1,0;100,50;10,0;2,5;8,0;\n"
    "2;  1,0;101,50;10,0;-3,5;9,0;\n"
    "3;  1,0;102,50;10,0;4,5;9,5;\n"
    "4;   ;   ;10,0;1,0;7,0;\n"
)


def test_bwspec_with_decimal_comma_and_two_accumulations():
    first, second = decode(BW.encode(), name="x.txt")
    assert first.spectrum.axis.tolist() == [100.5, 101.5, 102.5]
    assert first.spectrum.intensity.tolist() == [2.5, -3.5, 4.5]
    assert second.spectrum.intensity.tolist() == [8.0, 9.0, 9.5]
    assert first.spectrum.laser_nm == 784.82
    assert not first.spectrum.saturated
    assert "1 at the start, 1 at the end" in first.spectrum.history[-1]
    assert (first.format, first.title, first.meta["Date"]) == ("BWSpec text", "x.txt", "2021-10-27")


def test_bwspec_with_decimal_point_and_saturation():
    full = BW.replace(",", ".").replace("1.0;101.50;10.0", "1.0;101.50;65535.0")
    (behind_the_edge_filter, _) = decode(full.encode())
    assert not behind_the_edge_filter.spectrum.saturated
    assert any("full scale" in step for step in behind_the_edge_filter.spectrum.history)
    moved = full.replace("100.50", "800.50").replace("101.50", "801.50").replace("102.50", "802.50")
    (one, _) = decode(moved.encode())
    assert one.spectrum.laser_nm == 784.82
    assert one.spectrum.saturated
    assert one.spectrum.history[-1] == "detector at full scale in 1 channel(s), 802 to 802 cm⁻¹"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2;  1,0;101,50;10,0;-3,5;9,0;\n", "", "promises 5 pixels, the table has 4"),
        ("4;   ;   ;10,0;1,0;7,0;\n", "4;   ;   ;10,0", "line 11: 4 cells for 6 columns"),
        ("2;  1,0;101,50", "2;  1,0;    ", "blank Raman shifts in the middle"),
        ("-3,5", "-3.5", "line 9: '-3.5' is not a number"),
        ("101,50", "100,50", "repeats or turns back"),
        ("Raman Shift", "Shift", "0 columns named 'Raman Shift'"),
        ("Dark Subtracted #2", "Dark Subtracted #1", "2 columns named"),
        ("Dark Subtracted", "Dark", "no column 'Dark Subtracted #1'"),
        ("Pixel;", "Point;", "no row of column names"),
        ("title;BWS415-785S", "title", "no 'key;value' row"),
        ("101,50", "   ", "middle"),
        ("784,82", "784,82,1", "not a number"),
    ],
)
def test_bwspec_damage_is_refused(old, new, words):
    assert old in BW
    with pytest.raises(FormatError, match=words):
        decode(BW.replace(old, new).encode())


def test_bwspec_without_any_shift_is_refused():
    with pytest.raises(FormatError, match="0 point"):
        decode(BW.replace("100,50", " ").replace("101,50", " ").replace("102,50", " ").encode())


def columns(text, **options):
    (one,) = decode(text.encode(), **options)
    return one.spectrum


@pytest.mark.parametrize(
    "text",
    [
        "Raman shift (cm-1),Intensity\n400,1.5\n401,2\n402.5,-3e0\n",
        "Raman Shift / cm⁻¹\tcounts\n400\t1.5\n401\t2\n402.5\t-3\n",
        "raman_shift;intensity\n400;1,5\n401;2\n402,5;-3\n",
        "Pixel,Raman shift,Intensity\n0,400,1.5\n1,401,2\n2,402.5,-3\n",
        "# technique: raman\n# laser_nm: 785\nwavenumber,intensity\n400,1.5\n401,2\n402.5,-3\n\n",
        "402.5 -3\n401 2\n400 1.5\n",
        "400,0 1,5\n401,0 2,0\n402,5 -3,0\n",
        "400, 1.5\n401, 2\n402.5, -3\n",
    ],
)
def test_columns_in_many_dialects(text):
    spectrum = columns(text, technique=Technique.RAMAN)
    assert spectrum.axis.tolist() == [400, 401, 402.5]
    assert spectrum.intensity.tolist() == [1.5, 2, -3]


def test_names_give_the_technique():
    assert columns("Raman shift,intensity\n400,1\n401,2\n").technique is Technique.RAMAN
    assert columns("wavenumber,absorbance\n400,1\n401,2\n").technique is Technique.FTIR


def test_transmittance_and_per_cent():
    fraction = columns("wavenumber,transmittance\n400,0.1\n401,1\n")
    percent = columns("wavenumber,%T\n400,10\n401,100\n")
    assert fraction.intensity == pytest.approx(percent.intensity)
    with pytest.raises(FormatError, match="1 of 2 transmittances"):
        columns("wavenumber,%T\n400,0\n401,100\n")


def test_wavelengths():
    infrared = columns("wavelength (nm),absorbance\n5000,1\n10000,2\n")
    assert infrared.axis.tolist() == [1000.0, 2000.0]
    assert infrared.history[-1] == "descending axis reversed"
    text = "wavelength,intensity\n800,1\n801,2\n"
    with pytest.raises(FormatError, match="--laser NM"):
        columns(text, technique=Technique.RAMAN)
    raman = columns(text, technique=Technique.RAMAN, laser_nm=785.0)
    assert raman.axis[0] == pytest.approx(1e7 / 785 - 1e7 / 800)
    for technique in Technique:
        with pytest.raises(FormatError, match="above zero"):
            columns("wavelength,intensity\n-1,1\n801,2\n", technique=technique, laser_nm=785.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("400,1\n401,2\n", "no column names: give --technique"),
        ("wavenumber,intensity\n400,1\n401,2\n", "does not say how it was measured: give --technique"),
        ("wavenumber,foo\n400,1\n401,2\n", "column 'foo' is unknown: .*--columns wavenumber,absorbance"),
        ("wavenumber,reflectance\n400,1\n401,2\n", "column 'reflectance' is no absorbance: convert it"),
        ("wavelength (cm-1),absorbance\n400,1\n401,2\n", "column 'wavelength \\(cm-1\\)' is unknown"),
        ("wavenumber;absorbance;noise\n400;1,234;9,999\n401;2,345;8,888\n", "may be decimal marks or stand"),
        ("wavenumber,intensity,counts\n400,1,1\n401,2,2\n", "need one axis and one intensity"),
        ("Raman shift,absorbance\n400,1\n401,2\n", "contradict each other"),
        ("# technique: nmr\nwavenumber,intensity\n400,1\n401,2\n", "technique 'nmr'"),
        ("Raman shift\n400,1\n401,2\n", "column 'Raman' is unknown"),
        ("Raman shift,intensity\n400,1,2\n401,2,3\n", "2 column names for 3"),
        ("Raman shift,intensity\n400,1\n401\n", "line 3: 1 cells for 2"),
        ("Raman shift,intensity\n400,1\n401,nan\n", "line 3: 'nan' is not a number"),
        ("Raman shift,intensity\n400,1\n401,inf\n", "not a number"),
        ("Raman shift;intensity\n400;1.000,5\n401;2\n", "not a number"),
        ("Raman shift,intensity\n400,1\n", "1 point"),
        ("Raman shift,intensity\n400,1\n402,2\n401,3\n", "turns back at 402"),
        ("Raman shift,intensity\n400,1\n400000,2\n", "impossible for raman"),
        ("wavenumber,absorbance\n-1,1\n400,2\n", "impossible for ftir"),
    ],
)
def test_columns_are_not_guessed(text, words):
    with pytest.raises(FormatError, match=words):
        columns(text)


@pytest.mark.parametrize(
    ("names", "axis"),
    [
        ("Wavelength [µm],Absorbance (a.u.)", [1000.0, 2000.0]),
        ("Wavelength / nm,Abs", [1.0, 2.0]),
        ("Wavenumber (cm⁻¹),% Transmittance", [5000.0, 10000.0]),
        ("cm-1,Transmittance (%)", [5000.0, 10000.0]),
        ("wavenumbers,absorbance\ncm-1,a.u.", [5000.0, 10000.0]),
    ],
)
def test_units_of_column_names(names, axis):
    numbers = (
        "5,1\n10,2\n"
        if "µm" in names
        else "5000,10\n10000,100\n"
        if "ransm" in names
        else "5000,1\n10000,2\n"
    )
    if "nm" in names:
        numbers = "5000000,1\n10000000,2\n"
    found = columns(f"{names}\n{numbers}")
    assert found.axis.tolist() == pytest.approx(axis)
    assert found.technique is Technique.FTIR
    if "ransm" in names:
        assert found.intensity.tolist() == pytest.approx([1.0, 0.0])


WIDE = "time;x;s1;s2;s3\n0;400;1;10;5\n1;401;2;20;6\n2;402;3;30;7\n"


def test_tables_of_many_columns_are_asked_about_and_read_as_told():
    with pytest.raises(FormatError, match="column 'time' is unknown: say what each column is"):
        columns(WIDE)
    with pytest.raises(FormatError, match="--columns names 2 columns, the table has 5"):
        columns(WIDE, columns=("raman shift", "intensity"))
    with pytest.raises(FormatError, match="need one axis and one intensity"):
        columns(WIDE, columns=("-", "raman shift", "-", "-", "-"))
    one = columns(WIDE, columns=("-", "raman shift", "-", "intensity", "noise"))
    assert one.intensity.tolist() == [10, 20, 30]
    assert one.noise.tolist() == [5, 6, 7]
    assert "columns read as -, raman shift, -, intensity, noise, as --columns says" in one.history
    several = decode(
        WIDE.encode(),
        name="w.csv",
        columns=("-", "raman shift", "intensity", "-", "intensity"),
        laser_nm=785.0,
    )
    assert [found.title for found in several] == ["w.csv s1", "w.csv s3"]
    assert [found.spectrum.intensity.tolist() for found in several] == [[1, 2, 3], [5, 6, 7]]
    with pytest.raises(FormatError, match="a column of noise needs one column of intensity"):
        decode(WIDE.encode(), columns=("-", "raman shift", "intensity", "noise", "intensity"))


def curve(low, high, level):
    """A table without names: twenty rows around a level, with one band."""
    axis = np.linspace(low, high, 20)
    return "\n".join(f"{x:.2f} {level if n != 9 else 0.3}" for n, x in enumerate(axis)) + "\n"


@pytest.mark.parametrize(
    ("text", "technique", "words"),
    [
        (curve(790, 1060, 50), Technique.RAMAN, "790 to 1060 may be nm or cm-1: .*--columns"),
        (curve(2.5, 25, 0.1), Technique.FTIR, "2.5 to 25 looks like no cm-1"),
        (curve(2500, 15000, 0.1), Technique.FTIR, "looks like no cm-1"),
        (curve(400, 4000, 0.95), Technique.FTIR, "look like transmittance, not absorbance"),
        (curve(400, 4000, 95), Technique.FTIR, "an absorbance of 95 is impossible"),
    ],
)
def test_tables_without_names_that_look_like_something_else_are_asked_about(text, technique, words):
    with pytest.raises(FormatError, match=words):
        columns(text, technique=technique)
    named = (
        "wavelength um" if "2.50" in text else "wavelength nm" if "790" in text or "15000" in text else "cm-1"
    )
    ordinate = "intensity" if technique is Technique.RAMAN else "%T" if " 95" in text[:12] else "absorbance"
    assert columns(text, technique=technique, laser_nm=785.0, columns=(named, ordinate)).axis.size == 20


def test_tables_without_names_that_look_as_told_are_read():
    assert columns(curve(200, 3200, 50), technique=Technique.RAMAN).axis.size == 20
    assert columns(curve(400, 4000, 0.1), technique=Technique.FTIR).axis.size == 20


def test_columns_without_names_follow_the_technique_and_say_so():
    spectrum = columns("400,1\n401,2\n", technique=Technique.FTIR)
    assert "--technique ftir" in spectrum.history[-1]
    with pytest.raises(FormatError, match="3 columns without names"):
        columns("400,1,2\n401,2,3\n", technique=Technique.FTIR)
    with pytest.raises(FormatError, match="absorbance of 99 is impossible"):
        columns("400,1\n401,99\n", technique=Technique.FTIR)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", FormatError, "empty"),
        (b" \n\t", FormatError, "empty"),
        (b"\x00\x01\x02\x03", UnknownFormat, "binary"),
        (b"hello world, this is prose\n", UnknownFormat, "no format read here"),
        (b"\xff\xfe\x00", FormatError, "binary|empty"),
        (b"x" * (MAX_BYTES + 1), FormatError, "more than"),
    ],
)
def test_what_is_no_spectrum_at_all(data, error, words):
    with pytest.raises(error, match=words):
        decode(data)


def test_the_name_leads_the_message_on_one_line():
    with pytest.raises(FormatError, match=r"^evil name: the file is empty$"):
        decode(b"", name="evil\nname")


def test_impossible_laser_is_refused():
    with pytest.raises(FormatError, match="outside 200–2000"):
        columns("Raman shift,intensity\n400,1\n401,2\n", laser_nm=5.0)
    assert columns("wavenumber,absorbance\n400,1\n401,2\n", laser_nm=785.0).laser_nm is None


def test_too_many_rows_are_refused():
    rows = "1,2\n" * ((1 << 20) + 1)
    with pytest.raises(FormatError, match="more than 1048576 points"):
        columns("Raman shift,intensity\n" + rows)


def test_arrays_are_read_only():
    spectrum = columns("Raman shift,intensity\n400,1\n401,2\n")
    assert not spectrum.axis.flags.writeable
    assert np.array_equal(spectrum.axis, [400, 401])
