"""Scans read from files: an axis in Raman shift already, and heads from before there was a unit."""

import numpy as np
import pytest

from calibration.apply import spectrum_of
from spectra.errors import ValueRangeError
from spectra.values import DeviceInfo, Scan, Technique


def make(technique=Technique.RAMAN, **changes):
    fields = {
        "technique": technique,
        "counts": np.arange(1.0, 101.0)[None, :],
        "device": DeviceInfo("M", "S"),
        "exposure_s": 0.0,
        "taken_at": "2026-11-21T12:00:00Z",
        "axis": np.linspace(50, 1000, 100),
        "laser_nm": 785.0,
    }
    return Scan(**{**fields, **changes})


def test_the_usual_units():
    assert make().axis_unit == "nm"
    assert make(Technique.FTIR).axis_unit == "cm-1"
    assert make(axis_unit="cm-1").axis_unit == "cm-1"
    for technique, unit in ((Technique.FTIR, "nm"), (Technique.RAMAN, "px")):
        with pytest.raises(ValueRangeError, match="an axis in"):
            make(technique, axis_unit=unit)


@pytest.mark.parametrize("technique", list(Technique))
def test_heads_from_before_there_was_a_unit_are_read(technique):
    scan = make(technique)
    head = scan.described()
    del head["axis_unit"]
    again = Scan.from_described(head, counts=scan.counts, dark=None, axis=scan.axis)
    assert again.axis_unit == scan.axis_unit


def test_raman_shifts_stay_as_they_are():
    spectrum = spectrum_of(make(axis_unit="cm-1", laser_nm=None))
    assert spectrum.axis[0] >= 150, "what the edge filter hides goes, as from any device"
    assert spectrum.axis[-1] == 1000
    assert spectrum.laser_nm is None
