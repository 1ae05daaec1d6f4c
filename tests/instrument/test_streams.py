import fcntl
import os
import pty
import socket
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path

import pytest
import serial

from instrument.errors import (
    ConnectionLost,
    DeviceTimeout,
    PortBusy,
    PortNotFound,
    ProtocolError,
)
from instrument.transport.serial_port import SerialStream, serial_opener
from instrument.transport.stream import deadline_in
from instrument.transport.tcp import TcpStream
from instrument.transport.transcript import Transcript


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


def speed_of(fd):
    return termios.tcgetattr(fd)[5]


def test_the_speed_of_an_open_port_changes(line):
    (_, slave), path = line
    with SerialStream(path, 9600) as stream:
        assert speed_of(slave) == termios.B9600
        stream.set_baud(115200)
        assert (stream.baud, speed_of(slave)) == (115200, termios.B115200)
        assert stream.transcript.entries()[-1].data == b"115200 bits per second"
        with pytest.raises(PortNotFound, match="no port with -1"):
            stream.set_baud(-1)
        assert stream.baud == 115200
    with pytest.raises(ConnectionLost, match="already closed"):
        stream.set_baud(9600)


def test_the_speed_of_a_vanished_port_cannot_change(line):
    ends, path = line
    with SerialStream(path, 115200) as stream:
        os.close(ends.pop(0))
        os.close(ends.pop(0))
        with pytest.raises(ConnectionLost):
            stream.set_baud(9600)


def test_a_wire_without_a_speed_says_so(connection):
    stream, _ = connection
    assert stream.baud is None
    with pytest.raises(ValueError, match="no speed"):
        stream.set_baud(9600)


def test_a_port_is_opened_again_and_a_pseudo_terminal_is_not(line, tmp_path):
    _, path = line
    link = tmp_path / "tty"
    link.symlink_to(path)
    record = Transcript()
    reopen = serial_opener(str(link), 9600)
    for _ in range(2):
        with reopen(record) as stream:
            assert stream.transcript is record
    once = serial_opener(path, 9600)
    once(record).close()
    with pytest.raises(PortNotFound, match="pseudo-terminal is gone"):
        once(record)


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
