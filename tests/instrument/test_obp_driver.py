"""The OBP driver, by byte transcripts."""

import struct
import time

import numpy as np
import pytest

from instrument.drivers.obp import ObpSpectrometer
from instrument.drivers.obp_link import ObpLink
from instrument.drivers.obp_models import obp_model
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceRefused,
    DeviceTimeout,
    DeviceURLError,
    ProtocolError,
    SettingOutOfRange,
)
from instrument.obp_frames import NO_FLAGS, Flag, Message, encode
from instrument.obp_frames import MessageType as M
from instrument.testing import TranscriptStream

COEFFICIENTS = (785.5, 0.2, 1e-6)


def ask(kind, regarding, operand=b"", flags=NO_FLAGS):
    return encode(Message(kind, operand, flags, regarding=regarding))


def tell(kind, regarding, operand=b"", flags=Flag.RESPONSE, error=0):
    return encode(Message(kind, operand, flags, error, regarding))


def query(kind, regarding, operand, answer):
    return (ask(kind, regarding, operand), tell(kind, regarding, answer))


def command(kind, regarding, operand=b""):
    return (
        ask(kind, regarding, operand, Flag.ACK_REQUESTED),
        tell(kind, regarding, flags=Flag.RESPONSE | Flag.ACK),
    )


def refusal(kind, regarding, error, operand=b"", flags=NO_FLAGS):
    return (ask(kind, regarding, operand, flags), tell(kind, regarding, flags=Flag.NACK, error=error))


OPENING = [
    refusal(M.ORIGINAL_MANUFACTURER, 1, 2),
    query(M.SERIAL_NUMBER, 2, b"", b"S01234"),
    query(M.FIRMWARE_REVISION, 3, b"", b"\x23\x01"),
    query(M.PIXEL_COUNT, 4, b"", b"\x00\x04"),
    query(M.WAVELENGTH_COUNT, 5, b"", b"\x03"),
    *(
        query(M.WAVELENGTH_COEFFICIENT, 6 + i, bytes([i]), struct.pack("<f", c))
        for i, c in enumerate(COEFFICIENTS)
    ),
    command(M.SET_TRIGGER_MODE, 9, b"\x00"),
    command(M.SET_AVERAGES, 10, b"\x01\x00"),
    command(M.SET_BOXCAR, 11, b"\x00"),
    query(M.GET_INTEGRATION_TIME, 12, b"", struct.pack("<I", 20_000)),
]
COUNTS = np.arange(1024, dtype="<u2")
SPECTRUM = query(M.CORRECTED_SPECTRUM, 13, b"", COUNTS.tobytes())


def link_over(stream, margin_s=0.1, **options):
    return ObpLink(stream, first_regarding=1, margin_s=margin_s, **options)


def opened(stream, model="STS", **options):
    return ObpSpectrometer(link_over(stream, **options), obp_model(model), url="obp+x://y")


def opening_with(replacement, at):
    return [*OPENING[:at], replacement]


def test_opening_asks_what_it_needs_and_nothing_else():
    with TranscriptStream(OPENING) as stream:
        device = opened(stream)
    assert device.info.model == "STS"
    assert device.info.serial == "S01234"
    assert device.info.firmware == "1.23"
    assert device.info.url == "obp+x://y"
    assert not device.info.emulated
    pixel = np.arange(1024)
    expected = sum(np.float64(np.float32(c)) * pixel**i for i, c in enumerate(COEFFICIENTS))
    np.testing.assert_allclose(device.axis(), expected, rtol=1e-12)


def test_an_emulator_that_says_so_is_labelled():
    exchanges = [query(M.ORIGINAL_MANUFACTURER, 1, b"", b"opioscan emulator"), *OPENING[1:]]
    with TranscriptStream(exchanges) as stream:
        assert opened(stream).info.emulated


@pytest.mark.parametrize("fragment", [1, 7, 64, 4096])
def test_a_spectrum_in_pieces(fragment):
    with TranscriptStream([*OPENING, SPECTRUM], fragment=fragment) as stream:
        np.testing.assert_array_equal(opened(stream, margin_s=10).acquire(), COUNTS)


def test_qe_pro_clears_its_buffer_and_skips_the_metadata():
    counts = np.arange(1044, dtype="<u4") * 150
    exchanges = [*OPENING]
    exchanges[3] = query(M.PIXEL_COUNT, 4, b"", struct.pack("<I", 1044))
    exchanges += [
        command(M.CLEAR_BUFFER, 13),
        query(M.BUFFERED_SPECTRUM_32, 14, b"", b"\xff" * 32 + counts.tobytes()),
    ]
    with TranscriptStream(exchanges) as stream:
        np.testing.assert_array_equal(opened(stream, "QE-Pro").acquire(), counts)


def test_garbage_before_a_frame_is_skipped():
    ours, answer = SPECTRUM
    with TranscriptStream([*OPENING, (ours, b"\x00banner\xc1" + answer)]) as stream:
        np.testing.assert_array_equal(opened(stream).acquire(), COUNTS)


def test_a_stale_answer_is_never_taken():
    ours, answer = SPECTRUM
    late = tell(M.CORRECTED_SPECTRUM, 12, bytes(2048))
    with TranscriptStream([*OPENING, (ours, late + answer)]) as stream:
        device = opened(stream)
        np.testing.assert_array_equal(device.acquire(), COUNTS)
    assert any(e.direction == "n" and b"stale" in e.data for e in device.transcript.entries())


def test_only_a_stale_answer_is_a_timeout_and_never_asked_again():
    ours, _ = SPECTRUM
    late = tell(M.CORRECTED_SPECTRUM, 12, COUNTS.tobytes())
    with (
        TranscriptStream([*OPENING, (ours, late)]) as stream,
        pytest.raises(DeviceTimeout, match="nothing came"),
    ):
        opened(stream).acquire()


def test_an_echo_of_the_request_is_no_answer():
    ours, answer = SPECTRUM
    with TranscriptStream([*OPENING, (ours, ours + answer)]) as stream:
        np.testing.assert_array_equal(opened(stream).acquire(), COUNTS)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (tell(M.RAW_SPECTRUM, 13, COUNTS.tobytes()), ProtocolError, "is the model right"),
        (tell(M.CORRECTED_SPECTRUM, 13, COUNTS.tobytes()[:-2]), ProtocolError, "2046 bytes"),
        (tell(M.CORRECTED_SPECTRUM, 13, flags=Flag.NACK, error=7), DeviceRefused, "not ready"),
        (tell(M.CORRECTED_SPECTRUM, 13, flags=Flag.NACK, error=77), DeviceRefused, "unknown error"),
        (
            tell(M.CORRECTED_SPECTRUM, 13, COUNTS.tobytes(), Flag.RESPONSE | Flag.EXCEPTION),
            DeviceRefused,
            "hardware exception",
        ),
        (SPECTRUM[1][:-1] + b"\x00", ProtocolError, "footer"),
        (SPECTRUM[1][:500], DeviceTimeout, "500 bytes of a frame"),
        (ConnectionLost("unplugged"), ConnectionLost, "unplugged"),
        (None, DeviceTimeout, "nothing came"),
    ],
    ids=["type", "short", "nack", "unknown nack", "exception", "footer", "half", "unplugged", "silence"],
)
def test_a_bad_answer_to_an_acquisition_is_told_and_not_repeated(answer, error, words):
    with TranscriptStream([*OPENING, (SPECTRUM[0], answer)]) as stream:
        device = opened(stream)
        with pytest.raises(error, match=words):
            device.acquire()


def test_after_a_failure_the_next_spectrum_is_right():
    failed = (SPECTRUM[0], SPECTRUM[1][:500])
    again = query(M.CORRECTED_SPECTRUM, 14, b"", COUNTS[::-1].tobytes())
    with TranscriptStream([*OPENING, failed, again]) as stream:
        device = opened(stream)
        with pytest.raises(DeviceTimeout):
            device.acquire()
        np.testing.assert_array_equal(device.acquire(), COUNTS[::-1])


def test_deferred_means_wait():
    ours, answer = SPECTRUM
    deferred = tell(M.CORRECTED_SPECTRUM, 13, error=255)
    with TranscriptStream([*OPENING, (ours, deferred + answer)]) as stream:
        np.testing.assert_array_equal(opened(stream).acquire(), COUNTS)


def test_a_query_is_repeated_once():
    ours, answer = OPENING[1]
    repeated = [OPENING[0], (ours, answer[:-1] + b"x")]
    repeated += [(ask(M.SERIAL_NUMBER, 3), None)]
    with TranscriptStream(repeated) as stream, pytest.raises(DeviceTimeout):
        opened(stream)


def test_a_command_without_acknowledgement_is_repeated_once_then_told():
    operand = struct.pack("<I", 30_000)
    sent = [
        (ask(M.SET_INTEGRATION_TIME, n, operand, Flag.ACK_REQUESTED), tell(M.SET_INTEGRATION_TIME, n))
        for n in (13, 14)
    ]
    with TranscriptStream([*OPENING, *sent]) as stream:
        device = opened(stream)
        with pytest.raises(ProtocolError, match="not acknowledged"):
            device.set_exposure(0.03)


def test_exposure_is_set_in_microseconds_and_kept_when_refused():
    exchanges = [
        *OPENING,
        command(M.SET_INTEGRATION_TIME, 13, struct.pack("<I", 1_500_001)),
        refusal(M.SET_INTEGRATION_TIME, 14, 6, struct.pack("<I", 1_000_000), Flag.ACK_REQUESTED),
        query(M.TEMPERATURES, 15, b"", struct.pack("<2f", 25.5, -10.0)),
    ]
    with TranscriptStream(exchanges) as stream:
        device = opened(stream)
        device.set_exposure(1.500001)
        with pytest.raises(DeviceRefused, match="invalid data"):
            device.set_exposure(1.0)
        with pytest.raises(SettingOutOfRange):
            device.set_exposure(1e-6)
        settings = device.settings()
    assert settings["exposure_s"] == 1.500001
    assert settings["temperatures_c"] == [25.5, -10.0]


def test_settings_without_a_thermometer():
    with TranscriptStream([*OPENING, refusal(M.TEMPERATURES, 13, 2)]) as stream:
        assert "temperatures_c" not in opened(stream).settings()


@pytest.mark.parametrize(
    ("at", "answer", "words"),
    [
        (1, query(M.SERIAL_NUMBER, 2, b"", b"\xff\xfe"), "not ASCII"),
        (1, query(M.SERIAL_NUMBER, 2, b"", b"S\x1b[2J"), "not printable"),
        (3, query(M.PIXEL_COUNT, 4, b"", b"\x00\x02"), "512 pixels"),
        (4, query(M.WAVELENGTH_COUNT, 5, b"", b"\x01"), "coefficients"),
        (4, query(M.WAVELENGTH_COUNT, 5, b"", b""), "coefficients"),
        (5, query(M.WAVELENGTH_COEFFICIENT, 6, b"\x00", b"\x00"), "1 bytes"),
        (11, query(M.GET_INTEGRATION_TIME, 12, b"", b"\x00"), "exposure of 1 bytes"),
    ],
)
def test_a_device_of_another_kind_is_refused_and_its_port_closed(at, answer, words):
    stream = TranscriptStream(opening_with(answer, at))
    with pytest.raises(ProtocolError, match=words):
        opened(stream)
    stream.assert_finished()
    with pytest.raises(ConnectionLost):
        stream.receive(1, wait_s=0)


@pytest.mark.parametrize("slope", [-0.2, 0.0])
def test_coefficients_that_give_no_axis_are_refused(slope):
    exchanges = [
        *OPENING[:6],
        query(M.WAVELENGTH_COEFFICIENT, 7, b"\x01", struct.pack("<f", slope)),
        query(M.WAVELENGTH_COEFFICIENT, 8, b"\x02", struct.pack("<f", 0.0)),
    ]
    with TranscriptStream(exchanges) as stream, pytest.raises(ProtocolError, match="no ascending axis"):
        opened(stream)


@pytest.mark.parametrize("slope", ["nan", "inf"])
def test_a_coefficient_that_is_no_number_is_refused(slope):
    exchanges = [*OPENING[:6], query(M.WAVELENGTH_COEFFICIENT, 7, b"\x01", struct.pack("<f", float(slope)))]
    with (
        TranscriptStream(exchanges) as stream,
        pytest.raises(ProtocolError, match=f"coefficient 1 is {slope}"),
    ):
        opened(stream)


def test_an_unknown_pixel_count_leaves_the_table():
    exchanges = [*OPENING]
    exchanges[3] = refusal(M.PIXEL_COUNT, 4, 2)
    with TranscriptStream([*exchanges, SPECTRUM]) as stream:
        assert opened(stream).acquire().shape == (1024,)


def test_stop_aborts_and_the_late_spectrum_is_thrown_away():
    aborted = command(M.ABORT_ACQUISITION, 14)
    late = SPECTRUM[1]
    again = query(M.CORRECTED_SPECTRUM, 15, b"", COUNTS[::-1].tobytes())
    exchanges = [*OPENING, (SPECTRUM[0], None), (aborted[0], late + aborted[1]), again]
    with TranscriptStream(exchanges) as stream:
        device = opened(stream)
        with pytest.raises(AcquisitionAborted):
            device.acquire(stop=lambda: True)
        np.testing.assert_array_equal(device.acquire(), COUNTS[::-1])


def test_a_device_that_cannot_abort_is_waited_for():
    refused = refusal(M.ABORT_ACQUISITION, 14, 2, flags=Flag.ACK_REQUESTED)
    with TranscriptStream([*OPENING, (SPECTRUM[0], None), refused]) as stream:
        device = opened(stream)
        with pytest.raises(AcquisitionAborted):
            device.acquire(stop=lambda: True)
        link = device._link
        assert link._busy_until - time.monotonic() > 0.01
    assert any(b"abort" in e.data for e in device.transcript.entries() if e.direction == "n")


def test_line_time_counts_ten_bits_a_byte():
    with TranscriptStream([]) as stream:
        assert link_over(stream, baud=9600).line_time(2112) == pytest.approx(2.2)
        assert link_over(stream).line_time(2112) == 0.0


def test_first_number_is_random():
    with TranscriptStream([]) as stream:
        assert len({ObpLink(stream)._regarding for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("name", "pixels", "size"),
    [
        ("sts", 1024, 2048),
        ("Spark", 1024, 2048),
        ("QE-PRO", 1044, 4208),
        ("FlameX", 2136, 4272),
        ("hdx", 2068, 4136),
    ],
)
def test_models(name, pixels, size):
    model = obp_model(name)
    assert model.limits.pixels == pixels
    assert model.spectrum_bytes == size


def test_unknown_model():
    with pytest.raises(DeviceURLError, match="FX, HDX, QEPro, STS, Spark"):
        obp_model("S2000")
