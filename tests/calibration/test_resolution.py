"""Resolution from calcite: simulated lines of known width, real instruments, and scans that tell none."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from calibration.errors import ScanUnfit
from calibration.resolution import (
    CALCITE_CM1,
    NATURAL_CM1,
    calibrate_resolution,
    instrument_width,
    voigt_width,
)
from spectra.formats import decode
from spectra.values import Spectrum, Technique

FINE = np.arange(-160.0, 160.0, 0.02)


def lorentz(fwhm):
    return 1 / (1 + (2 * FINE / fwhm) ** 2)


def gauss(fwhm):
    return np.exp(-4 * np.log(2) * (FINE / fwhm) ** 2)


def slit(width):
    """A line drawn by equal slits: the triangle no fitted shape is."""
    return np.clip(1 - np.abs(FINE) / width, 0, None)


def convolved(*parts):
    drawn = parts[0]
    for part in parts[1:]:
        drawn = fftconvolve(drawn, part, mode="same")
    return drawn / drawn.max()


def half_width(drawn):
    above = FINE[drawn >= 0.5]
    return above[-1] - above[0]


def calcite(line, *, channel=1.0, phase=0.0, height=20000.0, noise=20.0, seed=0, centre=CALCITE_CM1):
    """Calcite drawn by a line, counted by channels that each add up what falls on them."""
    band = convolved(lorentz(NATURAL_CM1), line)
    axis = np.arange(950.0 + phase, 1220.0, channel)
    within = channel * (np.arange(15) - 7) / 15
    counted = np.mean([np.interp(axis + part - centre, FINE, band) for part in within], axis=0)
    drawn = 300 + 0.2 * axis + height * counted
    return Spectrum(
        axis,
        drawn + np.random.default_rng(seed).normal(0, noise, axis.size),
        Technique.RAMAN,
        laser_nm=785.0,
    )


@pytest.mark.parametrize(
    ("gaussian", "lorentzian"), [(4.0, 0.5), (1.0, 6.0), (5.0, 5.0), (3.0, 0.0), (0.0, 3.0)]
)
def test_the_width_of_voigt_profiles(gaussian, lorentzian):
    parts = [gauss(gaussian)] if gaussian else []
    parts += [lorentz(lorentzian)] if lorentzian else []
    assert voigt_width(gaussian, lorentzian) == pytest.approx(half_width(convolved(*parts)), abs=0.045)


@settings(max_examples=10, deadline=None)
@given(
    width=st.floats(2.5, 14.0),
    channels=st.floats(1.7, 6.0),
    phase=st.floats(0, 1),
    seed=st.integers(0, 1 << 20),
)
def test_the_instruments_width_is_recovered(width, channels, phase, seed):
    channel = width / channels
    found = calibrate_resolution(calcite(gauss(width), channel=channel, phase=phase * channel, seed=seed))
    # What the channel adds is the instrument's, too: a box of the channel's width.
    told = half_width(convolved(gauss(width), np.where(np.abs(FINE) <= channel / 2, 1.0, 0.0)))
    assert found.instrument_cm1 == pytest.approx(told, rel=0.02, abs=0.05)
    assert found.width_cm1 > found.instrument_cm1
    assert found.band_cm1 == pytest.approx(CALCITE_CM1, abs=0.05)
    assert found.channel_cm1 == pytest.approx(channel, rel=1e-6)


def test_the_shape_is_chosen_by_what_it_explains():
    broad = calibrate_resolution(calcite(lorentz(9.0), height=2000.0))
    assert broad.shape == "lorentz"
    assert broad.instrument_cm1 == pytest.approx(9.0, rel=0.03)
    assert calibrate_resolution(calcite(gauss(5.0))).shape == "voigt"
    noisy = [
        calibrate_resolution(calcite(gauss(14.0), height=800.0, noise=25.0, seed=seed)) for seed in range(5)
    ]
    assert "gauss" in {one.shape for one in noisy}
    assert all(one.instrument_cm1 == pytest.approx(14.0, rel=0.12) for one in noisy)


def test_a_line_of_no_fitted_shape_is_still_right_within_a_few_per_cent():
    found = calibrate_resolution(calcite(slit(6.0)))
    assert found.instrument_cm1 == pytest.approx(6.0, rel=0.06)


def test_the_uncertainty_covers_the_scatter():
    found = [calibrate_resolution(calcite(gauss(6.0), height=2000.0, seed=seed)) for seed in range(12)]
    scatter = np.std([one.width_cm1 for one in found], ddof=1)
    assert np.mean([one.sigma_cm1 for one in found]) == pytest.approx(scatter, rel=0.7)


def test_no_width_is_left_of_a_band_that_is_no_wider_than_calcite():
    assert instrument_width(0.0, NATURAL_CM1) == 0.0
    assert instrument_width(0.0, 0.5) == 0.0
    assert instrument_width(3.0, NATURAL_CM1) == pytest.approx(3.0)
    assert instrument_width(3.0, NATURAL_CM1 + 1) == pytest.approx(voigt_width(3.0, 1.0))
    assert instrument_width(8.0, 0.0) == pytest.approx(7.24, abs=0.1)


GOOD = calcite(gauss(6.0))


@pytest.mark.parametrize(
    ("scan", "why"),
    [
        (replace(GOOD, saturated=True), "saturated"),
        (replace(GOOD, technique=Technique.FTIR), "Raman"),
        (calcite(gauss(6.0), height=0.0), "no band"),
        (calcite(gauss(6.0), height=150.0), "no band"),
        (calcite(gauss(6.0), centre=1105.0), "no band"),
        (calcite(gauss(1.0), channel=3.0), "too few|could not be fitted"),
        (calcite(gauss(55.0)), "none of calcite|no band"),
        (replace(GOOD, axis=GOOD.axis + 500), "too few for a band"),
        (replace(GOOD, intensity=np.zeros(GOOD.axis.size)), "too few for a band"),
    ],
)
def test_scans_that_tell_no_resolution_are_refused(scan, why):
    with pytest.raises(ScanUnfit, match=why):
        calibrate_resolution(scan)


@pytest.mark.shared
def test_real_instruments_repeat_themselves():
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data"

    def width_of(path):
        scan = decode((folder / path).read_bytes(), name=path)[0].spectrum
        return calibrate_resolution(scan)

    crystal = [
        width_of(f"raman-calibration/bwtek785/nCAL02_iRPlus785_{name}ms.txt")
        for name in ("Z020_100_1100", "Z050_100_2100", "Z100_100_6000")
    ]
    assert np.ptp([one.width_cm1 for one in crystal]) < 0.05
    assert all(2.5 < one.instrument_cm1 < 4.5 for one in crystal)
    assert 5 < width_of("raman785-library/calcium carbonate.csv").instrument_cm1 < 7
    for other in ("caffeine", "lactose", "polystyrene"):
        with pytest.raises(ScanUnfit):
            width_of(f"raman785-library/{other}.csv")
