"""Counts by pixel: every channel of BWSpec text, and each point of other files, with a rough axis."""

import numpy as np
import pytest

from spectra.axis import polynomial_axis, raman_shift
from spectra.errors import FormatError
from spectra.formats import encode_jcamp
from spectra.formats.pixels import decode_pixels
from spectra.values import Spectrum, Technique

BW = (
    "File Version;BWSpec4.11_1\ntitle;BWS415-785S\npixel_num;4\nlaser_wavelength;784,82\n"
    "coefs_a0;769,5\ncoefs_a1;0,15\ncoefs_a2;-4,2E-06\ncoefs_a3;-7E-10\n"
    "Pixel;Wavelength;Raman Shift;Raw data #1;Dark Subtracted #1;Dark Subtracted #2;\n"
    "0;   ;   ;65535,0;1,0;7,0;\n"
    "1;  1,0;100,50;10,0;2,5;8,5;\n"
    "2;  1,0;101,50;10,0;-3,5;9,5;\n"
    "3;   ;   ;10,0;1,0;7,0;\n"
)


def test_bwspec_gives_every_pixel_and_the_maker_s_coefficients():
    found = decode_pixels(BW.encode(), name="x.txt")
    assert found.counts.tolist() == [4.0, 5.5, 3.0, 4.0]
    assert found.coefficients == (769.5, 0.15, -4.2e-6, -7e-10)
    assert (found.laser_nm, found.meta["title"]) == (784.82, "BWS415-785S")
    assert decode_pixels(BW.replace("coefs_a2", "other").encode()).coefficients == ()


@pytest.mark.parametrize(
    ("old", "new"), [("pixel_num;4", "pixel_num;5"), ("0,15", "fast"), ("10,0;1,0;7,0", "10,0;ten;7,0")]
)
def test_damage_is_refused_with_the_file_s_name(old, new):
    assert old in BW
    with pytest.raises(FormatError, match=r"x\.txt"):
        decode_pixels(BW.replace(old, new).encode(), name="x.txt")


def test_other_files_count_their_points_and_bring_their_own_axis():
    nm = polynomial_axis((800.0, 0.16, -5e-6), 900)
    spectrum = Spectrum(raman_shift(nm, 785.0), np.arange(900.0), Technique.RAMAN, laser_nm=785.0)
    found = decode_pixels(encode_jcamp(spectrum, "lamp"), name="lamp.jdx")
    assert np.array_equal(found.counts, np.arange(900.0))
    assert polynomial_axis(found.coefficients, 900) == pytest.approx(nm, abs=1e-4)
    assert found.laser_nm == 785.0
    infrared = Spectrum(np.arange(400.0, 900.0), np.ones(500), Technique.FTIR)
    with pytest.raises(FormatError):
        decode_pixels(encode_jcamp(infrared, "film"))
    with pytest.raises(FormatError):
        decode_pixels(b"\x89HDF\r\n\x1a\n")
