"""The file a scan came from is kept with it, byte for byte, under the scan's own digest."""

from dataclasses import dataclass, replace

import h5py
import numpy as np
import pytest
import rfc8785

from service.archive.attached import MAX_ATTACHED_BYTES, MAX_SIDECARS, Attached, KeptFile
from service.archive.journal import Archive
from service.archive.scanfile import MAX_HEAD_BYTES, decode_attached, encode_scan
from service.errors import ArchiveError, ScanDamaged
from spectra.digest import bytes_digest
from spectra.values import DeviceInfo, Scan, Technique


@dataclass(frozen=True)
class FileOfDriver:
    """As a driver hands it in."""

    name: str = "run7.csv"
    data: bytes = b"1,2\n3,4\n"
    format: str = "two-column text"


def make_scan(**changes):
    scan = Scan(
        technique=Technique.RAMAN,
        counts=np.arange(8.0)[None, :],
        device=DeviceInfo("M", "S"),
        exposure_s=0.0,
        taken_at="2026-11-21T12:00:00Z",
        axis=np.linspace(300, 400, 8),
        axis_unit="cm-1",
        settings={"file": {"format": "x"}},
    )
    return replace(scan, **changes)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive")


def test_the_original_comes_back_and_is_named(archive):
    report = FileOfDriver("run7.txt", b"Result: x", "")
    kept = archive.put(make_scan(), b"", FileOfDriver(), [report])
    assert archive.original(kept.scan_id) == ("run7.csv", b"1,2\n3,4\n")
    held = archive.attached(kept.scan_id)
    assert held.sidecars == (KeptFile("run7.txt", b"Result: x", ""),)
    scan = archive.get(kept.scan_id)
    assert scan.settings["original"] == {
        "name": "run7.csv",
        "sha256": bytes_digest(b"1,2\n3,4\n"),
        "format": "two-column text",
        "bytes": 8,
    }
    assert scan.settings["sidecars"][0]["name"] == "run7.txt"
    assert scan.axis_unit == "cm-1"
    again = archive.put(scan, b"", held.original, held.sidecars)
    assert again.scan_id == kept.scan_id
    assert archive.verify() == []
    other = Archive(archive.root.parent / "server")
    other.put_bytes(kept.scan_id, archive.read_bytes(kept.scan_id))
    assert other.original(kept.scan_id) == ("run7.csv", b"1,2\n3,4\n")


def test_scans_without_files_are_as_before(archive):
    kept = archive.put(make_scan())
    assert archive.original(kept.scan_id) is None
    assert archive.attached(kept.scan_id).sidecars == ()
    assert "original" not in archive.get(kept.scan_id).settings


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (FileOfDriver(name="a/b"), "plain file name"),
        (FileOfDriver(name=""), "plain file name"),
        (FileOfDriver(name=".."), "plain file name"),
        (FileOfDriver(name="x" * 256), "plain file name"),
        (FileOfDriver(name="a\nb"), "plain file name"),
        (FileOfDriver(data=b""), "1 to"),
        (FileOfDriver(data=bytes(MAX_ATTACHED_BYTES + 1)), "1 to"),
    ],
)
def test_files_that_cannot_be_kept(archive, file, words):
    with pytest.raises(ArchiveError, match=words):
        archive.put(make_scan(), b"", file)
    assert list(archive.scan_ids()) == []


def test_another_file_than_the_one_named_is_refused(archive):
    named = archive.put(make_scan(), b"", FileOfDriver()).scan
    with pytest.raises(ArchiveError, match="another original"):
        archive.put(named, b"", FileOfDriver(data=b"other"))
    with pytest.raises(ArchiveError, match="at most"):
        archive.put(make_scan(), b"", FileOfDriver(), [FileOfDriver()] * (MAX_SIDECARS + 1))


def changed(tmp_path, change):
    attached = Attached(FileOfDriver(), (FileOfDriver("r.txt", b"r", ""),))
    path = tmp_path / "x.h5"
    path.write_bytes(encode_scan(attached.named_in(make_scan()), b"", attached))
    with h5py.File(path, "r+") as file:
        change(file)
    return path.read_bytes()


def put_part(name, data):
    def change(file):
        if name in file:
            del file[name]
        file[name] = np.frombuffer(data, np.uint8)

    return change


def put_settings(**settings):
    def change(file):
        attached = Attached(FileOfDriver(), (FileOfDriver("r.txt", b"r", ""),))
        head = attached.named_in(make_scan()).described()
        head["settings"] = {**head["settings"], **settings}
        put_part("head", rfc8785.dumps(head))(file)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put_part("original", b"forged"), "not the one the scan names"),
        (put_part("sidecar_1", b"forged"), "not the one the scan names"),
        (put_part("sidecar_2", b"unnamed"), "does not name"),
        (put_part("sidecar_9", b"x"), "unknown part"),
        (put_settings(original=None), "not the one"),
        (put_settings(original="x"), "not the one"),
        (put_settings(sidecars={}), "does not name"),
        (put_settings(sidecars=[3]), "not the one"),
        (put_settings(original={"sha256": bytes_digest(b"1,2\n3,4\n"), "name": 3}), "does not name"),
        (put_settings(axis_unit="furlong"), ""),
    ],
)
def test_a_forged_file_is_found(tmp_path, change, words):
    data = changed(tmp_path, change)
    if words:
        with pytest.raises(ScanDamaged, match=words):
            decode_attached(data)
    else:
        assert decode_attached(data).original is not None


def test_an_unfolding_original_is_refused(tmp_path):
    def change(file):
        del file["original"]
        file.create_dataset(
            "original", (MAX_ATTACHED_BYTES + 1,), "u1", compression="gzip", chunks=(1 << 20,)
        )

    with pytest.raises(ScanDamaged, match="original of the scan file has type"):
        decode_attached(changed(tmp_path, change))
    assert MAX_HEAD_BYTES < MAX_ATTACHED_BYTES
