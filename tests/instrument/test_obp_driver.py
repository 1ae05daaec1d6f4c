"""The OBP driver, by byte transcripts."""

import re
import struct
import threading
import time

import numpy as np
import pytest

from instrument.drivers.obp import ObpSpectrometer
from instrument.drivers.obp_line import ObpLine
from instrument.drivers.obp_link import ObpLink
from instrument.drivers.obp_models import obp_model
from instrument.drivers.obp_session import ObpSession
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceNotReady,
    DeviceRefused,
    DeviceTimeout,
    DeviceURLError,
    HardwareFault,
    ProtocolError,
    SettingOutOfRange,
    UnknownSetting,
)
from instrument.interfaces import Capability
from instrument.obp_frames import NO_FLAGS, ChecksumType, Flag, Message, encode
from instrument.obp_frames import MessageType as M
from instrument.testing import TranscriptStream

COEFFICIENTS = (785.5, 0.2, 1e-6)
COUNTS = np.arange(1024, dtype="<u2")
EXPOSURE = struct.pack("<I", 20_000)


class Step:
    """One exchange whose sequence number is not known yet."""

    def __init__(
        self, kind, operand=b"", answer=b"", *, flags=NO_FLAGS, reply=Flag.RESPONSE, error=0, md5=False
    ):
        self.kind, self.operand, self.answer, self.flags = kind, operand, answer, flags
        self.reply, self.error = reply, error
        self.checksum = ChecksumType.MD5 if md5 else ChecksumType.NONE

    def asked(self, n):
        return encode(Message(self.kind, self.operand, self.flags, regarding=n, checksum=self.checksum))

    def told(self, n):
        return encode(Message(self.kind, self.answer, self.reply, self.error, n, checksum=self.checksum))

    def __call__(self, n):
        return self.asked(n), self.told(n)


def query(kind, operand=b"", answer=b"", **options):
    return Step(kind, operand, answer, **options)


def command(kind, operand=b"", **options):
    return Step(kind, operand, flags=Flag.ACK_REQUESTED, reply=Flag.RESPONSE | Flag.ACK, **options)


def refusal(kind, error, operand=b"", flags=NO_FLAGS, **options):
    return Step(kind, operand, flags=flags, reply=Flag.RESPONSE | Flag.NACK, error=error, **options)


def unacked(kind, error, operand=b""):
    return refusal(kind, error, operand, Flag.ACK_REQUESTED)


def answered(step, change):
    """The same question with another answer: bytes, an exception, or a function of the good one."""

    def made(n):
        return step.asked(n), change(step.told(n)) if callable(change) else change

    return made


def spoken(*steps):
    """Number the steps as the driver does, from one."""
    return [step(n) for n, step in enumerate(steps, 1)]


def opening(model="STS", **changes):
    """What the driver asks for on opening, by name of the step."""
    pixels = obp_model(model).pixels
    steps = {
        "serial": query(M.SERIAL_NUMBER, answer=b"S01234"),
        "checksum": unacked(M.SET_CHECKSUM_TYPE, 2, b"\x01"),
        "maker": refusal(M.ORIGINAL_MANUFACTURER, 2),
        "firmware": query(M.FIRMWARE_REVISION, answer=b"\x23\x01"),
        "count": query(M.WAVELENGTH_COUNT, answer=b"\x03"),
        **{
            f"c{i}": query(M.WAVELENGTH_COEFFICIENT, bytes([i]), struct.pack("<f", c))
            for i, c in enumerate(COEFFICIENTS)
        },
        "averages": command(M.SET_AVERAGES, b"\x01\x00"),
        "boxcar": command(M.SET_BOXCAR, b"\x00"),
        "trigger": command(M.SET_TRIGGER_MODE, b"\x00"),
        **({"binning": command(M.SET_BINNING, b"\x00")} if obp_model(model).max_binning else {}),
        "exposure": query(M.GET_INTEGRATION_TIME, answer=EXPOSURE),
        "pixels": query(M.PIXEL_COUNT, answer=struct.pack("<H", pixels)),
        **({"cooler": refusal(M.GET_COOLER_ENABLE, 2)} if obp_model(model).cooler else {}),
        **({"buffer": refusal(M.GET_BUFFER_CAPACITY, 12)} if obp_model(model).buffer else {}),
        "temperatures": refusal(M.TEMPERATURES, 2),
        "nonlinearity": refusal(M.NONLINEARITY_COUNT, 2),
        "optical": refusal(M.OPTICAL_DARK_PIXELS, 12),
        "electric": refusal(M.ELECTRIC_DARK_PIXELS, 12),
    }
    return [*(steps | changes).values()]


SPECTRUM = query(M.CORRECTED_SPECTRUM, answer=COUNTS.tobytes())
CHECK = query(M.GET_INTEGRATION_TIME, answer=EXPOSURE)
TAKEN = (SPECTRUM, CHECK)
ABORT = command(M.ABORT_ACQUISITION)
#: What is asked for again after a failure.
RESTORED = (
    query(M.SERIAL_NUMBER, answer=b"S01234"),
    query(M.GET_AVERAGES, answer=b"\x01\x00"),
    query(M.GET_BOXCAR, answer=b"\x00"),
    query(M.GET_TRIGGER_MODE, answer=b"\x00"),
    query(M.GET_BINNING, answer=b"\x00"),
    CHECK,
)


def wire(*steps, **options):
    return TranscriptStream(spoken(*steps), **options)


def session_over(stream, margin_s=0.1, line=None, md5=True):
    link = ObpLink(lambda transcript: stream, margin_s=margin_s, first_regarding=1)
    return ObpSession(link, line, md5=md5)


def opened(stream, model="STS", **options):
    return ObpSpectrometer(session_over(stream, **options), obp_model(model), url="obp+x://y")


def test_opening_asks_what_it_needs_and_nothing_else():
    with wire(*opening()) as stream:
        device = opened(stream)
    assert (device.info.model, device.info.serial, device.info.firmware) == ("STS", "S01234", "1.23")
    assert device.info.url == "obp+x://y"
    assert not device.info.emulated
    assert device.capabilities == {
        Capability.EXPOSURE,
        Capability.AVERAGES,
        Capability.BOXCAR,
        Capability.TRIGGER,
        Capability.BINNING,
    }
    pixel = np.arange(1024)
    expected = sum(np.float64(np.float32(c)) * pixel**i for i, c in enumerate(COEFFICIENTS))
    np.testing.assert_allclose(device.axis(), expected, rtol=1e-12)


def test_an_emulator_that_says_so_is_labelled():
    with wire(*opening(maker=query(M.ORIGINAL_MANUFACTURER, answer=b"opioscan emulator"))) as stream:
        assert opened(stream).info.emulated


def test_what_a_device_does_not_know_it_lacks():
    steps = opening(
        "HDX", averages=unacked(M.SET_AVERAGES, 2, b"\x01\x00"), boxcar=unacked(M.SET_BOXCAR, 12, b"\x00")
    )
    with wire(*steps, query(M.CORRECTED_SPECTRUM, answer=bytes(4136)), CHECK) as stream:
        device = opened(stream, "HDX")
        assert device.capabilities == {Capability.EXPOSURE, Capability.TRIGGER}
        assert device.acquire().size == 2068
        with pytest.raises(UnknownSetting, match="no buffer"):
            device.acquire_many(2)


def test_facts_of_the_device_are_in_the_snapshot():
    steps = opening(
        "FX",
        temperatures=query(M.TEMPERATURES, answer=struct.pack("<3f", 25.5, -10.0, float("nan"))),
        nonlinearity=query(M.NONLINEARITY_COUNT, answer=b"\x02"),
        optical=query(M.OPTICAL_DARK_PIXELS, answer=struct.pack("<2I", 12, 27)),
    )
    steps = [step for step in steps if not (isinstance(step, Step) and step.kind is M.ELECTRIC_DARK_PIXELS)]
    asked = (
        refusal(M.GET_LAMP, 2),
        query(M.GET_ACQUISITION_DELAY, answer=struct.pack("<I", 1500)),
        query(M.DEVICE_IDLE, answer=b"\x01"),
        refusal(M.BUFFER_CAPACITY_MAX, 2),
        refusal(M.BUFFERED_COUNT, 2),
        query(M.NONLINEARITY_COEFFICIENT, b"\x00", struct.pack("<f", 1.0)),
        query(M.NONLINEARITY_COEFFICIENT, b"\x01", struct.pack("<f", 0.5)),
        query(M.ELECTRIC_DARK_PIXELS, answer=struct.pack("<4I", 0, 1, 5, 6)),
        query(M.TEMPERATURES, answer=struct.pack("<2f", 25.5, -10.0)),
    )
    with wire(*steps, *asked) as stream:
        device = opened(stream, "FX")
        settings = device.settings()
    assert settings["temperatures_c"] == {"sensor 0": 25.5, "sensor 1": -10.0}
    assert settings["nonlinearity_coefficients"] == [1.0, 0.5]
    assert settings["optical_dark_pixels"] == [[12, 27]]
    assert settings["electric_dark_pixels"] == [[0, 1], [5, 6]]
    assert settings["acquisition_delay_s"] == 0.0015
    assert settings["checksum"] == "none: the device has none"
    assert "lamp" not in settings
    assert {Capability.TEMPERATURES, Capability.NONLINEARITY, Capability.DARK_PIXELS} <= device.capabilities


@pytest.mark.parametrize("fragment", [1, 7, 64, 4096])
def test_a_spectrum_in_pieces(fragment):
    with wire(*opening(), *TAKEN, fragment=fragment) as stream:
        np.testing.assert_array_equal(opened(stream, margin_s=10).acquire(), COUNTS)


def metadata(number, exposure_us=20_000, trigger=0):
    return struct.pack("<IQIHB13x", number, 5, exposure_us, 0, trigger)


def test_qe_pro_clears_its_buffer_and_reads_the_metadata():
    counts = np.arange(1044, dtype="<u4") * 150
    spectrum = query(M.BUFFERED_SPECTRUM_32, answer=metadata(7) + counts.tobytes())
    with wire(*opening("QE-Pro"), command(M.CLEAR_BUFFER), spectrum, CHECK) as stream:
        np.testing.assert_array_equal(opened(stream, "QE-Pro").acquire(), counts)


@pytest.mark.parametrize(("head", "words"), [((7, 19_999), "19999 µs"), ((7, 20_000, 3), "trigger mode 3")])
def test_a_spectrum_of_other_settings_is_never_returned(head, words):
    spectrum = query(M.BUFFERED_SPECTRUM_32, answer=metadata(*head) + bytes(4 * 1044))
    with wire(*opening("QE-Pro"), command(M.CLEAR_BUFFER), spectrum) as stream:
        device = opened(stream, "QE-Pro")
        with pytest.raises(ProtocolError, match=words):
            device.acquire()


def test_a_device_that_was_reset_in_between_is_noticed():
    """It answers, at once and well; only its exposure is another one."""
    reset = query(M.GET_INTEGRATION_TIME, answer=struct.pack("<I", 100_000))
    again = (
        *RESTORED[:-1],
        reset,
        command(M.SET_INTEGRATION_TIME, EXPOSURE),
        CHECK,
        *TAKEN,
    )
    with wire(*opening(), SPECTRUM, reset, *again) as stream:
        device = opened(stream)
        with pytest.raises(ProtocolError, match=r"was reset: exposure_s reads back 0\.1"):
            device.acquire()
        np.testing.assert_array_equal(device.acquire(), COUNTS)


def test_what_is_not_as_after_power_up_is_read_back_too():
    steps = (
        command(M.SET_AVERAGES, b"\x04\x00"),
        query(M.GET_AVERAGES, answer=b"\x04\x00"),
        SPECTRUM,
        query(M.GET_AVERAGES, answer=b"\x01\x00"),
    )
    with wire(*opening(), *steps) as stream:
        device = opened(stream)
        device.set("averages", 4)
        with pytest.raises(ProtocolError, match="averages reads back 1"):
            device.acquire()


def test_a_setting_that_reads_back_otherwise_is_refused():
    steps = (command(M.SET_BOXCAR, b"\x04"), query(M.GET_BOXCAR, answer=b"\x03"))
    with wire(*opening(), *steps) as stream:
        device = opened(stream)
        with pytest.raises(DeviceRefused, match="boxcar was set to 4, reads back 3"):
            device.set("boxcar", 4)


def test_buffered_spectra_one_by_one_and_only_new_ones():
    def one(number):
        return query(M.BUFFERED_SPECTRUM_32, answer=metadata(number) + bytes(4 * 1044))

    steps = (
        *opening("QE-Pro", buffer=query(M.GET_BUFFER_CAPACITY, answer=struct.pack("<I", 100))),
        command(M.SET_BUFFERING, b"\x01"),
        command(M.CLEAR_BUFFER),
        unacked(M.SET_BACK_TO_BACK, 2, b"\x02\0\0\0"),
        command(M.ACQUIRE_INTO_BUFFER),
        query(M.BUFFERED_COUNT, answer=b"\x01\0\0\0"),
        query(M.BUFFERED_COUNT, answer=b"\x02\0\0\0"),
        ABORT,
        one(8),
        one(8),
        ABORT,
        unacked(M.SET_BACK_TO_BACK, 2, b"\x01\0\0\0"),
        command(M.SET_BUFFERING, b"\x00"),
    )
    with wire(*steps) as stream:
        device = opened(stream, "QE-Pro", margin_s=1.0)
        with pytest.raises(ProtocolError, match="not a new one"):
            device.acquire_many(2)


def test_garbage_before_a_frame_is_skipped():
    noisy = answered(SPECTRUM, lambda good: b"\x00banner\xc1" + good)
    with wire(*opening(), noisy, CHECK) as stream:
        np.testing.assert_array_equal(opened(stream).acquire(), COUNTS)


def test_a_stale_answer_is_never_taken():
    late = encode(Message(M.CORRECTED_SPECTRUM, bytes(2048), Flag.RESPONSE, regarding=2))
    with wire(*opening(), answered(SPECTRUM, lambda good: late + good), CHECK) as stream:
        device = opened(stream)
        np.testing.assert_array_equal(device.acquire(), COUNTS)
    assert any(e.direction == "n" and b"stale" in e.data for e in device.transcript.entries())


def test_only_a_stale_answer_is_a_timeout_and_never_asked_again():
    late = encode(Message(M.CORRECTED_SPECTRUM, COUNTS.tobytes(), Flag.RESPONSE, regarding=2))
    with wire(*opening(), answered(SPECTRUM, late), ABORT) as stream:
        device = opened(stream)
        with pytest.raises(DeviceTimeout, match="nothing came"):
            device.acquire()


def test_an_echo_of_the_request_is_no_answer():
    def echoed(n):
        return SPECTRUM.asked(n), SPECTRUM.asked(n) + SPECTRUM.told(n)

    with wire(*opening(), echoed, CHECK) as stream:
        np.testing.assert_array_equal(opened(stream).acquire(), COUNTS)


def nack(error):
    return refusal(M.CORRECTED_SPECTRUM, error)


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        (answered(SPECTRUM, lambda g: g[:8] + b"\x00\x11" + g[10:]), ProtocolError, "is the model right"),
        (query(M.CORRECTED_SPECTRUM, answer=bytes(2046)), ProtocolError, "2046 bytes"),
        (nack(7), DeviceNotReady, "not ready"),
        (nack(255), DeviceNotReady, "deferred"),
        (nack(13), HardwareFault, "internal"),
        (nack(6), DeviceRefused, "invalid data"),
        (nack(77), DeviceRefused, "unknown error"),
        (
            Step(M.CORRECTED_SPECTRUM, answer=bytes(2048), reply=Flag.RESPONSE | Flag.EXCEPTION),
            HardwareFault,
            "hardware exception",
        ),
        (answered(SPECTRUM, lambda g: g[:-1] + b"\x00"), ProtocolError, "footer"),
        (answered(SPECTRUM, ConnectionLost("unplugged")), ConnectionLost, "unplugged"),
    ],
    ids=[
        "type",
        "short",
        "busy",
        "deferred",
        "broken",
        "nack",
        "unknown",
        "exception",
        "footer",
        "unplugged",
    ],
)
def test_a_bad_answer_to_an_acquisition_is_told_and_not_repeated(step, error, words):
    with wire(*opening(), step) as stream:
        device = opened(stream)
        with pytest.raises(error, match=words):
            device.acquire()


@pytest.mark.parametrize(
    ("answer", "words"), [(lambda g: g[:500], "500 bytes of a frame"), (None, "nothing came")]
)
def test_after_silence_the_device_is_told_to_stop(answer, words):
    with wire(*opening(), answered(SPECTRUM, answer), ABORT) as stream:
        device = opened(stream)
        with pytest.raises(DeviceTimeout, match=words):
            device.acquire()


class Trickle(TranscriptStream):
    """Its bytes come late and a few at a time, but come."""

    slow = False

    def _receive(self, limit, wait_s):
        if self.slow:
            time.sleep(0.01)
        return super()._receive(limit, wait_s)


def test_a_spectrum_that_is_still_coming_is_waited_for():
    with Trickle(spoken(*opening(), *TAKEN), fragment=128) as stream:
        device = opened(stream, margin_s=0.15)
        device._link.margin_s = 0.12
        stream.slow = True
        np.testing.assert_array_equal(device.acquire(), COUNTS)


def test_but_not_for_ever():
    with Trickle(spoken(*opening(), SPECTRUM, ABORT), fragment=8) as stream:
        device = opened(stream, margin_s=0.15)
        device._link.margin_s = 0.05
        stream.slow = True
        start = time.monotonic()
        with pytest.raises(DeviceTimeout, match="bytes of a frame"):
            device.acquire()
        assert time.monotonic() - start < 1.5
        stream._ahead.clear()
        stream._answers.clear()


def test_after_a_failure_settings_are_compared_and_the_next_spectrum_is_right():
    failed = answered(SPECTRUM, lambda good: good[:-1] + b"\x00")
    with wire(*opening(), failed, *RESTORED, *TAKEN) as stream:
        device = opened(stream)
        with pytest.raises(ProtocolError):
            device.acquire()
        np.testing.assert_array_equal(device.acquire(), COUNTS)


def test_after_a_reset_it_says_so_and_settings_are_compared():
    with wire(*opening(), nack(9), *RESTORED, *TAKEN) as stream:
        device = opened(stream)
        with pytest.raises(DeviceRefused, match="device reset"):
            device.acquire()
        np.testing.assert_array_equal(device.acquire(), COUNTS)


def test_another_device_on_the_same_port_is_refused():
    other = query(M.SERIAL_NUMBER, answer=b"S99999")
    with wire(*opening(), nack(9), other) as stream:
        device = opened(stream)
        with pytest.raises(DeviceRefused):
            device.acquire()
        with pytest.raises(ProtocolError, match="S99999 answers where S01234 was"):
            device.acquire()


def test_a_setting_that_cannot_be_set_again_is_told():
    lost = query(M.GET_BOXCAR, answer=b"\x01")
    again = (*RESTORED[:2], lost, command(M.SET_BOXCAR, b"\x00"), lost)
    with wire(*opening(), nack(9), *again) as stream:
        device = opened(stream)
        with pytest.raises(DeviceRefused):
            device.acquire()
        with pytest.raises(DeviceRefused, match="boxcar cannot be set again"):
            device.acquire()


def test_deferred_means_wait():
    def deferred(n):
        wait = encode(Message(M.CORRECTED_SPECTRUM, b"", Flag.RESPONSE, 255, n))
        return SPECTRUM.asked(n), wait + SPECTRUM.told(n)

    with wire(*opening(), deferred, CHECK) as stream:
        np.testing.assert_array_equal(opened(stream).acquire(), COUNTS)


def test_a_question_is_repeated_once():
    firmware = query(M.FIRMWARE_REVISION)
    steps = [*opening()[:3], answered(firmware, lambda good: good[:-1] + b"x"), answered(firmware, None)]
    with wire(*steps) as stream, pytest.raises(DeviceTimeout):
        opened(stream)


def test_a_command_without_acknowledgement_is_repeated_once_then_told():
    silent = Step(M.SET_INTEGRATION_TIME, struct.pack("<I", 30_000), flags=Flag.ACK_REQUESTED)
    with wire(*opening(), silent, silent) as stream:
        device = opened(stream)
        with pytest.raises(ProtocolError, match="not acknowledged"):
            device.set_exposure(0.03)


def test_exposure_is_set_in_microseconds_and_kept_when_refused():
    steps = (
        command(M.SET_INTEGRATION_TIME, struct.pack("<I", 1_500_001)),
        query(M.GET_INTEGRATION_TIME, answer=struct.pack("<I", 1_500_001)),
        unacked(M.SET_INTEGRATION_TIME, 6, struct.pack("<I", 1_000_000)),
    )
    with wire(*opening(), *steps) as stream:
        device = opened(stream)
        device.set_exposure(1.500001)
        with pytest.raises(DeviceRefused, match="invalid data"):
            device.set_exposure(1.0)
        for seconds in (1e-6, 100.0, float("nan"), True):
            with pytest.raises(SettingOutOfRange):
                device.set_exposure(seconds)
        assert device._panel.value("exposure_s") == 1.500001


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"serial": query(M.SERIAL_NUMBER, answer=b"\xff\xfe")}, "not ASCII"),
        ({"serial": query(M.SERIAL_NUMBER, answer=b"S\x1b[2J")}, "not printable"),
        ({"pixels": query(M.PIXEL_COUNT, answer=b"\x00\x02")}, "512 pixels"),
        ({"count": query(M.WAVELENGTH_COUNT, answer=b"\x01")}, "coefficients"),
        ({"count": query(M.WAVELENGTH_COUNT)}, "coefficients"),
        ({"count": query(M.WAVELENGTH_COUNT, answer=b"\xff")}, "coefficients"),
        ({"c0": query(M.WAVELENGTH_COEFFICIENT, b"\x00", b"\x00")}, "1 bytes"),
        ({"c1": query(M.WAVELENGTH_COEFFICIENT, b"\x01", struct.pack("<f", float("nan")))}, "is nan"),
        ({"c1": query(M.WAVELENGTH_COEFFICIENT, b"\x01", struct.pack("<f", -0.2))}, "no ascending axis"),
        ({"exposure": query(M.GET_INTEGRATION_TIME, answer=b"\x00")}, "exposure_s: an answer of 1 bytes"),
        ({"temperatures": query(M.TEMPERATURES, answer=bytes(3))}, "temperatures of 3 bytes"),
        ({"optical": query(M.OPTICAL_DARK_PIXELS, answer=bytes(4))}, "4 bytes"),
        ({"optical": query(M.OPTICAL_DARK_PIXELS, answer=struct.pack("<2I", 3, 1024))}, "1024 pixels"),
        ({"nonlinearity": query(M.NONLINEARITY_COUNT, answer=b"\x40")}, "40 nonlinearity"),
    ],
)
def test_a_device_of_another_kind_is_refused_and_its_port_closed(changes, words):
    steps = opening(**changes)
    asked = 1 + max(steps.index(step) for step in changes.values())
    stream = wire(*steps[: asked + ("ascending" in words)])
    with pytest.raises(ProtocolError, match=words):
        opened(stream)
    stream.assert_finished()
    with pytest.raises(ConnectionLost):
        stream.receive(1, wait_s=0)


def test_an_unknown_pixel_count_leaves_the_table():
    with wire(*opening(pixels=refusal(M.PIXEL_COUNT, 2)), *TAKEN) as stream:
        assert opened(stream).acquire().shape == (1024,)


def test_stop_aborts_and_the_late_spectrum_is_thrown_away():
    late = []

    def unanswered(n):
        late.append(SPECTRUM.told(n))
        return SPECTRUM.asked(n), None

    def aborted(n):
        return ABORT.asked(n), late[0] + ABORT.told(n)

    again = query(M.CORRECTED_SPECTRUM, answer=COUNTS[::-1].tobytes())
    with wire(*opening(), unanswered, aborted, again, CHECK) as stream:
        device = opened(stream)
        with pytest.raises(AcquisitionAborted):
            device.acquire(stop=lambda: True)
        np.testing.assert_array_equal(device.acquire(), COUNTS[::-1])


def test_a_device_that_cannot_abort_is_waited_for():
    with wire(*opening(), answered(SPECTRUM, None), unacked(M.ABORT_ACQUISITION, 2)) as stream:
        device = opened(stream)
        with pytest.raises(AcquisitionAborted):
            device.acquire(stop=lambda: True)
        assert device._link.busy
    assert any(b"abort" in e.data for e in device.transcript.entries() if e.direction == "n")


# --- checksums


def signed(*steps):
    """The same steps with MD5 on both sides."""
    for step in steps:
        step.checksum = ChecksumType.MD5
    return steps


def signed_opening():
    first, _, *rest = opening()
    known = query(M.SERIAL_NUMBER, answer=b"S01234")
    return [first, command(M.SET_CHECKSUM_TYPE, b"\x01"), *signed(known, *rest)]


def test_with_checksums_every_frame_carries_one():
    taken = signed(
        query(M.CORRECTED_SPECTRUM, answer=COUNTS.tobytes()), query(M.GET_INTEGRATION_TIME, answer=EXPOSURE)
    )
    with wire(*signed_opening(), *taken) as stream:
        device = opened(stream)
        np.testing.assert_array_equal(device.acquire(), COUNTS)
        assert Capability.CHECKSUM in device.capabilities
        assert device._session.checksum == "md5"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda good: good[:100] + b"\xee" + good[101:], "checksum"),
        (lambda good: good[:-5] + b"\xee" + good[-4:], "checksum"),
        (
            lambda good: encode(
                Message(
                    M.CORRECTED_SPECTRUM,
                    COUNTS.tobytes(),
                    Flag.RESPONSE,
                    0,
                    *struct.unpack_from("<I", good, 12),
                )
            ),
            "without its checksum",
        ),
    ],
    ids=["damaged payload", "damaged checksum", "none"],
)
def test_a_damaged_payload_never_becomes_a_spectrum(change, words):
    (spectrum,) = signed(query(M.CORRECTED_SPECTRUM, answer=COUNTS.tobytes()))
    with wire(*signed_opening(), answered(spectrum, change)) as stream:
        device = opened(stream)
        with pytest.raises(ProtocolError, match=words):
            device.acquire()


def test_a_device_that_only_says_it_gives_checksums():
    first, _, *rest = opening()
    known = query(M.SERIAL_NUMBER, answer=b"S01234", md5=True)

    def unsigned(n):
        return known.asked(n), query(M.SERIAL_NUMBER, answer=b"S01234").told(n)

    off = command(M.SET_CHECKSUM_TYPE, b"\x00")
    steps = [first, command(M.SET_CHECKSUM_TYPE, b"\x01"), unsigned, unsigned, off]
    with wire(*steps, *rest, *TAKEN) as stream:
        device = opened(stream)
        np.testing.assert_array_equal(device.acquire(), COUNTS)
        assert device._session.checksum == "none: acknowledged, but answers carry none"


def test_checksums_once_given_must_be_given_again():
    again = (query(M.SERIAL_NUMBER, answer=b"S01234"), unacked(M.SET_CHECKSUM_TYPE, 2, b"\x01"))
    (spectrum,) = signed(refusal(M.CORRECTED_SPECTRUM, 9))
    with wire(*signed_opening(), spectrum, *again) as stream:
        device = opened(stream)
        with pytest.raises(DeviceRefused, match="device reset"):
            device.acquire()
        with pytest.raises(DeviceRefused, match="refuses them now"):
            device.acquire()


def test_without_asking_there_are_none():
    first, _, *rest = opening()
    with wire(first, *rest, *TAKEN) as stream:
        np.testing.assert_array_equal(opened(stream, md5=False).acquire(), COUNTS)


# --- the line


class SpeedStream(TranscriptStream):
    """A conversation over a line with a speed."""

    def __init__(self, exchanges, baud):
        super().__init__(exchanges)
        self.baud, self.speeds = baud, [baud]

    def set_baud(self, baud):
        self.baud = baud
        self.speeds.append(baud)


SERIAL = query(M.SERIAL_NUMBER, answer=b"S01234")
FASTER = command(M.SET_BAUD, struct.pack("<I", 115_200))
SLOWER = command(M.SET_BAUD, struct.pack("<I", 9600))
SILENT = answered(SERIAL, None)
ABORTED = Step(M.ABORT_ACQUISITION)


def told_only(step):
    """A command nobody acknowledges."""
    return answered(step, None)


@pytest.mark.parametrize(
    ("steps", "speeds", "words"),
    [
        ([SERIAL, FASTER, SERIAL], [9600, 115_200], "115200 bits per second, raised from 9600"),
        (
            [SERIAL, unacked(M.SET_BAUD, 2, struct.pack("<I", 115_200))],
            [9600],
            "9600 bits per second; not raised: .*unknown type",
        ),
        ([SERIAL, answered(FASTER, None), SERIAL], [9600, 115_200], "raised from 9600"),
        (
            [SERIAL, FASTER, SILENT, SILENT],
            [9600, 115_200, 9600],
            "9600 bits per second; not raised: no answer at 115200",
        ),
        ([SILENT, SERIAL], [9600, 115_200], "115200 bits per second"),
        (
            [SILENT, SILENT, told_only(ABORTED), SILENT, told_only(ABORTED), SERIAL, FASTER, SERIAL],
            [9600, 115_200, 9600, 115_200],
            "raised",
        ),
    ],
    ids=["raised", "refused", "acknowledged late", "no use", "left fast", "found at last"],
)
def test_finding_the_device_and_raising_the_speed(steps, speeds, words):
    with SpeedStream(spoken(*steps), 9600) as stream:
        session = session_over(stream, line=ObpLine(9600, 115_200), md5=False, margin_s=0.02)
        session.ensure()
        assert stream.speeds == speeds
    assert re.search(words, session.line.words)


def test_nothing_at_any_speed():
    silent = [SILENT, SILENT, told_only(ABORTED), SILENT, told_only(ABORTED), SILENT]
    with SpeedStream(spoken(*silent), 9600) as stream:
        session = session_over(stream, line=ObpLine(9600, 115_200), md5=False, margin_s=0.02)
        with pytest.raises(DeviceTimeout):
            session.ensure()


def test_closing_sets_the_line_back_to_its_speed_at_power_up():
    with SpeedStream(spoken(SERIAL, FASTER, SERIAL, SLOWER), 9600) as stream:
        session = session_over(stream, line=ObpLine(9600, 115_200), md5=False)
        session.ensure()
        session.close()
        session.close()
        with pytest.raises(ConnectionLost, match="already closed"):
            session.link.reopen()


def test_the_same_speed_twice_is_left_alone():
    with SpeedStream(spoken(SERIAL), 9600) as stream:
        session = session_over(stream, line=ObpLine(9600, 9600), md5=False)
        session.ensure()
        session.close()


def test_line_time_counts_ten_bits_a_byte():
    with SpeedStream([], 9600) as stream:
        assert session_over(stream).link.line_time(2112) == pytest.approx(2.2)
    with TranscriptStream([]) as stream:
        assert session_over(stream).link.line_time(2112) == 0.0


def test_something_urgent_ends_an_exposure_at_once():
    long = query(M.GET_INTEGRATION_TIME, answer=struct.pack("<I", 5_000_000))
    with wire(*opening(exposure=long), answered(SPECTRUM, None)) as stream:
        device = opened(stream, margin_s=5)
        failed = []

        def expose():
            try:
                device.acquire()
            except AcquisitionAborted as error:
                failed.append(str(error))

        thread = threading.Thread(target=expose)
        thread.start()
        time.sleep(0.1)
        start = time.monotonic()
        with device._link.first(start + 2):
            assert time.monotonic() - start < 0.5
            assert device._link.busy
        thread.join(5)
    assert "the laser goes off first" in failed[0]


def test_who_has_something_urgent_does_not_wait_for_ever():
    with TranscriptStream([]) as stream:
        link = session_over(stream).link
        with link.lock:
            thread = threading.Thread(target=lambda: failed.append(_raised(link)))
            failed = []
            thread.start()
            thread.join(5)
    assert "not free" in failed[0]


def _raised(link):
    try:
        with link.first(time.monotonic() + 0.05):
            return ""
    except DeviceTimeout as error:
        return str(error)


def test_first_number_is_random():
    numbers = set()
    for _ in range(5):
        with TranscriptStream([]) as stream:
            numbers.add(ObpLink(lambda transcript, stream=stream: stream)._regarding)
    assert len(numbers) == 5


@pytest.mark.parametrize(
    ("name", "pixels", "size"),
    [
        ("sts", 1024, 2048),
        ("Spark", 1024, 2048),
        ("QE-PRO", 1044, 4208),
        ("FlameX", 2136, 4272),
        ("hdx", 2068, 4136),
        ("ventana", 1024, 2048),
    ],
)
def test_models(name, pixels, size):
    model = obp_model(name)
    assert model.limits.pixels == pixels
    assert model.spectrum_bytes() == size


def test_unknown_model():
    with pytest.raises(DeviceURLError, match="FX, HDX, QEPro, STS, Spark"):
        obp_model("S2000")
