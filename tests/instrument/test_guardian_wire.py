"""What travels between guardian and client, and what stands beside the socket."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrument import errors
from instrument.errors import DeviceRefused, InstrumentError, InterlockOpen, PortBusy, ProtocolError
from instrument.guardian.marker import Marker
from instrument.guardian.socket_file import Lock, bind_socket
from instrument.guardian.wire import LineParser, encode, error_fields, error_from

ALL = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, InstrumentError)]


@pytest.mark.parametrize("cls", ALL)
def test_errors_travel_as_their_class(cls: type[InstrumentError]) -> None:
    back = error_from(json.loads(encode(error_fields(cls("the port is gone")))))
    assert type(back) is cls
    assert str(back) == "the port is gone"


def test_foreign_errors_travel_as_the_base_class() -> None:
    assert type(error_from(error_fields(KeyError("x")))) is InstrumentError
    assert type(error_from({"error": "SystemExit", "message": "no"})) is InstrumentError


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20)), max_size=5),
    st.data(),
)
def test_any_cut_gives_the_same_messages(messages: list[dict[str, object]], data: st.DataObject) -> None:
    stream = b"".join(map(encode, messages))
    parser, got = LineParser(4096), []
    while stream:
        n = data.draw(st.integers(1, len(stream)))
        got += parser.feed(stream[:n])
        stream = stream[n:]
    assert got == messages


@pytest.mark.parametrize("line", [b"x\n", b"3\n", b"y" * 101, b"\xff\n", b"[" * 90 + b"\n"])
def test_bad_lines(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        LineParser(100).feed(line)


def test_one_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = Lock(path)
    with pytest.raises(PortBusy):
        Lock(path)
    assert first.held()
    path.unlink()
    assert not first.held()
    path.touch()
    assert not first.held()
    first.close()


def test_socket_is_private(short_dir: Path) -> None:
    path = short_dir / "s"
    path.write_text("a stale file")
    with bind_socket(path):
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OSError, match="No such file"):
        bind_socket(short_dir / "nowhere" / "s")


def test_marker(tmp_path: Path) -> None:
    marker = Marker(tmp_path / "armed")
    assert (marker.present, marker.serial) == (False, "")
    marker.set("SN-1")
    assert (marker.present, Marker(tmp_path / "armed").serial) == (True, "SN-1")
    marker.clear()
    marker.clear()
    assert not marker.present
    with pytest.raises(DeviceRefused, match="not firing"):
        Marker(tmp_path / "no" / "armed").set("SN-1")
    assert issubclass(InterlockOpen, DeviceRefused)
