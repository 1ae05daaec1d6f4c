"""Prepared references on disk, and large libraries mapped instead of read."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

import library.store as store_module
from library.errors import LibraryFormatError
from library.keeping import keep_references, kept_references
from library.mapping import Mapped
from library.packing import ARRAYS
from library.store import read_library, write_library
from spectra import refset as refset_module
from spectra.recipe import default_recipe
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.refset import build_reference_set
from spectra.values import Spectrum, Technique

RAMAN = {Technique.RAMAN: default_recipe(Technique.RAMAN)}


@pytest.fixture(scope="module")
def entries():
    rng = np.random.default_rng(3)
    axis = np.linspace(250.0, 2300.0, 900)
    made = []
    for number in range(24):
        rows = sum(np.exp(-0.5 * ((axis - centre) / 5.0) ** 2) for centre in rng.uniform(400, 2000, size=6))
        noise = np.full(axis.size, 0.01) if number % 2 else None
        spectrum = Spectrum(axis, rows + 0.01 * rng.random(axis.size), Technique.RAMAN, noise, 785.0)
        made.append(
            ReferenceEntry(f"raman-{number:02}", Substance(f"made {number}"), spectrum, Grade.MEASURED)
        )
    return made


@pytest.fixture
def large(entries, monkeypatch):
    monkeypatch.setattr(refset_module, "DENSE", 10)
    return build_reference_set(entries, RAMAN[Technique.RAMAN])


def test_what_was_kept_comes_back(large, entries, tmp_path):
    folder = tmp_path / "not made yet"
    assert kept_references(folder, "d" * 64, RAMAN) == {}
    keep_references(folder, "d" * 64, [large])
    keep_references(folder, "d" * 64, [large])
    kept = kept_references(folder, "d" * 64, RAMAN)[Technique.RAMAN]
    assert len(list(folder.iterdir())) == 1
    assert np.array_equal(kept.sharp, large.sharp)
    assert np.array_equal(kept.matrix, large.index.matrix)
    assert not kept.sharp.flags.writeable
    again = build_reference_set(entries, RAMAN[Technique.RAMAN], prepared=kept)
    assert again.names() == large.names()
    assert np.array_equal(again.row(5, 2), large.row(5, 2))


def test_what_was_kept_of_another_library_is_not_taken(large, tmp_path):
    keep_references(tmp_path, "d" * 64, [large])
    (kept,) = tmp_path.iterdir()
    keep_references(tmp_path, "e" * 64, [large])
    (other,) = set(tmp_path.iterdir()) - {kept}
    kept.write_bytes(other.read_bytes())
    assert kept_references(tmp_path, "d" * 64, RAMAN) == {}
    assert kept_references(None, "e" * 64, RAMAN) == {}


@pytest.mark.parametrize("where", ["head", "names", "sharp", "matrix", "cut", "empty", "bounds"])
def test_what_is_damaged_counts_as_missing(large, tmp_path, where):
    keep_references(tmp_path, "d" * 64, [large])
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    place = {"head": 3, "names": 4096 + 5, "sharp": 2 * 4096 + 1000, "matrix": len(data) - 4000}.get(where)
    if place is not None:
        data[place] ^= 0x11
    elif where == "bounds":
        data = data.replace(b'"sharp": [24', b'"sharp": [94')
    path.write_bytes(data[: {"cut": 9000, "empty": 0}.get(where, len(data))])
    assert kept_references(tmp_path, "d" * 64, RAMAN) == {}
    keep_references(tmp_path, "d" * 64, [large])
    assert np.array_equal(kept_references(tmp_path, "d" * 64, RAMAN)[Technique.RAMAN].sharp, large.sharp)


def test_where_nothing_can_be_written_nothing_is_kept(large, tmp_path):
    (tmp_path / "a file").write_text("")
    keep_references(tmp_path / "a file", "d" * 64, [large])
    keep_references(None, "d" * 64, [large])
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_a_large_library_is_mapped_and_the_same(entries, tmp_path, monkeypatch):
    path = tmp_path / "large.h5"
    written = write_library(path, entries, name="large")
    read = read_library(path)
    monkeypatch.setattr(store_module, "MAPPED_FROM", 0)
    mapped = read_library(path)
    assert mapped.digest == written.digest == read.digest
    for one, other in zip(mapped.entries, read.entries, strict=True):
        assert one.reference_id == other.reference_id
        assert np.array_equal(one.spectrum.intensity, other.spectrum.intensity)
        assert np.array_equal(one.spectrum.axis, other.spectrum.axis)
        assert (one.spectrum.noise is None) == (other.spectrum.noise is None)
        assert not one.spectrum.intensity.flags.writeable
        assert not one.spectrum.intensity.flags.owndata
        with pytest.raises(ValueError, match="WRITEABLE"):
            one.spectrum.intensity.setflags(write=True)
    assert mapped.entries[0].spectrum.axis is mapped.entries[5].spectrum.axis
    # What is replaced meanwhile does not change what was opened.
    before = mapped.entries[3].spectrum.intensity.copy()
    write_library(path, entries[:3], name="large")
    assert np.array_equal(mapped.entries[3].spectrum.intensity, before)


def test_a_part_of_a_mapping_is_not_copied_by_another_spectrum(entries, tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "MAPPED_FROM", 0)
    write_library(tmp_path / "large.h5", entries, name="large")
    spectrum = read_library(tmp_path / "large.h5").entries[2].spectrum
    other = replace(spectrum, history=("seen again",))
    assert np.shares_memory(other.intensity, spectrum.intensity)


@pytest.mark.parametrize("array", ["axis", "intensity", "noise", "heads"])
def test_a_changed_number_of_a_mapped_library_is_seen(entries, tmp_path, monkeypatch, array):
    monkeypatch.setattr(store_module, "MAPPED_FROM", 0)
    path = tmp_path / "large.h5"
    write_library(path, entries, name="large")
    with h5py.File(path, "r+") as file:
        values = file[array][()]
        values[7] += 1
        file[array][...] = values
    with pytest.raises(LibraryFormatError):
        read_library(path)


def test_a_library_whose_numbers_lie_askew_is_read(entries, tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "MAPPED_FROM", 0)
    path, other = tmp_path / "new.h5", tmp_path / "old.h5"
    write_library(path, entries, name="large")
    with h5py.File(path) as file, h5py.File(other, "w", libver=("v110", "v110")) as old:
        for key, value in file.attrs.items():
            old.attrs[key] = value
        for key in ARRAYS:
            old.create_dataset(key, data=file[key][()], track_times=False)
        assert any(old[key].id.get_offset() % 8 for key in ARRAYS[1:])
    assert read_library(other).digest == read_library(path).digest


def test_a_mapping_ends_where_the_file_does(tmp_path):
    path = tmp_path / "some"
    path.write_bytes(bytes(range(64)))
    with path.open("rb") as file:
        mapped = Mapped.of(file)
    assert mapped.array(np.uint8, 60, (4,)).tolist() == [60, 61, 62, 63]
    assert mapped.array(np.uint8, 64, (0,)).size == 0
    mapped.release()
    for offset, count in ((61, 4), (-1, 2), (0, 2**62)):
        with pytest.raises(ValueError, match="missing"):
            mapped.array(np.float64 if count > 4 else np.uint8, offset, (count,))
