"""The pure parts of the OBP driver: corrections, settings, buffers, axis; and hostile bytes."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.drivers.obp_buffer import FAST_CHECKSUM, FAST_METADATA, Metadata, counts_of, fast_spectra
from instrument.drivers.obp_corrections import dark_corrected, dark_level, nonlinearity_corrected
from instrument.drivers.obp_facts import polynomial_axis
from instrument.drivers.obp_link import ObpLink
from instrument.drivers.obp_models import names_laser_model, obp_model
from instrument.drivers.obp_session import ObpSession
from instrument.drivers.obp_settings import knobs
from instrument.errors import InstrumentError, ProtocolError, SettingOutOfRange
from instrument.obp_frames import FrameParser
from instrument.testing import TranscriptStream

KNOBS = knobs(obp_model("STS"))


def test_nonlinearity_is_undone():
    coefficients = (1.0, 1e-6, -2e-11)
    true = np.linspace(0.0, 15_000.0, 40)
    # What a detector with this response shows: found by iteration, not by the formula under test.
    seen = true.copy()
    for _ in range(50):
        seen = true * (1.0 + 1e-6 * seen - 2e-11 * seen**2)
    np.testing.assert_allclose(nonlinearity_corrected(seen + 600.0, 600.0, coefficients), true + 600.0)
    np.testing.assert_array_equal(nonlinearity_corrected(true, 0.0, (1.0,)), true)


@pytest.mark.parametrize("coefficients", [(), (0.0,), (-1.0,), (1.0, -1.0), (math.nan,), (math.inf,)])
def test_coefficients_that_give_no_correction(coefficients):
    with pytest.raises(ProtocolError, match="no correction"):
        nonlinearity_corrected(np.array([0.0, 5.0]), 0.0, coefficients)


def test_dark_pixels_give_the_level():
    counts = np.array([10.0, 12.0, 500.0, 600.0, 14.0])
    assert dark_level(counts, [(0, 1), (4, 4)]) == 12.0
    assert dark_level(counts, []) == 0.0
    corrected = dark_corrected(counts, [(0, 1), (4, 4)])
    np.testing.assert_array_equal(corrected, counts - 12.0)
    assert not corrected.flags.writeable


def test_a_binned_axis_is_the_mean_of_its_pixels():
    full = polynomial_axis((785.5, 0.2, 1e-6), 1024)
    np.testing.assert_allclose(
        polynomial_axis((785.5, 0.2, 1e-6), 1024, binning=3), full.reshape(128, 8).mean(axis=1)
    )
    # 1044 pixels in groups of 16 leave four.
    assert polynomial_axis((785.5, 0.2), 1044, binning=4).size == 65


@pytest.mark.parametrize("coefficients", [(800.0, -0.1), (800.0, 0.0), (-1.0, 0.1), (1e308, 1e308, 1e308)])
def test_coefficients_that_give_no_axis(coefficients):
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ProtocolError, match="no ascending axis"),
    ):
        polynomial_axis(coefficients, 1024)


def test_metadata_of_a_spectrum():
    found = Metadata.of(struct.pack("<IQIHB13x", 3, 4, 5, 0, 6))
    assert (found.number, found.ticks, found.exposure_us, found.trigger) == (3, 4, 5, 6)


def test_spectra_of_one_answer():
    def one(k):
        return bytes([k] * FAST_METADATA) + struct.pack("<3H", k, k + 1, k + 2) + bytes([9] * FAST_CHECKSUM)

    found = fast_spectra(one(1) + one(5), 2, pixels=3, name="x")
    np.testing.assert_array_equal(found, [[1, 2, 3], [5, 6, 7]])
    with pytest.raises(ProtocolError, match="instead of 3 spectra"):
        fast_spectra(one(1) + one(5), 3, pixels=3, name="x")


@given(st.binary(max_size=64), st.integers(1, 20), st.sampled_from(["<u2", "<u4"]), st.integers(0, 32))
@settings(max_examples=100, deadline=None)
def test_a_spectrum_is_of_its_length_or_refused(data, pixels, dtype, offset):
    size = int(dtype[-1])
    try:
        counts = counts_of(data, offset=offset, pixels=pixels, dtype=dtype, name="x")
    except ProtocolError:
        assert len(data) != offset + pixels * size
    else:
        assert counts.shape == (pixels,)
        assert len(data) == offset + pixels * size


@pytest.mark.parametrize(
    ("name", "value", "data"),
    [
        ("exposure_s", 0.02, struct.pack("<I", 20_000)),
        ("exposure_s", 85, struct.pack("<I", 85_000_000)),
        ("averages", 300, struct.pack("<H", 300)),
        ("boxcar", 3.0, b"\x03"),
        ("trigger", "internal", b"\x02"),
        ("lamp", True, b"\x01"),
        ("lamp", "off", b"\x00"),
        ("acquisition_delay_s", 0.001, struct.pack("<I", 1000)),
    ],
)
def test_settings_on_the_wire(name, value, data):
    knob = KNOBS[name]
    assert knob.encode(value) == data
    back = knob.decode(data)
    assert back == (value if value != "off" else False)


def test_exposures_keep_the_step_of_the_model():
    knob = knobs(obp_model("Ventana"))["exposure_s"]
    assert knob.decode(knob.encode(0.0304)) == 0.030


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exposure_s", math.nan),
        ("exposure_s", math.inf),
        ("exposure_s", "1"),
        ("exposure_s", True),
        ("exposure_s", 86.0),
        ("averages", 0),
        ("averages", 2.5),
        ("boxcar", 16),
        ("trigger", 0),
        ("trigger", "level"),
        ("lamp", 2),
        ("lamp", "maybe"),
    ],
)
def test_settings_out_of_range(name, value):
    with pytest.raises(SettingOutOfRange, match=name):
        KNOBS[name].encode(value)


@given(
    st.sampled_from(sorted(set(KNOBS))),
    st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=9)),
)
@settings(max_examples=200, deadline=None)
def test_any_value_is_taken_or_refused(name, value):
    knob = KNOBS[name]
    try:
        data = knob.encode(value)
    except SettingOutOfRange:
        return
    except struct.error:
        assert knob.put is None
        return
    assert len(data) == struct.calcsize(knob.layout)
    knob.decode(data)


@given(st.sampled_from(sorted(knobs(obp_model("QEPro")))), st.binary(max_size=9))
@settings(max_examples=200, deadline=None)
def test_any_answer_is_a_value_or_refused(name, data):
    try:
        value = knobs(obp_model("QEPro"))[name].decode(data)
    except ProtocolError:
        return
    assert isinstance(value, bool | int | float | str)


def test_names_of_models_with_a_laser():
    assert names_laser_model("ventana")
    assert not names_laser_model("STS")
    assert not names_laser_model("S2000")


@given(st.lists(st.binary(max_size=200), max_size=8))
@settings(max_examples=150, deadline=None)
def test_hostile_bytes_end_in_errors_of_this_package(pieces):
    """A device that answers anything at all: an error of the tree, in bounded time and memory."""
    stream = TranscriptStream([(None, piece) for piece in pieces if piece])
    link = ObpLink(lambda transcript: stream, margin_s=0.001, first_regarding=1)
    stream._send = lambda data, timeout_s: None
    with pytest.raises(InstrumentError):
        ObpSession(link).ensure()
    assert link._parser.pending <= sum(map(len, pieces))


@given(st.binary(max_size=500), st.integers(1, 64))
@settings(max_examples=150, deadline=None)
def test_the_parser_keeps_no_more_than_it_was_given(data, size):
    parser = FrameParser(max_payload=256)
    events = [e for at in range(0, len(data), size) for e in parser.feed(data[at : at + size])]
    assert parser.pending + parser.discarded <= len(data)
    assert len(events) <= len(data)
