"""A method as one file, and the plain ZIP it is written in."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from library.method_store import read_method, write_method
from library.methods import fit_method
from library.starter import starter_entries
from library.store import Library, read_library, write_library
from service.errors import EvidenceDamaged, EvidenceMissing
from service.method_file import MethodFile, file_id_of, method_file, read_method_file, read_method_head
from service.plain_zip import read_zip, write_zip, zip_pieces
from spectra.method import Method, WatchItem
from spectra.values import Technique


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Method, Library]:
    entries = [one for one in starter_entries() if one.technique is Technique.RAMAN][:4]
    library = write_library(tmp_path_factory.mktemp("l") / "l.h5", entries, name="some")
    # A limit and statistics that are whole numbers must come back as fractions.
    watched = [WatchItem(entries[0].substance.name, 1.0)]
    return fit_method(library, name="some", watch_list=watched, draws=20, false_alarm_rate=0.2), library


@pytest.fixture(scope="module")
def data(fitted: tuple[Method, Library]) -> bytes:
    return method_file(*fitted, {"fitted_at": "2026-11-22T12:00:00Z"})


def test_a_method_comes_back_to_the_last_bit(fitted: tuple[Method, Library], data: bytes) -> None:
    method, library = fitted
    found = read_method_file(data)
    assert isinstance(found, MethodFile)
    assert (found.method.digest, found.library.digest) == (method.digest, library.digest)
    assert found.method.watch_list == method.watch_list
    assert found.report == {"fitted_at": "2026-11-22T12:00:00Z"}
    assert found.file_id == file_id_of(data)
    assert method_file(found.method, found.library, found.report) == data
    head = read_method_head(data)
    assert (head.name, head.version, head.method_digest) == ("some", 1, method.digest)
    assert head.library_digest == library.digest


def test_a_stored_method_gives_the_file_of_the_one_in_memory(
    fitted: tuple[Method, Library], data: bytes, tmp_path: Path
) -> None:
    method, library = fitted
    write_method(tmp_path, method, library, {"fitted_at": "2026-11-22T12:00:00Z"})
    stored = read_method(tmp_path, "some")
    beside = read_library(next(tmp_path.glob("library-*.h5")))
    assert method_file(stored.method, beside, stored.report) == data


def test_another_library_is_refused(fitted: tuple[Method, Library]) -> None:
    with pytest.raises(EvidenceMissing):
        method_file(fitted[0], None, {})


def test_every_program_opens_it(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        said = json.loads(opened.read("method.json"))
    assert said["format"] == "opioscan.method-file"
    assert set(said["digests"]) == {"library", "recipes", "reasons"}


@pytest.mark.parametrize("part", ["method.json", "library/intensity", "library/heads", "library/axis_of"])
def test_whatever_is_altered_in_it_is_found(data: bytes, part: str) -> None:
    members = {name: bytes(content) for name, content in read_zip(data, limit=1 << 30).items()}
    content = members[part]
    middle = len(content) // 2
    for changed in (
        content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        content[:-8],
        b"",
        content + b" ",
    ):
        with pytest.raises(EvidenceDamaged):
            read_method_file(write_zip({**members, part: changed}))
    with pytest.raises(EvidenceDamaged):
        read_method_file(write_zip({**members, "more": b""}))


def test_rows_of_other_references_are_refused_and_those_of_another_processor_taken(data: bytes) -> None:
    members = {name: bytes(content) for name, content in read_zip(data, limit=1 << 30).items()}
    rows = np.frombuffer(members["rows/raman"], "<f4").reshape(4, -1)
    near = (rows * np.float32(1.001)).astype("<f4")
    found = read_method_file(write_zip({**members, "rows/raman": near.tobytes()})).method
    assert (found.sets[Technique.RAMAN].rows[0].astype("<f4") == near).all()
    for wrong in (rows[::-1], rows * 0, rows[:3], np.full_like(rows, np.nan)):
        with pytest.raises(EvidenceDamaged, match="rows"):
            read_method_file(write_zip({**members, "rows/raman": wrong.tobytes()}))
    with pytest.raises(EvidenceDamaged):
        read_method_file(write_zip({**members, "rows/ftir": b""}))


def test_a_number_changed_in_the_head_changes_the_digest(data: bytes) -> None:
    members = {name: bytes(content) for name, content in read_zip(data, limit=1 << 30).items()}
    said = json.loads(members["method.json"])
    said["method"]["watch_list"][0]["limit_share"] = 0.9
    text = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(EvidenceDamaged, match="digest"):
        read_method_file(write_zip({**members, "method.json": text}))


def test_equal_members_give_equal_bytes_from_memory_and_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"123" * 700_000)
    members = {"b": path, "a/x.json": b"{}", "c": b""}
    whole = write_zip({**members, "b": path.read_bytes()})
    assert b"".join(zip_pieces(members)) == whole
    found = read_zip(whole, limit=len(whole))
    assert {name: bytes(content) for name, content in found.items()} == {
        "a/x.json": b"{}",
        "b": path.read_bytes(),
        "c": b"",
    }


def test_only_the_one_form_is_read() -> None:
    whole = write_zip({"a": b"1", "b": b"22"})
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(EvidenceDamaged):
            read_zip(changed, limit=1000)
    for cut in range(len(whole)):
        with pytest.raises(EvidenceDamaged):
            read_zip(whole[:cut], limit=1000)
    with pytest.raises(EvidenceDamaged):
        read_zip(whole, limit=len(whole) - 1)
    for name in ("../a", "/a", "a//b", "a\\b", ".a", "a/..", "ä", "", "a" * 200):
        with pytest.raises(ValueError, match="name"):
            write_zip({name: b""})


def test_a_method_with_another_version_is_another_file(fitted: tuple[Method, Library], data: bytes) -> None:
    method, library = fitted
    other = method_file(replace(method, version=2), library, {"fitted_at": "2026-11-22T12:00:00Z"})
    assert file_id_of(other) != file_id_of(data)
