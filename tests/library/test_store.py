"""A library on disk: round trips, damage, other versions, kills."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from library.entry_json import entry_head
from library.errors import (
    EntryNotFound,
    LibraryBusy,
    LibraryError,
    LibraryExists,
    LibraryFormatError,
    LibraryNotFound,
    LibraryNotWritten,
    LibraryUnreadable,
    LibraryVersionError,
)
from library.merging import merge_into
from library.replacing import folder_lock
from library.store import content_digest, read_library, write_library
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.values import Spectrum, Technique

ROOT = Path(__file__).parents[2]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NUMBER = st.floats(-1e300, 1e300, allow_nan=False)


@st.composite
def entries(draw, reference_id):
    steps = draw(st.lists(st.floats(0.01, 50.0), min_size=2, max_size=8))
    axis = np.cumsum(steps)
    count = axis.size
    noise = draw(st.none() | st.lists(st.floats(0, 1e6), min_size=count, max_size=count))
    return ReferenceEntry(
        reference_id=reference_id,
        substance=Substance(
            name=draw(WORD),
            synonyms=tuple(draw(st.lists(TEXT, max_size=3))),
            substance_class=draw(TEXT),
            controlled=draw(st.booleans()),
            schedule=draw(TEXT),
            jurisdiction=draw(TEXT),
            cas=draw(TEXT),
            inchikey=draw(TEXT),
            source=draw(TEXT),
        ),
        spectrum=Spectrum(
            axis=axis,
            intensity=draw(st.lists(NUMBER, min_size=count, max_size=count)),
            technique=draw(st.sampled_from(Technique)),
            noise=noise,
            laser_nm=draw(st.none() | st.floats(200, 2000)),
            resolution_cm1=draw(st.none() | st.floats(0.1, 100)),
            saturated=draw(st.booleans()),
            history=tuple(draw(st.lists(TEXT, max_size=3))),
        ),
        grade=draw(st.sampled_from(Grade)),
        form=draw(TEXT),
        packaging=draw(st.booleans()),
        instrument=draw(TEXT),
        source=draw(TEXT),
        licence=draw(TEXT),
        equivalents=tuple(draw(st.lists(WORD, max_size=3))),
    )


LIBRARIES = st.lists(WORD, max_size=4, unique=True).flatmap(lambda ids: st.tuples(*map(entries, ids)))


def same(one, two):
    arrays = [(one.spectrum.axis, two.spectrum.axis), (one.spectrum.intensity, two.spectrum.intensity)]
    if one.spectrum.noise is not None:
        arrays.append((one.spectrum.noise, two.spectrum.noise))
    return entry_head(one) == entry_head(two) and all(a.tobytes() == b.tobytes() for a, b in arrays)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=LIBRARIES)
def test_what_is_written_is_read(held, tmp_path):
    written = write_library(tmp_path / "lib.h5", held, name="a library")
    read = read_library(tmp_path / "lib.h5")
    assert read.digest == written.digest == content_digest(reversed(held), name="a library")
    assert read.name == "a library"
    assert len(read.entries) == len(held)
    assert all(map(same, read.entries, sorted(held, key=lambda entry: entry.reference_id)))


def test_a_library_is_the_same_bytes_each_time(tmp_path, make_entry):
    for name in ("one.h5", "two.h5"):
        write_library(tmp_path / name, [make_entry(noise=True), make_entry("B")], name="same")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    assert stat.S_IMODE((tmp_path / "one.h5").stat().st_mode) & 0o400
    assert names(tmp_path) == ["one.h5", "two.h5"]


def test_the_digest_tells_every_change(make_entry):
    first = make_entry()
    digests = {
        content_digest([first], name="a"),
        content_digest([first], name="b"),
        content_digest([], name="a"),
        content_digest([make_entry(form="HCl")], name="a"),
        content_digest([make_entry(noise=True)], name="a"),
        content_digest([make_entry(number=1, reference_id=first.reference_id)], name="a"),
    }
    assert len(digests) == 6


def test_entries_are_found_by_identifier_name_and_synonym(tmp_path, make_entry):
    held = [
        make_entry("Ibuprofen"),
        make_entry("Urea", synonyms=("carbamide",)),
        make_entry("Urea", number=1),
    ]
    library = write_library(tmp_path / "lib.h5", held, name="x")
    assert library.entry("raman-urea-1").spectrum.axis.size == 41
    assert library.entry("IBU profen").substance.name == "Ibuprofen"
    assert library.entry("Carbamide").reference_id == "raman-urea-0"
    with pytest.raises(EntryNotFound, match="2 entries"):
        library.entry("urea")
    with pytest.raises(EntryNotFound, match="near: Ibuprofen"):
        library.entry("Ibuprofne")


def test_an_existing_file_is_left_alone_when_asked(tmp_path, make_entry):
    path = tmp_path / "lib.h5"
    write_library(path, [make_entry()], name="x", replace=False)
    before = path.read_bytes()
    with pytest.raises(LibraryExists, match="exists already"):
        write_library(path, [], name="x", replace=False)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["lib.h5"]


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b", "two\nlines", "\ud800"])
def test_impossible_names_are_refused(tmp_path, name):
    with pytest.raises(LibraryFormatError, match="name"):
        write_library(tmp_path / "lib.h5", [], name=name)
    assert not names(tmp_path)


def test_impossible_entries_are_refused_before_anything_is_written(tmp_path, make_entry):
    for wrong, why in [
        ([make_entry(), make_entry(number=1, reference_id="raman-ibuprofen-0")], "share"),
        ([make_entry(source="\ud800")], "cannot be written"),
        ([make_entry(source="x" * 70_000)], "bytes of text"),
    ]:
        with pytest.raises(LibraryFormatError, match=why):
            write_library(tmp_path / "lib.h5", wrong, name="x")
    assert not names(tmp_path)


def test_a_missing_foreign_or_cut_off_file_is_one_clear_error(tmp_path, make_entry):
    with pytest.raises(LibraryNotFound, match="library init"):
        read_library(tmp_path / "none.h5")
    with pytest.raises(LibraryFormatError, match="no file"):
        read_library(tmp_path)
    path = tmp_path / "lib.h5"
    for foreign in (b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(200)):
        path.write_bytes(foreign)
        with pytest.raises(LibraryFormatError, match="not an opioscan library"):
            read_library(path)
    write_library(path, [make_entry(noise=True)], name="x")
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(LibraryFormatError):
            read_library(path)


def test_a_flipped_byte_never_changes_what_is_read(tmp_path, make_entry):
    path = tmp_path / "lib.h5"
    written = write_library(path, [make_entry(noise=True), make_entry("B")], name="x")
    whole = bytearray(path.read_bytes())
    refused = 0
    for place in range(0, len(whole), 10):
        whole[place] ^= 0x24
        path.write_bytes(whole)
        whole[place] ^= 0x24
        try:
            read = read_library(path)
        except LibraryError:
            refused += 1
        else:
            assert (read.name, read.digest) == (written.name, written.digest)
            assert all(map(same, read.entries, written.entries))
    assert refused > 150


def tamper(path, change):
    with h5py.File(path, "r+", locking=False) as file:
        change(file)


def replaced(key, data, **more):
    def change(file):
        del file[key]
        file.create_dataset(key, data=data, **more)

    return change


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        (lambda f: f.attrs.__setitem__("format_version", 1), LibraryVersionError, "version 1"),
        (lambda f: f.attrs.__setitem__("format_version", "2"), LibraryFormatError, "not an opioscan library"),
        (lambda f: f.attrs.__delitem__("format_version"), LibraryFormatError, "not an opioscan library"),
        (lambda f: f.attrs.__setitem__("format", "other"), LibraryFormatError, "not an opioscan library"),
        (lambda f: f.attrs.__delitem__("name"), LibraryFormatError, "not an opioscan library"),
        (lambda f: f.attrs.__setitem__("name", np.bytes_(b"renamed")), LibraryFormatError, "does not match"),
        (lambda f: f["intensity"].__setitem__(3, 7.0), LibraryFormatError, "does not match"),
        (lambda f: f.__delitem__("noise"), LibraryFormatError, "noise"),
        (replaced("axis", np.zeros((2, 2))), LibraryFormatError, "wrong kind"),
        (replaced("axis", np.zeros(4, dtype="f4")), LibraryFormatError, "wrong kind"),
        (replaced("axis", np.zeros(4096), chunks=(64,), compression="gzip"), LibraryFormatError, "plainly"),
    ],
)
def test_altered_files_are_refused(tmp_path, make_entry, change, error, why):
    path = tmp_path / "lib.h5"
    write_library(path, [make_entry()], name="x")
    tamper(path, change)
    with pytest.raises(error, match=why):
        read_library(path)


def test_links_to_other_files_are_not_followed(tmp_path, make_entry):
    path, other = tmp_path / "lib.h5", tmp_path / "other.h5"
    for one in (path, other):
        write_library(one, [make_entry()], name="x")

    def link(file):
        del file["axis"]
        file["axis"] = h5py.ExternalLink(str(other), "/axis")

    tamper(path, link)
    with pytest.raises(LibraryFormatError, match="axis"):
        read_library(path)


def forge(path, heads, channels=40, noise=0, axis_of=None):
    """Write a file whose digest is right and whose content is not."""
    from library.packing import FORMAT, digest_of_parts

    packed = {
        "heads": np.frombuffer(heads, dtype=np.uint8),
        "axis": np.arange(channels) + 1.0,
        "intensity": np.ones(channels),
        "noise": np.ones(noise),
    }
    digest = digest_of_parts("x", {key: [array] for key, array in packed.items()})
    packed["axis_of"] = np.array([0] if axis_of is None else axis_of, dtype=np.uint32)
    texts = {"format": FORMAT, "name": "x", "digest": digest}
    with h5py.File(path, "w") as file:
        file.attrs.update({key: np.bytes_(text.encode()) for key, text in texts.items()})
        file.attrs["format_version"] = 2
        for key, array in packed.items():
            file[key] = array


def test_a_forged_file_without_a_fault_is_read(tmp_path, make_entry):
    forge(tmp_path / "lib.h5", json.dumps(entry_head(make_entry())).encode() + b"\n")
    assert len(read_library(tmp_path / "lib.h5").entries) == 1


def test_texts_that_lie_elsewhere_in_the_file_are_not_looked_for(tmp_path, make_entry):
    path = tmp_path / "lib.h5"
    write_library(path, [make_entry()], name="Bücher")
    assert read_library(path).name == "Bücher"

    def change(file):
        file.attrs["name"] = "Bücher"

    tamper(path, change)
    with pytest.raises(LibraryFormatError, match="not an opioscan library"):
        read_library(path)


def test_a_shared_axis_is_no_endless_work(tmp_path, make_entry):
    head = {**entry_head(make_entry()), "channels": 1_000_000}
    heads = (json.dumps(head).encode() + b"\n") * 2000
    forge(tmp_path / "lib.h5", b"", channels=1)
    with h5py.File(tmp_path / "lib.h5", "r+") as file:
        for key, array in {
            "heads": np.frombuffer(heads, dtype=np.uint8),
            "axis": np.arange(1_000_000.0),
            "axis_of": np.zeros(2000, dtype=np.uint32),
        }.items():
            del file[key]
            file[key] = array
    began = time.monotonic()
    with pytest.raises(LibraryFormatError, match="channels"):
        read_library(tmp_path / "lib.h5")
    assert time.monotonic() - began < 3  # two billion numbers take ten times as long


@pytest.mark.parametrize("axis_of", [[], [1], [0, 0], [4_000_000_000]])
def test_axes_that_are_not_there_are_refused(tmp_path, make_entry, axis_of):
    forge(tmp_path / "lib.h5", json.dumps(entry_head(make_entry())).encode() + b"\n", axis_of=axis_of)
    with pytest.raises(LibraryFormatError):
        read_library(tmp_path / "lib.h5")


def test_each_axis_is_written_once(tmp_path, make_entry):
    first = make_entry()
    other = replace(
        first, reference_id="other", spectrum=replace(first.spectrum, axis=first.spectrum.axis + 1.0)
    )
    third = replace(first, reference_id="third")
    written = write_library(tmp_path / "lib.h5", [first, other, third], name="x")
    with h5py.File(tmp_path / "lib.h5") as file:
        assert file["axis"].size == 2 * first.spectrum.axis.size
        assert sorted(Counter(file["axis_of"][()].tolist()).values()) == [1, 2]
    read = read_library(tmp_path / "lib.h5")
    assert read.digest == written.digest
    assert read.entry("third").spectrum.axis is not read.entry("other").spectrum.axis
    for entry in (first, other, third):
        assert np.array_equal(read.entry(entry.reference_id).spectrum.axis, entry.spectrum.axis)


@pytest.mark.parametrize(
    "change",
    [
        {"channels": 41},
        {"channels": 0},
        {"channels": True},
        {"channels": 39},
        {"noise": True},
        {"noise": 1},
        {"grade": "excellent"},
        {"technique": "nmr"},
        {"laser_nm": 1e400},
        {"laser_nm": 5},
        {"laser_nm": "785"},
        {"history": [1]},
        {"equivalents": "none"},
        {"reference_id": ""},
        {"substance": {"name": "x"}},
        {"substance": None},
        {"more": 1},
    ],
)
def test_forged_entries_are_refused(tmp_path, make_entry, change):
    head = {**entry_head(make_entry()), **change}
    forge(tmp_path / "lib.h5", json.dumps(head).encode() + b"\n")
    with pytest.raises(LibraryFormatError):
        read_library(tmp_path / "lib.h5")


@pytest.mark.parametrize(
    "heads",
    [
        b"{}\n",
        b"[]\n",
        b"1\n",
        b"{",
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"\n" * 100_001,
        b" " * 70_000 + b"\n",
    ],
)
def test_forged_heads_are_refused(tmp_path, heads):
    forge(tmp_path / "lib.h5", heads)
    with pytest.raises(LibraryFormatError):
        read_library(tmp_path / "lib.h5")


def test_an_identifier_twice_is_refused_on_reading(tmp_path, make_entry):
    head = json.dumps(entry_head(make_entry())).encode() + b"\n"
    forge(tmp_path / "lib.h5", head + head, channels=80)
    with pytest.raises(LibraryFormatError):
        read_library(tmp_path / "lib.h5")


def test_a_file_we_may_not_read_says_so(tmp_path, make_entry, monkeypatch):
    path = tmp_path / "lib.h5"
    write_library(path, [make_entry()], name="x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
        path.symlink_to("/proc/self/mem")
        with pytest.raises(LibraryError):
            read_library(path)
    else:
        with pytest.raises(LibraryUnreadable, match="Permission"):
            read_library(path)


def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path):
    with pytest.raises(LibraryNotWritten, match="could not be written"):
        write_library(tmp_path / "none" / "lib.h5", [], name="x")
    with pytest.raises(LibraryNotWritten, match="folder"):
        merge_into(tmp_path / "none" / "lib.h5", [])


def test_a_failed_write_leaves_the_old_library(tmp_path, make_entry):
    resource = pytest.importorskip("resource")
    path = tmp_path / "lib.h5"
    old = write_library(path, [make_entry()], name="x")
    entries = [make_entry(f"S{i}", number=i) for i in range(50)]
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(LibraryNotWritten, match="could not be written"):
            write_library(path, entries, name="x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert read_library(path).digest == old.digest
    assert names(tmp_path) == ["lib.h5"]


def test_left_overs_of_killed_writers_are_removed(tmp_path, make_entry):
    stale, fresh = tmp_path / ".lib.h5.aa.part", tmp_path / ".lib.h5.bb.part"
    for left in (stale, fresh):
        left.write_bytes(b"x")
    os.utime(stale, (time.time() - 9999,) * 2)
    write_library(tmp_path / "lib.h5", [make_entry()], name="x")
    assert names(tmp_path) == [".lib.h5.bb.part", "lib.h5"]


KILLED = """
import sys
from library.starter import starter_entries
from library.store import write_library
one, two = starter_entries()[:30], starter_entries()[30:]
print("ready", flush=True)
while True:
    write_library(sys.argv[1], one, name="k")
    write_library(sys.argv[1], two, name="k")
"""


def test_a_kill_leaves_the_old_or_the_new_library(tmp_path):
    from library.starter import starter_entries

    path = tmp_path / "lib.h5"
    allowed = {content_digest(part, name="k") for part in (starter_entries()[:30], starter_entries()[30:])}
    write_library(path, starter_entries()[:30], name="k")
    for delay in (0.004, 0.023, 0.057):
        command = [sys.executable, "-c", KILLED, str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout.readline() == b"ready\n"
            end = time.monotonic() + delay
            while time.monotonic() < end:
                assert read_library(path).digest in allowed
            writer.kill()
        assert read_library(path).digest in allowed


def test_the_digest_is_the_same_in_another_process(make_entry):
    code = "from library.starter import *; from library.store import *; print(content_digest(starter_entries(), name='s'))"
    from library.starter import starter_entries

    environ = {**os.environ, "PYTHONHASHSEED": "7", "OPENBLAS_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, check=True
    )
    assert told.stdout.decode().strip() == content_digest(starter_entries(), name="s")


def test_merging_adds_replaces_and_links(tmp_path, make_entry):
    path = tmp_path / "mine.h5"
    first = merge_into(path, [make_entry("A", cas="50-00-0")])
    assert (first.added, first.replaced, first.created, first.library.name) == (1, 0, True, "mine")
    again = replace(make_entry("A", cas="50-00-0"), form="HCl")
    second = merge_into(path, [again, make_entry("B", cas="50-00-0")])
    assert (second.added, second.replaced, second.created) == (1, 1, False)
    read = read_library(path)
    assert [entry.equivalents for entry in read.entries] == [("B",), ("A",)]
    assert read.entries[0].form == "HCl"


def test_merging_into_a_damaged_library_leaves_it(tmp_path, make_entry):
    path = tmp_path / "lib.h5"
    path.write_bytes(b"precious")
    with pytest.raises(LibraryFormatError):
        merge_into(path, [make_entry()])
    assert path.read_bytes() == b"precious"


def test_two_who_change_a_library_wait_for_each_other(tmp_path, make_entry):
    with folder_lock(tmp_path), pytest.raises(LibraryBusy, match="try again"):
        merge_into(tmp_path / "lib.h5", [make_entry()], timeout_s=0.1)
    merge_into(tmp_path / "lib.h5", [make_entry()], timeout_s=0.1)


def test_entries_enter_only_the_library_they_were_examined_against(tmp_path, make_entry):
    path = tmp_path / "lib.h5"
    first = merge_into(path, [make_entry("A")], examined="").library
    before = path.read_bytes()
    with pytest.raises(LibraryBusy, match="import again"):
        merge_into(path, [make_entry("B")], examined="")
    assert path.read_bytes() == before
    assert merge_into(path, [make_entry("B")], examined=first.digest).added == 1
