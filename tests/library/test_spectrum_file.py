"""Single spectra in HDF5: read back bit for bit, damage refused."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from library.spectrum_file import decode_spectra, encode_spectra
from spectra.errors import FormatError
from spectra.formats import Decoded
from spectra.values import Spectrum, Technique

AXIS = np.linspace(400.0, 1800.0, 300)
RAMAN = Spectrum(
    axis=AXIS,
    intensity=np.sin(AXIS),
    technique=Technique.RAMAN,
    noise=np.full(300, 0.1),
    laser_nm=784.9,
    resolution_cm1=3.5,
    saturated=True,
    history=("one", "two μ"),
)
INFRARED = Spectrum(axis=AXIS, intensity=np.cos(AXIS), technique=Technique.FTIR)
BOTH = (Decoded(RAMAN, "JCAMP-DX", "caffeine", {"ORIGIN": "x"}), Decoded(INFRARED, "Bruker OPUS", "τ", {}))
DATA = encode_spectra(BOTH)


def same(found):
    assert len(found) == 2
    for one, other in zip(BOTH, found, strict=True):
        a, b = one.spectrum, other.spectrum
        assert np.array_equal(a.axis, b.axis)
        assert np.array_equal(a.intensity, b.intensity)
        assert (a.noise is None) == (b.noise is None)
        if a.noise is not None:
            assert np.array_equal(a.noise, b.noise)
        for name in ("technique", "laser_nm", "resolution_cm1", "saturated", "history"):
            assert getattr(a, name) == getattr(b, name)
        assert other.title == one.title
        assert other.meta == {"converted from": one.format, **one.meta}


def test_spectra_read_back_bit_for_bit():
    same(decode_spectra(DATA))
    assert encode_spectra(BOTH) == DATA


@settings(max_examples=200, deadline=2000)
@given(st.integers(0, len(DATA) - 1), st.integers(0, 7), st.booleans())
def test_damage_is_refused_or_harmless(place, bit, cut):
    data = bytearray(DATA)
    data[place] ^= 1 << bit
    if cut:
        del data[place:]
    try:
        found = decode_spectra(bytes(data))
    except FormatError:
        return
    same(found)


def test_other_hdf5_is_refused_by_name(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["axis_1"] = AXIS
    with pytest.raises(FormatError, match="none of single spectra"):
        decode_spectra(path.read_bytes())
    with h5py.File(path, "w") as file:
        file.attrs["format"] = np.bytes_("opioscan.spectra/1")
        file["head_1"] = h5py.ExternalLink("/etc/hostname", "x")
    with pytest.raises(FormatError, match="missing or no plain dataset"):
        decode_spectra(path.read_bytes())
    with h5py.File(path, "w") as file:
        file.attrs["format"] = np.bytes_("opioscan.spectra/1")
        file["head_1"] = np.zeros(4, np.uint8)
    with pytest.raises(FormatError, match="no checksum"):
        decode_spectra(path.read_bytes())
    with pytest.raises(FormatError, match="no HDF5 file"):
        decode_spectra(b"x")


def test_more_than_a_file_may_hold_is_refused():
    for spectra in ((), BOTH * 501):
        with pytest.raises(FormatError, match="convert fewer"):
            encode_spectra(spectra)


def test_a_laser_of_whole_nanometres_reads_back():
    spectrum = Spectrum(AXIS, np.sin(AXIS), Technique.RAMAN, laser_nm=785, resolution_cm1=4)
    (found,) = decode_spectra(encode_spectra([Decoded(spectrum, "JCAMP-DX", "x")]))
    assert (found.spectrum.laser_nm, found.spectrum.resolution_cm1) == (785.0, 4.0)
