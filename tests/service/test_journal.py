"""The archive keeps scans whole or not at all, whatever happens while they are written."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import rfc8785

from service.archive.journal import LEFTOVER_AGE_S, Archive
from service.archive.scanfile import FORMAT, decode_scan, encode_scan, with_transcript
from service.errors import ArchiveError, DiskFull, ScanDamaged, ScanNotFound
from spectra.digest import bytes_digest
from spectra.values import DeviceInfo, Presentation, Role, Scan, Technique

ROOT = Path(__file__).resolve().parents[2]


def make_scan(seed=0, **changes):
    rng = np.random.default_rng(seed)
    scan = Scan(
        technique=Technique.RAMAN,
        counts=rng.integers(0, 60000, (2, 256)),
        dark=rng.integers(0, 900, (2, 256)),
        device=DeviceInfo("STS", "S1", firmware="3", url="obp+serial:///dev/ttyUSB0", emulated=True),
        exposure_s=1.0,
        taken_at="2026-11-21T12:00:00Z",
        axis=np.linspace(785.0, 1000.0, 256),
        laser_nm=785.0,
        laser_mw=100,
        saturation_counts=65535.0,
        role=Role.SAMPLE,
        presentation=Presentation.BAG,
        item="RR123456785GB ✓",
        spot=2,
        settings={"gain": 1.5, "list": [1, None, True], "nested": {"ä": "ü"}},
    )
    return replace(scan, **changes)


def same(one, two):
    arrays = all(
        (a is None and b is None) or np.array_equal(a, b)
        for a, b in ((one.counts, two.counts), (one.dark, two.dark), (one.axis, two.axis))
    )
    return arrays and one.described() == two.described()


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dark": None, "laser_nm": None, "laser_mw": None, "saturation_counts": None},
        {"counts": np.zeros((0, 256)), "dark": None, "aborted": "stopped by the officer"},
    ],
)
def test_what_is_put_comes_back(archive, changes):
    scan = make_scan(**changes)
    kept = archive.put(scan)
    assert same(archive.get(kept.scan_id), scan)
    assert same(kept.scan, scan)
    assert bytes_digest(kept.path.read_bytes()) == kept.scan_id
    assert kept.scan_id in archive
    assert archive.transcript(kept.scan_id) == b""


def test_numbers_stay_floats(archive):
    back = archive.get(archive.put(make_scan()).scan_id)
    assert [type(v) for v in (back.exposure_s, back.laser_nm, back.laser_mw)] == [float] * 3
    assert back.counts.dtype == np.float64
    assert not back.counts.flags.writeable


def test_equal_scans_give_equal_bytes_later_too():
    one = encode_scan(make_scan(), b"wire")
    time.sleep(1.1)  # HDF5 times objects in whole seconds
    assert encode_scan(make_scan(), b"wire") == one
    assert encode_scan(make_scan(1), b"wire") != one


def test_the_transcript_is_kept_and_named(archive):
    kept = archive.put(make_scan(), b'{"n": 1}\n')
    assert archive.transcript(kept.scan_id) == b'{"n": 1}\n'
    assert archive.get(kept.scan_id).transcript_sha256 == bytes_digest(b'{"n": 1}\n')
    with pytest.raises(ArchiveError, match="another wire transcript"):
        archive.put(make_scan(transcript_sha256="0" * 64), b"x")
    with pytest.raises(ArchiveError, match="exceeds"):
        archive.put(make_scan(), bytes(33 * 2**20))


def test_putting_twice_keeps_one_and_heals_a_damaged_file(archive):
    kept = archive.put(make_scan())
    assert archive.put(make_scan()).scan_id == kept.scan_id
    kept.path.chmod(0o600)
    kept.path.write_bytes(kept.path.read_bytes()[:-5])
    with pytest.raises(ScanDamaged, match="no longer matches"):
        archive.get(kept.scan_id)
    archive.put(make_scan())
    assert archive.verify() == []
    assert list(archive.scan_ids()) == [kept.scan_id]


def test_settings_without_json_form_are_refused(archive):
    for value in (float("nan"), 2**60, object()):
        with pytest.raises(ArchiveError, match="no JSON form"):
            archive.put(make_scan(settings={"x": value}))
    with pytest.raises(ArchiveError, match="description takes"):
        archive.put(make_scan(settings={"x": "y" * 2**21}))
    assert list(archive.scan_ids()) == []


def test_scans_that_nobody_could_read_are_not_written(archive):
    with pytest.raises(ArchiveError, match="take fewer accumulations"):
        archive.put(make_scan(counts=np.zeros((70000, 256)), dark=None))


@pytest.mark.parametrize("scan_id", ["", "0" * 63, "../../etc/passwd", "A" * 64, "0" * 64])
def test_what_is_not_there_is_not_found(archive, scan_id):
    assert scan_id not in archive
    for read in (archive.get, archive.read_bytes, archive.transcript):
        with pytest.raises(ScanNotFound):
            read(scan_id)


def test_bytes_travel_between_archives(archive, tmp_path):
    kept = archive.put(make_scan(), b"wire")
    other = Archive(tmp_path / "server")
    data = archive.read_bytes(kept.scan_id)
    assert same(other.put_bytes(kept.scan_id, data).scan, kept.scan)
    assert other.read_bytes(kept.scan_id) == data
    with pytest.raises(ScanDamaged, match="another SHA-256"):
        other.put_bytes(kept.scan_id, data + b"x")


def test_verify_names_what_is_wrong(archive):
    kept = [archive.put(make_scan(seed)) for seed in range(3)]
    kept[0].path.chmod(0o600)
    kept[0].path.write_bytes(kept[0].path.read_bytes()[:100])
    (archive.root / "zz").mkdir()
    shutil.copy(kept[1].path, archive.root / "zz" / kept[1].path.name)
    (archive.root / kept[2].scan_id[:2] / "note.txt").write_text("hello")
    problems = {(problem.path.name, problem.scan_id): problem.what for problem in archive.verify()}
    assert len(problems) == 3
    assert "no longer matches" in problems[kept[0].path.name, kept[0].scan_id]
    assert "not a place" in problems[kept[1].path.name, kept[1].scan_id]
    assert "not a place" in problems["note.txt", ""]
    assert list(archive.scan_ids()) == sorted(each.scan_id for each in kept)


# ── full disks ──────────────────────────────────────────────────────────────


def test_too_little_room_refuses_before_firing(tmp_path):
    with pytest.raises(DiskFull, match="free some space before scanning"):
        Archive(tmp_path, free=lambda _: 64 * 2**20 + 99).require_space(100)
    Archive(tmp_path, free=lambda _: 64 * 2**20 + 100).require_space(100)
    Archive(tmp_path, reserve_bytes=0).require_space(1)
    with pytest.raises(DiskFull):
        Archive(tmp_path).require_space(2**60)


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
sys.path.insert(0, {tests!r})
from test_journal import make_scan
from service.archive.journal import Archive
from service.errors import DiskFull
"""


def child(code, *arguments, **options):
    text = CHILD.format(root=str(ROOT), tests=str(Path(__file__).parent)) + code
    # Measuring coverage would write files too: half ones, or ones over the limit.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.Popen([sys.executable, "-c", text, *map(str, arguments)], text=True, env=env, **options)


def test_a_disk_that_fills_while_writing_leaves_nothing(tmp_path):
    code = """
import resource
archive = Archive(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    archive.put(make_scan())
except DiskFull as error:
    print("full:", error)
"""
    with child(code, tmp_path, stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=60)
    assert out.startswith("full: no room for")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_other_write_errors_are_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveError, match="file"):
        Archive(tmp_path / "file")
    archive = Archive(tmp_path / "archive")
    kept = archive.put(make_scan())
    kept.path.unlink()
    kept.path.mkdir()
    with pytest.raises(ArchiveError, match=os.strerror(errno.EISDIR)):
        archive.get(kept.scan_id)
    with pytest.raises(ArchiveError):
        archive.put(make_scan())
    assert not list(archive.root.rglob("*.tmp"))


# ── killed writers ──────────────────────────────────────────────────────────


def test_killed_writers_lose_nothing_they_reported(tmp_path):
    code = """
archive = Archive(Path(sys.argv[1]))
print("ready", flush=True)
for seed in range(int(sys.argv[2]), 10**9):
    print(archive.put(make_scan(seed), b"wire" * 1000).scan_id, flush=True)
"""
    reported = []
    for turn, delay in enumerate((0.0, 0.011, 0.023, 0.037, 0.05)):
        with child(code, tmp_path, turn * 10**6, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            # A line without its end was being written when the process died.
            lines = process.stdout.read().split("\n")
            reported += lines[:-1]
    archive = Archive(tmp_path)
    assert reported
    assert archive.verify() == []
    assert set(reported) <= set(archive.scan_ids())


def test_leftovers_are_ignored_and_go_when_old(archive):
    kept = archive.put(make_scan())
    old, new = (kept.path.parent / f".1-{name}.tmp" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    past = time.time() - LEFTOVER_AGE_S - 10
    os.utime(old, (past, past))
    again = Archive(archive.root)
    assert not old.exists()
    assert new.exists()
    assert list(again.scan_ids()) == [kept.scan_id]
    assert again.verify() == []


# ── hostile and damaged files ───────────────────────────────────────────────


def test_a_file_cut_anywhere_is_refused():
    data = encode_scan(with_transcript(make_scan(), b"wire"), b"wire")
    for length in (0, 7, 8, 100, len(data) // 2, len(data) - 1):
        with pytest.raises(ScanDamaged):
            decode_scan(data[:length])


def test_flipped_bytes_never_escape_as_other_errors():
    data = encode_scan(with_transcript(make_scan(), b"wire"), b"wire")
    rng = np.random.default_rng(1)
    for position in rng.integers(0, len(data), 150):
        changed = bytearray(data)
        changed[position] ^= 0xFF
        try:
            decode_scan(bytes(changed))
        except ScanDamaged:
            continue


def build(tmp_path, change):
    """Return the bytes of a valid file after ``change(file, head)``."""
    path = tmp_path / "hostile.h5"
    path.write_bytes(encode_scan(with_transcript(make_scan(), b"wire"), b"wire"))
    with h5py.File(path, "r+") as file:
        change(file)
    return path.read_bytes()


def with_head(**changes):
    def change(file):
        head = {**make_scan().described(), "transcript_sha256": bytes_digest(b"wire"), **changes}
        head = {key: value for key, value in head.items() if value is not ...}
        del file["head"]
        file["head"] = np.frombuffer(rfc8785.dumps(head), np.uint8)

    return change


def replaced(name, **dataset):
    def change(file):
        del file[name]
        file.create_dataset(name, **dataset)

    return change


def external(file):
    del file["counts"]
    file["counts"] = h5py.ExternalLink("/etc/hosts", "/x")


def soft(file):
    del file["counts"]
    file["counts"] = h5py.SoftLink("/axis")


def raw_external(file):
    del file["axis"]
    file.create_dataset("axis", (2,), "f8", external=[("/etc/hosts", 0, 16)])


def virtual(file):
    del file["axis"]
    layout = h5py.VirtualLayout((256,), "f8")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "axis", (256,))
    file.create_virtual_dataset("axis", layout)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.attrs.__setitem__("format", "opioscan.scan/2"), "format"),
        (lambda file: file.attrs.__delitem__("format"), "format"),
        (lambda file: file.create_dataset("more", data=1), "unknown part 'more'"),
        (lambda file: file.__delitem__("axis"), "lacks its axis"),
        (lambda file: file.create_group("g"), "unknown part"),
        (replaced("counts", data=np.zeros(3)), "shape"),
        (replaced("counts", data=np.zeros((2, 256), "f4")), "type"),
        (replaced("counts", data=np.full((2, 256), np.nan)), "not finite"),
        (replaced("counts", data=np.zeros((2, 255))), "255 pixels"),
        (replaced("axis", data=np.linspace(0, 1, 256).astype("S4")), "type"),
        (replaced("dark", shape=(2**20, 2**20), dtype="f8", chunks=(64, 64), compression="gzip"), "shape"),
        (replaced("dark", shape=(1, 256), maxshape=(None, None), dtype="f8", chunks=(2**13, 2**13)), "shape"),
        (replaced("dark", data=np.zeros((2, 256)), compression="lzf"), "foreign filter"),
        (external, "not a plain dataset"),
        (soft, "not a plain dataset"),
        (raw_external, "not a plain dataset"),
        (virtual, "not a plain dataset"),
        (replaced("transcript", data=np.frombuffer(b"other", np.uint8)), "transcript is not the one"),
        (replaced("head", data=np.frombuffer(b"{", np.uint8)), "not JSON"),
        (replaced("head", data=np.frombuffer(b'{"a": NaN}', np.uint8)), "not JSON"),
        (replaced("head", data=np.frombuffer(b"[" * 100000, np.uint8)), "not JSON"),
        (replaced("head", data=np.frombuffer(b"[]", np.uint8)), "no JSON object"),
        (with_head(device=[]), "no JSON object"),
        (with_head(device={"model": 5, "serial": ""}), "device model is of the wrong kind"),
        (with_head(device={"serial": ""}), "damaged"),
        (with_head(item={"a": 1}), "item is of the wrong kind"),
        (with_head(spot=True), "spot is of the wrong kind"),
        (with_head(spot=0), "numbered from 1"),
        (with_head(exposure_s="1"), "exposure_s is of the wrong kind"),
        (with_head(exposure_s=-1), "exposure of"),
        (with_head(technique="xray"), "xray"),
        (with_head(surprise="x"), "surprise"),
        (with_head(taken_at=...), "taken_at"),
    ],
)
def test_a_file_that_lies_is_refused(tmp_path, change, words):
    data = build(tmp_path, change)
    with pytest.raises(ScanDamaged, match=words):
        decode_scan(data)
    with pytest.raises(ScanDamaged, match=words):
        Archive(tmp_path / "archive").put_bytes(bytes_digest(data), data)


def test_huge_input_is_refused_unread():
    with pytest.raises(ScanDamaged, match="exceeds"):
        decode_scan(b"\x89HDF\r\n\x1a\n" + bytes(64 * 2**20))
    with pytest.raises(ScanDamaged, match="not an HDF5"):
        decode_scan(b"PK\x03\x04")


def test_the_format_is_pinned():
    assert FORMAT == "opioscan.scan/1"
