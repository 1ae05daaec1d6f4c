"""VISA sockets and serial ports, and devices of one line a connection."""

import os
import pty
import socket
import subprocess
import sys
import threading
import time
import tty

import pytest
import serial

from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceTimeout,
    DeviceURLError,
    MissingExtra,
    PortBusy,
    PortNotFound,
    ProtocolError,
)
from instrument.transport.serial_port import SerialStream
from instrument.transport.stream import deadline_in
from instrument.transport.visa import VisaStream, visa_resources
from instrument.transport.visa_line import VisaLine
from instrument.transport.visa_session import VisaAddress, visa_backend


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


@pytest.fixture
def line():
    """A pseudo-terminal: the device's end and the VISA resource of ours."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    ends = [master, slave]
    yield ends, f"ASRL{os.ttyname(slave)}::INSTR"
    for end in ends:
        os.close(end)


def test_serial_carries_bytes_both_ways(line):
    (master, _), resource = line
    with VisaStream(resource, baud=9600) as stream:
        stream.write(b"\x00ab\n", deadline=deadline_in(1))
        assert os.read(master, 16) == b"\x00ab\n"
        os.write(master, b"12\n345\nrest\xff")
        assert stream.read_until(b"\n", limit=16, deadline=deadline_in(1)) == b"12\n"
        assert stream.read(4, deadline=deadline_in(1)) == b"345\n"
        assert stream.receive(100, wait_s=0.1) == b"rest\xff"
        start = time.monotonic()
        assert stream.receive(100, wait_s=0.1) == b""
        assert 0.05 < time.monotonic() - start < 1
        os.write(master, b"late")
        assert stream.drain(0.05) == 4
        assert {entry.direction for entry in stream.transcript.entries()} == {"w", "r", "n"}


def test_serial_silence_times_out(line):
    with VisaStream(line[1]) as stream, pytest.raises(DeviceTimeout, match="no complete answer"):
        stream.read(1, deadline=deadline_in(0.1))


def test_a_serial_port_opened_by_visa_is_ours_alone(line):
    resource = line[1]
    path = VisaAddress.parse(resource).port
    program = f"import serial; serial.Serial({path!r}, exclusive=True)"
    with VisaStream(resource):
        other = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
        assert b"lock" in other.stderr
        for open_again in (lambda: VisaStream(resource), lambda: SerialStream(path, 9600)):
            with pytest.raises(PortBusy, match="another program"):
                open_again()
    with SerialStream(path, 9600), pytest.raises(PortBusy, match="another program"):
        VisaStream(resource)
    with serial.Serial(path, exclusive=True):
        """The lock is gone with the stream."""


def test_a_vanished_serial_port_says_so(line):
    ends, resource = line
    with VisaStream(resource) as stream:
        os.close(ends.pop(0))
        os.close(ends.pop(0))
        with pytest.raises(ConnectionLost, match="went away"):
            stream.read(1, deadline=deadline_in(1))
        with pytest.raises(ConnectionLost, match="went away"):
            stream.write(b"x", deadline=deadline_in(1))
    stream.close()
    with pytest.raises(ConnectionLost, match="already closed"):
        stream.receive(1, wait_s=0)


def test_a_serial_port_that_takes_no_bytes_times_out(line):
    with VisaStream(line[1]) as stream, pytest.raises(DeviceTimeout, match="takes no bytes"):
        stream.write(b"x" * (1 << 20), deadline=deadline_in(0.05))


def test_no_such_serial_port(tmp_path):
    with pytest.raises(PortNotFound, match="no such port"):
        VisaStream(f"ASRL{tmp_path}/ttyUSB9::INSTR")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PortNotFound, match="is no serial port"):
        VisaStream(f"ASRL{tmp_path}/file::INSTR")
    with pytest.raises(PortBusy, match="may not open"):
        VisaStream(f"ASRL{tmp_path}::INSTR")


def test_a_symbolic_link_is_followed(line, tmp_path):
    link = tmp_path / "pci-0:1.0-usb"
    link.symlink_to(VisaAddress.parse(line[1]).port)
    with VisaStream(f"ASRL{link}::INSTR") as stream:
        stream.write(b"x", deadline=deadline_in(1))
        assert os.read(line[0][0], 10) == b"x"


@pytest.mark.parametrize(
    "resource",
    [
        "TCPIP0::host::INSTR",
        "nonsense",
        "ASRL::INSTR",
        "ASRL/dev/a b::INSTR",
        "ASRL/dev/a::b::INSTR",
        "ASRL1::RAW",
    ],
)
def test_other_resources_are_refused(resource):
    with pytest.raises(DeviceURLError, match="SOCKET or ASRL"):
        VisaStream(resource)


def test_pyvisa_py_wants_the_path_of_a_port():
    with pytest.raises(DeviceURLError, match="write the path"):
        VisaStream("ASRL1::INSTR")


def test_the_backend_is_chosen_by_url_then_by_environment(monkeypatch):
    monkeypatch.delenv("OPIOSCAN_VISA", raising=False)
    assert visa_backend() == "@py"
    assert visa_backend("ivi") == "@ivi"
    monkeypatch.setenv("OPIOSCAN_VISA", "@ivi")
    assert visa_backend() == "@ivi"
    assert visa_backend("py") == "@py"
    monkeypatch.setenv("OPIOSCAN_VISA", "other")
    with pytest.raises(DeviceURLError, match="OPIOSCAN_VISA=other"):
        visa_backend()
    with pytest.raises(DeviceURLError, match="backend=x"):
        visa_backend("x")


def test_a_backend_that_is_not_installed_says_so(line, listener):
    import pyvisa

    try:
        pyvisa.ResourceManager("@ivi")
    except (OSError, ValueError):
        """As it should be here."""
    else:
        pytest.skip("a VISA library is installed")
    for resource in (line[1], f"TCPIP0::127.0.0.1::{listener.getsockname()[1]}::SOCKET"):
        with pytest.raises(MissingExtra, match="backend=ivi"):
            VisaStream(resource, backend="ivi")
    with VisaStream(line[1]):
        """The lock is gone with the failure."""


def test_nothing_listens(listener):
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(PortNotFound, match="nothing answers"):
        VisaStream(f"TCPIP0::127.0.0.1::{port}::SOCKET")


def test_closed_sessions_are_forgotten(listener):
    import pyvisa

    library = pyvisa.ResourceManager("@py").visalib
    known = len(library.sessions)
    with Scripted(listener, *[[b"1\n"]] * 5) as device:
        spoken = VisaLine(device.resource, pause_s=0)
        for _ in range(5):
            spoken.ask("?", timeout_s=2, limit=10)
    assert len(library.sessions) == known


def test_a_persistent_socket_talks_for_long(listener):
    with VisaStream(f"TCPIP0::127.0.0.1::{listener.getsockname()[1]}::SOCKET") as stream:
        peer, _ = listener.accept()
        with peer:
            for number in range(20):
                stream.write(b"getState\n", deadline=deadline_in(1))
                assert peer.recv(100) == b"getState\n"
                peer.sendall(b"ACK&%d\n" % number)
                assert stream.read_until(b"\n", limit=100, deadline=deadline_in(2)) == b"ACK&%d\n" % number


@pytest.mark.parametrize(
    ("script", "item"),
    [([b";;", 0.02, b"ab;cd;"], b"ab"), ([b";a", 0.02, b"b;"], b"ab"), ([b"a;b"], b"a")],
)
def test_visa_line_takes_the_first_item_of_a_stream(listener, script, item):
    with Scripted(listener, script) as device:
        assert VisaLine(device.resource).ask_stream("?", separator=b";", timeout_s=2, limit=100) == item


@pytest.mark.parametrize(
    ("script", "error"),
    [([b";;ab"], ConnectionLost), ([b"x" * 200], ProtocolError), ([b"x" * 200 + b";"], ProtocolError)],
)
def test_visa_line_refuses_a_damaged_stream(listener, script, error):
    with Scripted(listener, script) as device, pytest.raises(error):
        VisaLine(device.resource).ask_stream("?", separator=b";", timeout_s=0.3, limit=100)


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


def test_asking_for_visa_resources_warns_of_nothing():
    assert all("::" in resource for resource in visa_resources())
