"""Single spectra in HDF5: read back bit for bit, damage refused."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from library.importing import import_folder
from library.method_negatives import read_negatives
from library.spectrum_file import decode_file, decode_spectra, encode_spectra
from spectra.errors import FormatError
from spectra.formats import Decoded, decode
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


def test_a_file_of_any_format_is_read_and_contradictions_are_refused(jcamp):
    text = jcamp().encode()
    assert decode_file(text, name="x.jdx")[0].title == decode(text, name="x.jdx")[0].title
    same(decode_file(DATA, name="x.h5"))
    with pytest.raises(FormatError, match="x.h5: the file says ftir"):
        decode_file(DATA, name="x.h5", technique=Technique.RAMAN)
    with pytest.raises(FormatError, match="x.h5: the file says a laser of 784.9 nm"):
        decode_file(encode_spectra(BOTH[:1]), name="x.h5", laser_nm=1064.0)
    with pytest.raises(FormatError, match="x.h5: the HDF5 file is damaged"):
        decode_file(DATA[:-900], name="x.h5")


def test_a_folder_with_hdf5_imports_as_what_it_was_converted_from(folder, tmp_path, jcamp):
    text = jcamp("Urea", more="##CAS REGISTRY NO=57-13-6\n").encode()
    (folder / "a.h5").write_bytes(encode_spectra(decode(text, name="a.jdx")))
    (folder / "several.h5").write_bytes(DATA)
    (folder / "damaged.h5").write_bytes(DATA[:-900])
    with h5py.File(folder / "lib.h5", "w") as file:
        file.attrs["format"] = np.bytes_("opioscan.library")
    found = import_folder(folder)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a.jdx").write_bytes(text)
    (same_one,) = import_folder(plain).entries
    by_file = {file: key for key, file in found.files.items()}
    assert by_file["a.h5"] == same_one.reference_id
    assert set(by_file) == {"a.h5", "several.h5", "several.h5 (spectrum 2)"}
    names = {entry.reference_id: entry.substance.name for entry in found.entries}
    assert [names[by_file[f]] for f in ("several.h5", "several.h5 (spectrum 2)")] == ["caffeine", "τ"]
    reasons = dict(found.refused)
    assert reasons["damaged.h5"] == "the HDF5 file is damaged"
    assert "'opioscan library export'" in reasons["lib.h5"]
    (folder / "manifest.csv").write_text("file,name,technique\na.h5,Urea,raman\n")
    (entry,) = import_folder(folder).entries
    assert entry.technique is Technique.RAMAN
    assert [source for source, _ in read_negatives(folder).scans][0] == "a.h5"


def test_a_laser_of_whole_nanometres_reads_back():
    spectrum = Spectrum(AXIS, np.sin(AXIS), Technique.RAMAN, laser_nm=785, resolution_cm1=4)
    (found,) = decode_spectra(encode_spectra([Decoded(spectrum, "JCAMP-DX", "x")]))
    assert (found.spectrum.laser_nm, found.spectrum.resolution_cm1) == (785.0, 4.0)
