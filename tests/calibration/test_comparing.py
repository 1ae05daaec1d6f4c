"""How far two calibrations differ, against differences that were put in."""

import numpy as np
import pytest

from calibration.comparing import (
    compare_axes,
    compare_responses,
    compare_widths,
    in_wavelengths,
    residual_by,
    residual_by_device,
    sigma_of,
)
from calibration.errors import UncalibratedScan, WrongDevice
from calibration.outcomes import AxisOutcome, LineFit, ResolutionOutcome, ResponseOutcome
from spectra.axis import polynomial_axis, raman_shift

COEFFICIENTS = (786.0, 0.165, -2e-6)


def axis(coefficients=COEFFICIENTS, form="pixels", **more):
    fields = {
        "form": form,
        "coefficients": coefficients,
        "pixels": 1024,
        "laser_nm": 785.0 if form == "pixels" else None,
        "laser_sigma_nm": None,
        "rms": 0.01,
        "leave_one_out_rms": 0.01,
        "sigma_cm1": 0.2,
        "valid_range": (800.0, 940.0) if form == "pixels" else (600.0, 1700.0),
        "lines": (),
    }
    return AxisOutcome(**{**fields, **more})


def response(factor, low=200.0, high=2000.0):
    places = tuple(np.linspace(low, high, len(factor)).tolist())
    return ResponseOutcome(
        "SRM 2241", 785.0, (low, high), places, tuple(factor), 0.0, (min(factor), max(factor))
    )


def test_another_laser_line_moves_every_channel_alike():
    moved = compare_axes(axis(), axis(laser_nm=785.05))
    there = 1e7 / 785.0 - 1e7 / 785.05
    np.testing.assert_allclose(moved.value, -there)
    assert moved.mean == pytest.approx(-there)
    assert moved.axis_cm1[0] >= 150.0
    assert moved.farthest(0.0)[1] == pytest.approx(-there)
    same = compare_axes(axis(), axis())
    assert same.span == (0.0, 0.0)


def test_corrections_of_shifts_are_compared_where_their_lines_are():
    first, second = axis((0.0, 1.0), "shifts"), axis((1.0, 1.001), "shifts", valid_range=(500.0, 1600.0))
    found = compare_axes(first, second)
    assert (found.axis_cm1[0], found.axis_cm1[-1]) == (500.0, 1700.0)
    np.testing.assert_allclose(found.value, 1.0 + 0.001 * found.axis_cm1)
    assert found.farthest(0.0) == (1700.0, pytest.approx(2.7))


def test_what_cannot_be_compared_is_refused():
    for other in (axis((0.0, 1.0), "shifts"), axis(pixels=512)):
        with pytest.raises(WrongDevice):
            compare_axes(axis(), other)
    for broken in (axis((800.0, -1.0)), axis(laser_nm=None), axis((200.0, 0.1))):
        with pytest.raises(UncalibratedScan):
            compare_axes(broken, axis())
    with pytest.raises(UncalibratedScan):
        compare_responses(response([1.0, 1.0]), response([1.0, 1.0], 2000.0, 3000.0))


def test_responses_differ_by_a_ratio_and_widths_with_their_uncertainty():
    found = compare_responses(response([1.0, 1.0]), response([4.0, 8.0]))
    assert found.span == (pytest.approx(4 / 6, rel=1e-3), pytest.approx(8 / 6, rel=1e-3))
    wide = ResolutionOutcome("calcite", 1085.9, "gauss", 9.0, 0.4, 8.9, 1.0)
    narrow = ResolutionOutcome("calcite", 1085.9, "gauss", 8.0, 0.3, 7.9, 1.0)
    assert compare_widths(narrow, wide) == (1.0, pytest.approx(0.5))


def test_lines_are_held_against_another_axis_in_their_own_unit():
    outcome, other = axis(), axis((786.1, 0.165, -2e-6), laser_nm=785.1)
    wavelengths = polynomial_axis(COEFFICIENTS, 1024)
    lamp = LineFit("Ne", float(wavelengths[300]) - 0.02, 300.0, 0.1, 0.02, True)
    assert in_wavelengths(lamp, outcome)
    assert residual_by(lamp, outcome, outcome) == pytest.approx(0.02)
    assert residual_by(lamp, outcome, other) == pytest.approx(0.12)
    assert sigma_of(lamp, outcome) == pytest.approx(0.1 * (0.165 - 2 * 2e-6 * 300))
    shift = float(raman_shift(wavelengths, 785.0)[400])
    band = LineFit("polystyrene", shift + 0.5, 400.0, 0.1, -0.5, False)
    assert not in_wavelengths(band, outcome)
    assert residual_by(band, outcome, outcome) == pytest.approx(-0.5)
    assert residual_by_device(band, outcome, wavelengths, 785.0) == pytest.approx(-0.5)
    assert residual_by_device(band, outcome, wavelengths, None) is None
    assert residual_by_device(band, outcome, wavelengths[:9], 785.0) is None
    assert residual_by(band, outcome, axis(pixels=9)) is None
    assert sigma_of(band, outcome) == pytest.approx(
        abs(np.diff(raman_shift(wavelengths, 785.0))[400]) * 0.1, rel=1e-2
    )
    found = LineFit("polystyrene", 1001.4, 1000.0, 0.2, 0.1, True)
    corrected = axis((1.5, 1.0), "shifts")
    assert residual_by(found, corrected, axis((1.0, 1.0), "shifts")) == pytest.approx(-0.4)
    assert sigma_of(found, corrected) == 0.2
