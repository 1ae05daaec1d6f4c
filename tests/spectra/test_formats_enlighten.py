"""ENLIGHTEN CSV: what is read, what is cropped, what is refused."""

import numpy as np
import pytest

from spectra.errors import FormatError
from spectra.formats import decode
from spectra.values import Technique

HEADER = "ENLIGHTEN Version,4.1.44\nLabel,a, b\nPixel Count,6\nLaser Wavelength,785.0\n\n"
BODY = "Wavenumber,Processed\n400.0,0.00\n402.0,5.5\n404.0,0.0\n406.0,7\n408.0,1e1\n410.0,0\n"


def read(text, **options):
    (found,) = decode(text.encode(), **options)
    return found


def test_masked_ends_are_cropped_and_said():
    one = read(HEADER + BODY)
    assert one.spectrum.axis.tolist() == [402.0, 404.0, 406.0, 408.0]
    assert one.spectrum.intensity.tolist() == [5.5, 0.0, 7.0, 10.0]
    assert one.spectrum.technique is Technique.RAMAN
    assert one.spectrum.laser_nm == 785.0
    assert one.spectrum.history[-1] == "masked pixels (exact zeros) cropped: 1 at the start, 1 at the end"
    assert one.title == "a, b"
    assert one.format == "ENLIGHTEN CSV"


def test_windows_line_ends_and_byte_order_mark():
    plain, dressed = read(HEADER + BODY), read("\ufeff" + (HEADER + BODY).replace("\n", "\r\n"))
    assert np.array_equal(plain.spectrum.axis, dressed.spectrum.axis)


def test_utf16_export_reads_the_same():
    (found,) = decode((HEADER + BODY).encode("utf-16"))
    assert found.spectrum.axis.size == 4


def test_wavelengths_become_shifts_with_the_laser():
    text = (
        HEADER
        + "Pixel,Wavelength,Raw,Dark\n0,800,10,1\n1,801,65535,2\n2,802,30,3\n3,803,4,4\n4,804,5,1\n5,805,6,1\n"
    )
    spectrum = read(text).spectrum
    assert spectrum.axis[0] == pytest.approx(1e7 / 785 - 1e7 / 800)
    assert spectrum.intensity[1] == 65533
    assert spectrum.saturated
    assert any("dark subtracted" in step for step in spectrum.history)


def test_raw_alone_is_said():
    text = HEADER + "Wavenumber,Raw\n" + "".join(f"{400 + i},{i + 1}\n" for i in range(6))
    assert "raw counts, no dark subtracted" in read(text).spectrum.history


def test_excel_rewrites_the_blank_row():
    text = HEADER.replace("\n\n", "\n,\n") + BODY
    assert read(text).spectrum.axis.size == 4


def test_cropped_export_may_be_shorter_than_the_detector():
    text = HEADER.replace("Pixel Count,6", "Pixel Count,1952\nCropped,True") + BODY
    assert read(text).spectrum.axis.size == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("410.0,0\n", ""), "promises 6 pixels, the table has 5"),
        (("410.0,0\n", "410.0\n"), "line 12: 1 cells for 2 columns"),
        (("404.0,0.0", "404.0,nan"), "line 9: 'nan' is not a number"),
        (("404.0,0.0", "404.0,1_0"), "not a number"),
        (("404.0,0.0", "404.0,1e999"), "too large"),
        (("404.0", "402.0"), "repeats or turns back"),
        (("Wavenumber,Processed", "Wavenumber,Absorbed"), "column names should be among"),
        (("Wavenumber,Processed", "Pixel,Processed"), "no Wavenumber or Wavelength"),
        (("Wavenumber,Processed", "Wavenumber,Dark"), "no Processed or Raw"),
        (("Laser Wavelength,785.0", "Laser Wavelength,red"), "'Laser Wavelength'"),
        (("Laser Wavelength,785.0", "Laser Wavelength,78500"), "outside 200–2000"),
        (("Label,a, b", "Label"), "no 'Key,Value' row"),
        (("\n\n", "\n"), "no 'Key,Value' row|no end|cells"),
    ],
)
def test_damage_is_refused_in_words(change, words):
    text = HEADER + BODY
    assert change[0] in text
    with pytest.raises(FormatError, match=words):
        read(text.replace(*change))


def test_wavelengths_without_a_laser_ask_for_it():
    text = (HEADER + BODY).replace("Laser Wavelength,785.0\n", "").replace("Wavenumber", "Wavelength")
    with pytest.raises(FormatError, match="--laser"):
        read(text)
    assert read(text.replace("40", "80"), laser_nm=785.0).spectrum.laser_nm == 785.0


def test_contradiction_of_the_caller_is_refused():
    with pytest.raises(FormatError, match="--technique ftir"):
        read(HEADER + BODY, technique=Technique.FTIR)
    with pytest.raises(FormatError, match="--laser 532"):
        read(HEADER + BODY, laser_nm=532.0)
    assert read(HEADER + BODY, laser_nm=784.9).spectrum.laser_nm == 785.0


def test_nothing_but_zeros_is_refused():
    with pytest.raises(FormatError, match="every intensity is zero"):
        read(HEADER + "Wavenumber,Processed\n" + "".join(f"{400 + i},0\n" for i in range(6)))


def test_header_without_end_is_refused():
    with pytest.raises(FormatError, match="no end"):
        read("ENLIGHTEN Version,1\n" + "a,b\n" * 2000)
    with pytest.raises(FormatError, match="column names"):
        read("ENLIGHTEN Version,1\n\n")
