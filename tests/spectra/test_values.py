"""Domain values: frozen, checked, and rebuilt from their description."""

import dataclasses

import numpy as np
import pytest

from spectra.digest import array_digest, bytes_digest, json_digest
from spectra.errors import AxisError, ValueRangeError
from spectra.values import DeviceInfo, Scan, Spectrum, Technique


def scan(**more):
    fields = {
        "technique": Technique.RAMAN,
        "counts": np.array([[1.0, 5.0, 2.0], [2.0, 6.0, 3.0]]),
        "device": DeviceInfo("STS", "S1"),
        "exposure_s": 0.5,
        "taken_at": "2026-11-21T12:00:00Z",
        "axis": [800.0, 801.0, 802.0],
        "saturation_counts": 7.0,
        "settings": {"averages": 2},
    }
    return Scan(**{**fields, **more})


def test_arrays_are_copies_that_cannot_be_written():
    axis = np.array([1.0, 2.0, 3.0])
    spectrum = Spectrum(axis, axis, Technique.RAMAN)
    axis[0] = 99.0
    assert spectrum.axis[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        spectrum.axis[0] = 5.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        spectrum.laser_nm = 785.0


@pytest.mark.parametrize(
    ("axis", "intensity", "more", "error"),
    [
        ([1.0], [1.0], {}, AxisError),
        ([2.0, 1.0], [1.0, 1.0], {}, AxisError),
        ([1.0, 1.0], [1.0, 1.0], {}, AxisError),
        ([1.0, 2.0], [1.0, np.nan], {}, ValueRangeError),
        ([1.0, 2.0], [1.0], {}, AxisError),
        ([[1.0, 2.0]], [1.0, 2.0], {}, ValueRangeError),
        ([1.0, 2.0], [1.0, 2.0], {"noise": [-1.0, 1.0]}, ValueRangeError),
        ([1.0, 2.0], [1.0, 2.0], {"laser_nm": 7.85}, ValueRangeError),
    ],
)
def test_impossible_spectra_are_refused(axis, intensity, more, error):
    with pytest.raises(error):
        Spectrum(axis, intensity, Technique.RAMAN, **more)


@pytest.mark.parametrize(
    "more",
    [
        {"axis": [1.0, 2.0]},
        {"counts": np.zeros((0, 3))},
        {"exposure_s": -1.0},
        {"spot": 0},
        {"dark": np.zeros((1, 2))},
    ],
)
def test_impossible_scans_are_refused(more):
    with pytest.raises((AxisError, ValueRangeError)):
        scan(**more)


def test_a_scan_is_rebuilt_from_its_description():
    first = scan(dark=np.zeros((1, 3)), item="RR473124829IT", spot=2)
    again = Scan.from_described(first.described(), counts=first.counts, dark=first.dark, axis=first.axis)
    assert again.described() == first.described()
    assert np.array_equal(again.counts, first.counts)
    assert again.device == first.device
    with pytest.raises(ValueRangeError, match="damaged"):
        Scan.from_described({"technique": "raman"}, counts=first.counts, dark=None, axis=first.axis)
    with pytest.raises(ValueRangeError, match="damaged"):
        Scan.from_described({**first.described(), "new": 1}, counts=first.counts, dark=None, axis=first.axis)


def test_saturation_is_seen_in_any_accumulation():
    assert not scan().saturated
    assert scan(saturation_counts=6.0).saturated
    assert not scan(saturation_counts=None).saturated


def test_aborted_scans_are_records_too():
    assert scan(counts=np.zeros((0, 3)), aborted="stopped by the officer").aborted


def test_digests_are_those_of_the_standards():
    # RFC 8785: keys sorted, no spaces; SHA-256 by hashlib.
    assert json_digest({"b": 1, "a": [1.5, None, "é"]}) == bytes_digest('{"a":[1.5,null,"é"],"b":1}'.encode())
    one = np.arange(3.0)
    assert array_digest(one) == array_digest(one.astype(">f8"))
    assert array_digest(one) != array_digest(one.reshape(3, 1))
    assert array_digest(None) != array_digest(one[:0])
