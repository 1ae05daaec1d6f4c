import fcntl
import os
import pty
import socket
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

import pytest
import serial

from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceTimeout,
    DeviceURLError,
    PortBusy,
    PortNotFound,
    ProtocolError,
)
from instrument.transport.serial_port import SerialStream
from instrument.transport.stream import deadline_in
from instrument.transport.tcp import TcpStream
from instrument.transport.visa import VisaLine, VisaStream, visa_resources


@pytest.fixture
def line():
    """A pseudo-terminal: the device's end and the path of ours."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    ends = [master, slave]
    yield ends, os.ttyname(slave)
    for end in ends:
        os.close(end)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


@pytest.fixture
def connection(listener):
    with TcpStream("127.0.0.1", listener.getsockname()[1]) as stream:
        peer, _ = listener.accept()
        with peer:
            yield stream, peer


def test_serial_carries_bytes_both_ways(line):
    (master, _), path = line
    with SerialStream(path, 115200) as stream:
        stream.write(b"\x00ab\r", deadline=deadline_in(1))
        assert os.read(master, 16) == b"\x00ab\r"
        os.write(master, b"12345\r\nrest")
        assert stream.read_until(b"\r\n", limit=16, deadline=deadline_in(1)) == b"12345\r\n"
        assert stream.read(4, deadline=deadline_in(1)) == b"rest"
        assert [e.direction for e in stream.transcript.entries()][0] == "w"


def test_a_port_opened_here_is_refused_to_another_program(line):
    _, path = line
    program = f"import serial; serial.Serial({path!r}, exclusive=True)"
    with SerialStream(path, 115200):
        other = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
        assert b"lock" in other.stderr
        with pytest.raises(PortBusy, match="another program"):
            SerialStream(path, 115200)


def test_a_port_locked_elsewhere_is_busy(line):
    _, path = line
    with Path(path).open("rb+", buffering=0) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(PortBusy, match="another program"):
            SerialStream(path, 115200)


def test_no_such_port(tmp_path):
    with pytest.raises(PortNotFound, match="no such port"):
        SerialStream(str(tmp_path / "ttyUSB9"), 9600)


def test_a_file_is_no_serial_port(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PortNotFound, match="serial port"):
        SerialStream(str(tmp_path / "file"), 9600)


def test_a_vanished_port_says_so(line):
    ends, path = line
    with SerialStream(path, 115200) as stream:
        os.close(ends.pop(0))
        os.close(ends.pop(0))
        with pytest.raises(ConnectionLost, match="went away"):
            stream.read(1, deadline=deadline_in(1))
        with pytest.raises(ConnectionLost):
            stream.write(b"x", deadline=deadline_in(1))


def test_a_port_that_takes_no_bytes_times_out(line):
    _, path = line
    with SerialStream(path, 115200) as stream, pytest.raises(DeviceTimeout, match="takes no bytes"):
        stream.write(b"x" * (1 << 20), deadline=deadline_in(0.05))


def test_closed_twice_and_used_after(line):
    _, path = line
    stream = SerialStream(path, 115200)
    stream.close()
    stream.close()
    with pytest.raises(ConnectionLost, match="already closed"):
        stream.receive(1, wait_s=0)
    with serial.Serial(path, exclusive=True):
        """The lock is gone with the stream."""


def test_silence_times_out_in_time(connection):
    stream, _ = connection
    start = time.monotonic()
    with pytest.raises(DeviceTimeout, match="no complete answer"):
        stream.read(1, deadline=deadline_in(0.1))
    assert 0.09 < time.monotonic() - start < 1


def test_a_gap_ends_a_read_before_the_deadline(connection):
    stream, peer = connection
    peer.sendall(b"ab")
    start = time.monotonic()
    with pytest.raises(DeviceTimeout, match="2 of 3 bytes"):
        stream.read(3, deadline=deadline_in(30), gap_s=0.1)
    assert time.monotonic() - start < 5


def test_receive_returns_what_is_there(connection):
    stream, peer = connection
    assert stream.receive(10, wait_s=0.01) == b""
    peer.sendall(b"abc\ndef")
    assert stream.read_until(b"\n", limit=10, deadline=deadline_in(1)) == b"abc\n"
    assert stream.receive(2, wait_s=0.1) == b"de"
    assert stream.receive(2, wait_s=0.1) == b"f"


@pytest.mark.parametrize("sent", [b"x" * 100, b"x" * 12 + b"\n"])
def test_a_line_without_end_is_refused(connection, sent):
    stream, peer = connection
    peer.sendall(sent)
    with pytest.raises(ProtocolError, match="longer than 10 bytes"):
        stream.read_until(b"\n", limit=10, deadline=deadline_in(1))


def test_drain_throws_away_and_says_so(connection):
    stream, peer = connection
    peer.sendall(b"late answer")
    assert stream.drain(0.05) == 11
    assert stream.drain(0.01) == 0
    assert stream.transcript.entries()[-1].data == b"11 bytes thrown away"


def test_a_device_that_does_not_stop_talking_is_refused(connection):
    stream, peer = connection
    peer.sendall(b"x" * 2000)
    with pytest.raises(ProtocolError, match="does not stop talking"):
        stream.drain(0.05, limit=1000)


def test_a_closed_connection_says_so(connection):
    stream, peer = connection
    peer.close()
    with pytest.raises(ConnectionLost, match="went away"):
        stream.read(1, deadline=deadline_in(1))


def test_a_reset_connection_says_so(connection):
    stream, peer = connection
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    peer.close()
    with pytest.raises(ConnectionLost):
        stream.read(1, deadline=deadline_in(1))
    with pytest.raises(ConnectionLost):
        stream.write(b"x", deadline=deadline_in(1))


def test_a_host_that_takes_no_bytes_times_out(connection):
    stream, _ = connection
    with pytest.raises(DeviceTimeout, match="takes no bytes"):
        stream.write(b"x" * (1 << 26), deadline=deadline_in(0.05))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_nothing_listens():
    port = free_port()
    with pytest.raises(PortNotFound, match="nothing answers"):
        TcpStream("127.0.0.1", port)
    with pytest.raises(PortNotFound, match="nothing answers"):
        VisaStream(f"TCPIP0::127.0.0.1::{port}::SOCKET")


def test_a_host_without_an_address():
    with pytest.raises(PortNotFound, match="nothing answers"):
        VisaStream("TCPIP0::no.such.host.invalid::5025::SOCKET")


def test_a_visa_connection_that_is_reset_says_so(listener):
    with VisaStream(f"TCPIP0::127.0.0.1::{listener.getsockname()[1]}::SOCKET") as stream:
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        peer.close()
        with pytest.raises(ConnectionLost, match="went away"):
            stream.read(1, deadline=deadline_in(1))
        with pytest.raises(ConnectionLost, match="went away"):
            stream.write(b"x", deadline=deadline_in(1))


class Scripted:
    """A device of one line a connection: for each connection the pieces to send, with pauses."""

    def __init__(self, listener, *scripts):
        self.listener, self.scripts, self.heard, self.at = listener, scripts, [], []
        self.resource = f"TCPIP0::127.0.0.1::{listener.getsockname()[1]}::SOCKET"
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        for script in self.scripts:
            peer, _ = self.listener.accept()
            with peer:
                self.at.append(time.monotonic())
                self.heard.append(peer.recv(4096))
                for piece in script:
                    if isinstance(piece, bytes):
                        peer.sendall(piece)
                    else:
                        time.sleep(piece)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(10)


def test_visa_line_asks_with_a_pause_between_connections(listener):
    with Scripted(listener, [b"one\r\n"], [b"tw", 0.08, b"o\n"]) as device:
        line = VisaLine(device.resource, pause_s=0.05)
        assert line.ask("a?", timeout_s=2, limit=100) == "one"
        assert line.ask("b?", timeout_s=2, limit=100) == "two"
    assert device.heard == [b"a?\n", b"b?\n"]
    assert device.at[1] - device.at[0] >= 0.05
    assert [e.data for e in line.transcript.entries() if e.direction == "w"] == [b"a?\n", b"b?\n"]


def test_visa_line_returns_answers_longer_than_one_packet(listener):
    long = b"1234567," * 20_000
    with Scripted(listener, [long, 0.01, b"8\n"]) as device:
        assert VisaLine(device.resource).ask("?", timeout_s=5, limit=1 << 20) == (long + b"8").decode()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([b"half"], ConnectionLost),
        ([], ConnectionLost),
        ([b"one\ntwo\n"], ProtocolError),
        ([b"x" * 200], ProtocolError),
        ([b"\xff\n"], ProtocolError),
        ([0.4], DeviceTimeout),
    ],
    ids=["half", "nothing", "two lines", "too long", "not ascii", "silence"],
)
def test_visa_line_refuses(listener, script, error):
    with Scripted(listener, script) as device, pytest.raises(error):
        VisaLine(device.resource).ask("?", timeout_s=0.2, limit=100)


def test_visa_line_stops(listener):
    with Scripted(listener, [0.3]) as device:
        start = time.monotonic()
        with pytest.raises(AcquisitionAborted):
            VisaLine(device.resource).ask(
                "?", timeout_s=20, limit=100, stop=lambda: time.monotonic() - start > 0.1
            )
        assert time.monotonic() - start < 2


def test_visa_line_closed():
    line = VisaLine("TCPIP0::127.0.0.1::1::SOCKET")
    line.close()
    with pytest.raises(ConnectionLost, match="already closed"):
        line.ask("?", timeout_s=1, limit=10)


def test_visa_stream_reads_by_count(listener):
    with Scripted(listener, [b"abc", 0.02, b"def"]) as device, VisaStream(device.resource) as stream:
        stream.write(b"?", deadline=deadline_in(1))
        assert stream.read(6, deadline=deadline_in(2)) == b"abcdef"
        with pytest.raises(ConnectionLost, match="closed the connection"):
            stream.read(1, deadline=deadline_in(2))


@pytest.mark.parametrize("resource", ["ASRL/dev/ttyS0::INSTR", "TCPIP0::host::INSTR", "nonsense"])
def test_only_sockets_go_by_visa(resource):
    with pytest.raises(DeviceURLError, match="SOCKET"):
        VisaStream(resource)


def test_asking_for_visa_resources_warns_of_nothing():
    assert all("::" in resource for resource in visa_resources())
