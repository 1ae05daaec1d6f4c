"""What is written reads back bit for bit, and no bytes make a reader misbehave."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectra.errors import FormatError
from spectra.formats import decode, encode_csv, encode_jcamp
from spectra.values import Spectrum, Technique

finite = st.floats(-1e12, 1e12, allow_nan=False)
words = st.lists(st.text(max_size=30), max_size=3)

ENLIGHTEN = (
    b"ENLIGHTEN Version,4.1\nLabel,x\nPixel Count,4\nLaser Wavelength,785\n\n"
    b"Wavenumber,Processed\n400,0\n401,2.5\n402,3\n403,0\n"
)
BWSPEC = (
    b"File Version;BWSpec4.11_1\npixel_num;3\nlaser_wavelength;784,82\nPixel;Raman Shift;Dark Subtracted #1;\n"
    b"0;   ;1,0;\n1;100,5;2,5;\n2;101,5;3,5;\n"
)
JCAMP = (
    b"##TITLE=t\n##JCAMP-DX=4.24\n##DATA TYPE=INFRARED SPECTRUM\n##XUNITS=1/CM\n##YUNITS=TRANSMITTANCE\n"
    b"##FIRSTX=400\n##LASTX=405\n##NPOINTS=6\n##XFACTOR=1\n##YFACTOR=0.1\n##FIRSTY=0.1\n"
    b"##XYDATA=(X++(Y..Y))\n400AJJ\n402CJT\n404E%\n405E\n##END=\n"
)
COMPOUND = (
    b"##TITLE=l\n##DATA TYPE=LINK\n##TITLE=t\n##JCAMP-DX=5.01\n##DATA TYPE=RAMAN SPECTRUM\n##XUNITS=NANOMETERS\n"
    b"##YUNITS=COUNTS\n##$LASER WAVELENGTH=785\n##FIRSTX=800\n##LASTX=803\n##NPOINTS=3\n"
    b"##XYPOINTS=(XY..XY)\n800,1;801,2\n803 5\n##END=\n##END=\n"
)
COLUMNS = b"# laser_nm: 785\nRaman shift;intensity\n400,5;1,5\n401;2\n402,5;3\n"
VALID = [ENLIGHTEN, BWSPEC, JCAMP, COMPOUND, COLUMNS]


@st.composite
def spectra(draw):
    size = draw(st.integers(2, 40))
    start = draw(st.floats(1, 1000))
    if draw(st.booleans()):
        axis = np.linspace(start, start + draw(st.floats(1, 5000)), size)
    else:
        axis = start + np.cumsum(draw(st.lists(st.floats(1e-3, 50), min_size=size, max_size=size)))
    raman = draw(st.booleans())
    return Spectrum(
        axis=axis,
        intensity=draw(st.lists(finite, min_size=size, max_size=size)),
        technique=Technique.RAMAN if raman else Technique.FTIR,
        noise=draw(st.none() | st.lists(st.floats(0, 1e6), min_size=size, max_size=size)),
        laser_nm=draw(st.none() | st.floats(200, 2000)) if raman else None,
        resolution_cm1=draw(st.none() | st.floats(0.5, 64).map(lambda v: round(v, 3))),
        saturated=draw(st.booleans()),
        history=tuple(draw(words)),
    )


def plain(steps):
    from spectra.formats.reading import clean

    return tuple(kept for step in steps if (kept := clean(step.replace("$$", " "))))


def same(one, other):
    assert np.array_equal(one.axis, other.axis)
    assert np.array_equal(one.intensity, other.intensity)
    for name in ("technique", "laser_nm", "resolution_cm1", "saturated"):
        assert getattr(one, name) == getattr(other, name)
    if plain(one.history):
        assert other.history == plain(one.history)


@settings(max_examples=150, deadline=2000)
@given(spectra(), st.text(max_size=40))
def test_jcamp_reads_back_bit_for_bit(spectrum, title):
    data = encode_jcamp(spectrum, title)
    (found,) = decode(data)
    same(spectrum, found.spectrum)
    assert found.title == (plain([title])[0] if plain([title]) else "spectrum")
    assert all(len(line) <= 80 for line in data.decode().split("##XYDATA=")[-1].split("\r\n")[1:])


@settings(max_examples=100, deadline=2000)
@given(spectra(), st.booleans())
def test_packed_jcamp_keeps_to_its_precision(spectrum, whole):
    if whole:
        spectrum = replace(spectrum, intensity=np.rint(np.clip(spectrum.intensity, -1e9, 1e9)))
    data = encode_jcamp(spectrum, "t", packed=True)
    (found,) = decode(data)
    assert np.array_equal(found.spectrum.axis, spectrum.axis)
    largest = np.abs(spectrum.intensity).max()
    exact = whole or b"##XYPOINTS" in data
    allowed = 0.0 if exact else largest * (2**-25 + 1e-15)
    assert np.abs(found.spectrum.intensity - spectrum.intensity).max() <= allowed
    assert all(len(line) <= 80 for line in data.split(b"##XYDATA=")[-1].split(b"\r\n")[1:])
    assert found.spectrum.laser_nm == spectrum.laser_nm
    assert found.spectrum.resolution_cm1 == spectrum.resolution_cm1


@settings(max_examples=150, deadline=2000)
@given(spectra(), st.text(max_size=40))
def test_csv_reads_back_bit_for_bit(spectrum, title):
    (found,) = decode(encode_csv(spectrum, title))
    same(spectrum, found.spectrum)
    assert found.title == plain([title])[0] if plain([title]) else not found.title
    if spectrum.noise is None:
        assert found.spectrum.noise is None
    else:
        assert np.array_equal(spectrum.noise, found.spectrum.noise)


def test_csv_that_was_cut_off_is_refused():
    spectrum = Spectrum(axis=[400.0, 401.0, 402.0], intensity=[1.0, 2.0, 3.0], technique=Technique.RAMAN)
    data = encode_csv(spectrum)
    with pytest.raises(FormatError, match="promises 3 points, the table has 2: cut off"):
        decode(data[: data.rindex(b"402.0")])


def test_a_changed_number_in_our_own_files_is_refused():
    spectrum = Spectrum(axis=[400.0, 401.0, 403.5], intensity=[1.0, 2.5, 3.0], technique=Technique.RAMAN)
    data = encode_jcamp(spectrum, "t").replace(b"401.0, 2.5", b"401.0, 2.6")
    with pytest.raises(FormatError, match=r"not those the file was written with \(##\$SHA256=\): damaged"):
        decode(data)
    lines = [line for line in data.split(b"\r\n") if not line.startswith(b"##$SHA256")]
    assert decode(b"\r\n".join(lines))[0].spectrum.intensity.tolist() == [1.0, 2.6, 3.0]


def survives(data):
    started = time.monotonic()
    message, found = "", ()
    try:
        found = decode(data)
    except FormatError as error:
        message = str(error)
    assert message or found
    assert "\n" not in message
    assert len(message) < 2000
    assert all(np.isfinite(one.spectrum.intensity).all() for one in found)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("data", VALID)
def test_the_seeds_are_valid(data):
    assert decode(data)


@settings(max_examples=800, deadline=2000)
@given(st.data())
def test_only_format_errors_come_out_of_mutated_files(data):
    seed = bytearray(data.draw(st.sampled_from(VALID)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(len(seed) - 1, 0)))
        length = data.draw(st.integers(0, 12))
        piece = data.draw(
            st.binary(max_size=6)
            | st.sampled_from(
                [
                    b"",
                    b"1e999",
                    b"-1e308",
                    b"nan",
                    b"?",
                    b"\n",
                    b"##",
                    b"$$",
                    b"##END=\n",
                    b"99999999",
                    b"S9999",
                    b"0",
                ]
            )
        )
        seed[place : place + length] = piece
    survives(bytes(seed))


@settings(max_examples=300, deadline=2000)
@given(st.sampled_from(VALID), st.integers(0, 400))
def test_cut_files_are_refused_or_whole_to_the_last_number(seed, place):
    survives(seed[:place])


@settings(max_examples=300, deadline=2000)
@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_only_format_errors_come_out_of_any_bytes(data):
    survives(data)


@pytest.mark.parametrize(
    "data",
    [
        b"1" * 3_000_000,
        b"1 " * 1_500_000,
        b"\n" * 3_000_000 + b"x",
        b"##TITLE=" + b"a" * 3_000_000,
        b"##TITLE=a\n" + b"##A=1\n" * 300_000,
        b"##TITLE=a\n##DATA TYPE=LINK\n" + b"##TITLE=b\n##END=\n" * 100_000,
        JCAMP.replace(b"400AJJ", b"400A" + b"J" * 1_000_000),
        JCAMP.replace(b"NPOINTS=6", b"NPOINTS=1048576").replace(b"400AJJ", b"400A" + b"JS9999" * 200_000),
        COLUMNS + b"403;" + b"1" * 1_000_000 + b"\n",
        ENLIGHTEN.replace(b"Label,x", b"a,b\n" * 500_000),
        b"$$" * 1_000_000 + b"\n##",
        b"0," * 1_000_000,
        b"ab\n" * 11_000_000,
        BWSPEC + b"9;1;2;\n" * 1_100_000,
        ENLIGHTEN + b"9,1\n" * 200_000,
        b"wavenumber" + b",absorbance" * 2000 + b"\n" + (b"1" + b",1" * 2000 + b"\n") * 3000,
        JCAMP.replace(b"##YUNITS", b"##$HISTORY=\n" + b"a\n" * 900_000 + b"##YUNITS"),
        JCAMP.replace(b"400AJJ", b"400" + b" 10" * 3_000_000),
    ],
    ids=range(18),
)
def test_large_nonsense_is_refused_quickly(data):
    started = time.monotonic()
    with pytest.raises(FormatError):
        decode(data)
    assert time.monotonic() - started < 2
