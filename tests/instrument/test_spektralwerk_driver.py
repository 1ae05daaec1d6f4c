"""The Spektralwerk driver against a scripted device: one line a connection, wrong lines fail."""

import contextlib
import socket
import threading
import time

import numpy as np
import pytest

from instrument.drivers.spektralwerk import open_spektralwerk
from instrument.errors import AcquisitionAborted, DeviceRefused, ProtocolError, SettingOutOfRange
from instrument.registry import DeviceURL

TIME = "MEASure:SPECtrum:CONFig:EXPosure:TIME"
IDN = ("*CLS;*IDN?;*ESR?", "Silicann,Spektralwerk Core,SW-7,1.2.3;0")
LIMITS_ASKED = (
    "*CLS;DEVice:SPECtrometer:ARRay:PCOunt?;DEVice:SPECtrometer:ARRay:PEAK?;"
    f"{TIME}:MINimum?;{TIME}:MAXimum?;{TIME}:UNIT?;*ESR?"
)
LIMITS = (LIMITS_ASKED, "4;65535;100;10000000;us;0")
AXIS = ("*CLS;DEVice:SPECtrometer:PIXels:WAVelengths?;*ESR?", "900.0,1000.5,1.1e3,1200;0")
EXPOSURE = (f"*CLS;{TIME}?;*ESR?", "20000;0")
OPENING = [IDN, LIMITS, AXIS, EXPOSURE]
RAW = "*CLS;MEASure:SPECtrum:REQuest:RAW?;*ESR?"


@contextlib.contextmanager
def device(exchanges):
    """A device that knows these lines in this order; the last answer may be late by the seconds before it."""
    heard = []

    def serve(server):
        for _, answer in exchanges:
            peer, _ = server.accept()
            with peer:
                heard.append(peer.recv(4096).decode())
                delay, text = answer if isinstance(answer, tuple) else (0, answer)
                time.sleep(delay)
                with contextlib.suppress(OSError):
                    peer.sendall(text.encode() + b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield f"visa://TCPIP0::127.0.0.1::{server.getsockname()[1]}::SOCKET?driver=spektralwerk"
        thread.join(10)
    assert heard == [question + "\n" for question, _ in exchanges]


def opened(url):
    return open_spektralwerk(DeviceURL.parse(url))


def test_opening():
    with device(OPENING) as url:
        spectrometer = opened(url)
    assert spectrometer.info.model == "Silicann Spektralwerk Core"
    assert spectrometer.info.serial == "SW-7"
    assert spectrometer.info.firmware == "1.2.3"
    assert spectrometer.info.url == url
    assert spectrometer.limits.exposure_min_s == pytest.approx(1e-4)
    assert spectrometer.limits.saturation_counts == 65535
    np.testing.assert_array_equal(spectrometer.axis(), [900.0, 1000.5, 1100.0, 1200.0])
    assert spectrometer.settings()["exposure_s"] == 0.02


def test_a_spectrum_without_its_time_stamp():
    with device([*OPENING, (RAW, "12.5,1,2.5,3e2,0;0")]) as url:
        np.testing.assert_array_equal(opened(url).acquire(), [1, 2.5, 300, 0])


def test_exposure_is_read_back():
    with device([*OPENING, (f"*CLS;{TIME} 30000;*ESR?", "0"), (EXPOSURE[0], "30000;0")]) as url:
        spectrometer = opened(url)
        spectrometer.set_exposure(0.03)
    assert spectrometer.settings()["exposure_s"] == 0.03


def test_another_exposure_is_told():
    with device([*OPENING, (f"*CLS;{TIME} 30000;*ESR?", "0"), EXPOSURE]) as url:
        spectrometer = opened(url)
        with pytest.raises(DeviceRefused, match="reads back 0.02 s"):
            spectrometer.set_exposure(0.03)


def test_exposure_out_of_range_sends_nothing():
    with device(OPENING) as url:
        spectrometer = opened(url)
        with pytest.raises(SettingOutOfRange):
            spectrometer.set_exposure(11)


@pytest.mark.parametrize(
    ("error", "kind"),
    [('-222,"Data out of range"', SettingOutOfRange), ('-100,"Command error"', DeviceRefused)],
)
def test_an_error_is_fetched_and_told(error, kind):
    asked = [(f"*CLS;{TIME} 30000;*ESR?", "16"), ("SYSTem:ERRor:NEXT?", error)]
    with device([*OPENING, *asked]) as url:
        spectrometer = opened(url)
        with pytest.raises(kind, match=error):
            spectrometer.set_exposure(0.03)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("1,2,3;0", "3 numbers instead of 5"),
        ("0,1,2,3,nan;0", "5 numbers instead of 5"),
        ("0,1,2,3,x;0", "no number"),
        ("0,1,2,3,4", "in answer to"),
        ("0,1,2,3,4;OK", "in answer to"),
    ],
)
def test_a_damaged_spectrum_is_refused(answer, words):
    with device([*OPENING, (RAW, answer)]) as url:
        spectrometer = opened(url)
        with pytest.raises(ProtocolError, match=words):
            spectrometer.acquire()


def test_stop_hangs_up_and_the_late_answer_goes_nowhere():
    with device([*OPENING, (RAW, (0.25, "0,9,9,9,9;0")), (RAW, "0,1,2,3,4;0")]) as url:
        spectrometer = opened(url)
        with pytest.raises(AcquisitionAborted):
            spectrometer.acquire(stop=lambda: True)
        np.testing.assert_array_equal(spectrometer.acquire(), [1, 2, 3, 4])


@pytest.mark.parametrize(
    "exchanges",
    [
        [(IDN[0], "Silicann,Spektralwerk;0")],
        [(IDN[0], "A,B\x1b,C,D;0")],
        [IDN, (LIMITS_ASKED, "4;65535;100;10000000;ms;0")],
        [IDN, (LIMITS_ASKED, "4;65535;100;us;0")],
        [IDN, (LIMITS_ASKED, "1000000;65535;100;10000000;us;0")],
        [IDN, (LIMITS_ASKED, "4;65535;100;10;us;0")],
        [IDN, (LIMITS_ASKED, "4.5;65535;100;1000;us;0")],
        [IDN, LIMITS, (AXIS[0], "900,1000,1000,1100;0")],
        [IDN, LIMITS, (AXIS[0], "900,1000,1100;0")],
        [IDN, LIMITS, AXIS, (EXPOSURE[0], "soon;0")],
    ],
)
def test_a_device_of_another_kind_is_refused(exchanges):
    with device(exchanges) as url, pytest.raises(ProtocolError):
        opened(url)
