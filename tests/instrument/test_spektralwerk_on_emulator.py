"""The Spektralwerk driver on its emulator: formats agree, faults are named, nothing wrong comes through."""

import contextlib
import hashlib
import json
import socket
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceRefused,
    DeviceTimeout,
    InstrumentError,
    PortNotFound,
    ProtocolError,
)
from instrument.registry import open_spectrometer
from instrument.testing import running_emulator


class Core:
    def __init__(self, about):
        self.about = about
        host, port = about["address"].split(":")
        self.url = f"visa://TCPIP0::{host}::{port}::SOCKET?driver=spektralwerk"

    def tell(self, **message):
        with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rw") as lines:
            sock.settimeout(5)
            sock.connect(self.about["control"])
            lines.write(json.dumps(message) + "\n")
            lines.flush()
            state = json.loads(lines.readline())
        assert "error" not in state, state
        return state


@pytest.fixture(scope="module")
def core():
    with tempfile.TemporaryDirectory(prefix="g") as folder:
        control = ("--control", str(Path(folder) / "ctl"))
        with running_emulator("spektralwerk", "--tcp", "0", "--pixels", "40", *control) as about:
            yield Core(about)


@pytest.fixture
def device(core):
    core.tell(faults="")
    opened = open_spectrometer(core.url)
    opened.set_exposure(0.01)
    yield opened
    core.tell(faults="")
    opened.close()


def truth(core):
    return core.tell()["last_truth_sha256"]


def digest(counts):
    return hashlib.sha256(np.ascontiguousarray(counts, "<f8").tobytes()).hexdigest()


def test_raw_and_every_format_are_what_the_device_made(core, device):
    assert digest(device.acquire()) == truth(core)
    device.set("averages", 3)
    for layout in ("human", "base64_float", "base64_int16", "cobs_int16"):
        device.set("format", layout)
        counts = device.acquire()
        assert counts.size == 40
        assert digest(counts) == truth(core)


def test_processing_is_what_the_device_made(core, device):
    device.take_reference("dark", 4)
    device.set("dark_reference", True)
    device.set("roi_first", 4)
    device.set("roi_last", 35)
    device.set("binning", 8)
    counts = device.acquire()
    assert counts.size == device.limits.pixels == device.axis().size == 4
    assert digest(counts) == truth(core)
    assert np.abs(counts).max() < 500
    state = core.tell()
    assert state["processing"] == "reference_dark,roi,binning"
    assert device.settings()["binning"] == state["binning"] == 8


def test_another_opening_puts_raw_single_exposures_back(core, device):
    device.set("averages", 3)
    device.close()
    again = open_spectrometer(core.url)
    assert again.settings()["averages"] == 1
    assert core.tell()["processing"] == "none"
    again.close()


def test_a_trigger_is_waited_for(core, device):
    device.set("trigger", "input,rising")
    timer = threading.Timer(0.2, lambda: core.tell(trigger=True))
    timer.start()
    start = time.monotonic()
    counts = device.acquire()
    timer.join()
    assert time.monotonic() - start > 0.15
    assert digest(counts) == truth(core)
    with pytest.raises(AcquisitionAborted):
        device.acquire(stop=lambda: time.monotonic() - start > 0.5)


FAULTS = [
    "drop",
    "garbage",
    "garbage_inside",
    "corrupt",
    "truncate",
    "wrong_type",
    "nack",
    "bad_footer",
    "duplicate",
]


@pytest.mark.parametrize("averages", [1, 2], ids=["raw", "processed"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_the_next_spectrum_is_right(core, device, fault, averages):
    device.set("averages", averages)
    core.tell(once=fault)
    with contextlib.suppress(ProtocolError, ConnectionLost, DeviceTimeout, DeviceRefused):
        assert digest(device.acquire()) == truth(core)
    assert digest(device.acquire()) == truth(core)


def test_a_refusal_tells_the_number(core, device):
    core.tell(once="nack:-241")
    with pytest.raises(DeviceRefused, match="-241"):
        device.acquire()


@pytest.mark.parametrize("fault", ["power_cut:0.1", "disconnect:0.1"])
@pytest.mark.parametrize("averages", [1, 2], ids=["raw", "processed"])
def test_a_cut_is_mended_within_five_seconds(core, device, fault, averages):
    device.set("averages", averages)
    device.set_exposure(0.03)
    core.tell(once=fault)
    with pytest.raises(InstrumentError):
        device.acquire()
    start = time.monotonic()
    while True:
        try:
            counts = device.acquire()
            break
        except (ConnectionLost, PortNotFound):
            assert time.monotonic() - start < 5
    assert digest(counts) == truth(core)
    assert core.tell()["exposure_s"] == pytest.approx(0.03)


def test_a_power_cut_between_two_spectra_is_noticed(core, device):
    device.set_exposure(0.03)
    device.acquire()
    core.tell(once="power_cut:0")
    with contextlib.suppress(InstrumentError):
        device.status()
    time.sleep(0.05)
    for _ in range(2):
        with contextlib.suppress(ConnectionLost):
            assert digest(device.acquire()) == truth(core)
            assert core.tell()["exposure_s"] == pytest.approx(0.03)
    assert core.tell()["exposure_s"] == pytest.approx(0.03)


def test_many_lines_leave_no_memory_behind(core, device):
    import pyvisa

    library = pyvisa.ResourceManager("@py").visalib
    device.acquire()
    before = [len(table) for table in (library.sessions, library._last_status_in_session)]
    for _ in range(5):
        device.acquire()
    assert [len(table) for table in (library.sessions, library._last_status_in_session)] == before
