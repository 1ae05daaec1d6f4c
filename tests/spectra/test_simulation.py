"""Simulated mixtures are what was asked for: shares, noise, width, shift, background."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from spectra.errors import SpectrumMismatch, ValueRangeError
from spectra.recipe import default_recipe, prepare
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.simulation import HEIGHT, detector_axis, fluorescence_curve, mix
from spectra.values import Spectrum, Technique

AXIS = np.arange(350.0, 1851.0)


def band(x, centre, fwhm, height=1.0):
    return height * np.exp(-4 * np.log(2) * ((x - centre) / fwhm) ** 2)


def entry(name, *bands, axis=AXIS, technique=Technique.RAMAN, background=0.0, **more):
    curve = sum(band(axis, *one) for one in bands) + background * (2.0 - axis / 2000.0)
    spectrum = Spectrum(axis=axis, intensity=curve, technique=technique, **more)
    return ReferenceEntry(name.casefold(), Substance(name), spectrum, Grade.MEASURED)


ONE = entry("One", (1000.0, 10.0), laser_nm=785.0, resolution_cm1=6.0)
TWO = entry("Two", (1300.0, 10.0, 40.0), (700.0, 20.0, 10.0), resolution_cm1=8.0)
GRID = np.linspace(380.0, 1820.0, 1441)


def made(entries, shares, *, snr=np.inf, axis=GRID, seed=0, **more):
    return mix(entries, shares, axis=axis, snr=snr, rng=np.random.default_rng(seed), **more)


def fitted(spectrum, near, within=60.0):
    """Return centre, FWHM and height of the band near a position."""
    here = np.abs(spectrum.axis - near) < within
    start = (near, 10.0, float(spectrum.intensity[here].max()))
    return curve_fit(band, spectrum.axis[here], spectrum.intensity[here], p0=start)[0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_shares_are_shares_of_area_whatever_the_scale_of_a_reference(share):
    scan = made([ONE, TWO], [share, 1 - share])
    area = np.trapezoid(scan.intensity, scan.axis)
    here = np.abs(scan.axis - 1000.0) < 60
    assert np.trapezoid(scan.intensity[here], scan.axis[here]) / area == pytest.approx(share, abs=0.01)


def test_a_background_of_a_reference_is_kept_and_has_no_share():
    glowing = entry("Glowing", (1000.0, 10.0), background=3.0)
    scan = made([glowing, TWO], [0.5, 0.5])
    bands = prepare(scan, default_recipe(Technique.RAMAN))
    here = np.abs(bands.axis - 1000.0) < 60
    share = np.sum(bands.corrected[here]) / np.sum(np.abs(bands.corrected))
    assert share == pytest.approx(0.5, abs=0.03)
    assert np.min(bands.background) > 0.1 * HEIGHT[Technique.RAMAN]


@pytest.mark.parametrize("fwhm", [0.0, 4.0, 8.0])
@pytest.mark.parametrize("shift", [-1.0, 0.0, 0.7])
def test_width_and_shift_are_those_asked_for(fwhm, shift):
    centre, width, height = fitted(made([ONE], [1.0], extra_fwhm=fwhm, shift=shift), 1000.0)
    assert centre == pytest.approx(1000.0 + shift, abs=0.01)
    assert abs(width) == pytest.approx(np.hypot(10.0, fwhm), rel=0.01)
    assert height == pytest.approx(HEIGHT[Technique.RAMAN], rel=0.06)


@pytest.mark.parametrize("snr", [3.0, 100.0, 1000.0])
@pytest.mark.parametrize("fwhm", [0.0, 8.0])
def test_noise_is_the_strongest_band_over_the_snr(snr, fwhm):
    noisy, clean = (made([ONE, TWO], [0.3, 0.7], snr=one, extra_fwhm=fwhm) for one in (snr, np.inf))
    noise = noisy.intensity - clean.intensity
    strongest = prepare(clean, default_recipe(Technique.RAMAN)).corrected.max()
    assert strongest / np.std(noise) == pytest.approx(snr, rel=0.1)
    # white: neighbours know nothing of each other
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.1


def test_fluorescence_brings_its_height_and_its_shot_noise():
    glowing, bare = (made([ONE], [1.0], snr=50.0, fluorescence=one) for one in (20.0, 0.0))
    height = HEIGHT[Technique.RAMAN]
    extra = glowing.intensity - bare.intensity
    assert np.max(extra) == pytest.approx(20 * height, rel=0.15)
    noise = np.diff(glowing.intensity, 2) / np.sqrt(6.0)
    away = np.abs(GRID[1:-1] - 1000.0) > 60
    expected = height / 50.0 * np.sqrt(1.0 + np.median(glowing.intensity) / height)
    assert np.std(noise[away]) == pytest.approx(expected, rel=0.25)


def test_the_background_is_broad_and_one_high():
    curve = fluorescence_curve(GRID, np.random.default_rng(1))
    assert curve.max() == 1.0
    assert curve.min() > 0.0
    assert np.abs(np.diff(curve, 2)).max() < 1e-4


def test_a_seed_gives_the_same_scan_and_another_seed_another():
    first, again, other = (made([ONE, TWO], [0.5, 0.5], snr=30.0, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.intensity, again.intensity)
    assert not np.array_equal(first.intensity, other.intensity)


def test_a_simulated_scan_says_so_and_brings_no_noise_of_its_own():
    scan = made([ONE, TWO], [0.25, 0.75], snr=80.0, extra_fwhm=8.0, shift=0.5)
    assert scan.history[0].startswith("SIMULATED: 0.25 One + 0.75 Two; SNR 80, broadened by 8 cm⁻¹")
    assert scan.noise is None
    assert scan.laser_nm == 785.0
    assert scan.resolution_cm1 == pytest.approx(np.hypot(8.0, 8.0))
    assert made([entry("Three", (900.0, 9.0))], [1.0]).resolution_cm1 is None


def test_infrared_has_its_own_height_and_no_fluorescence():
    infrared = entry("Three", (1000.0, 14.0), technique=Technique.FTIR)
    assert fitted(made([infrared], [1.0]), 1000.0)[2] == pytest.approx(1.0, rel=0.06)
    with pytest.raises(ValueRangeError, match="fluorescence"):
        made([infrared], [1.0], fluorescence=2.0)
    with pytest.raises(SpectrumMismatch, match="ftir"):
        made([ONE, infrared], [0.5, 0.5])


@pytest.mark.parametrize(
    ("entries", "shares", "more"),
    [
        ([], [], {}),
        ([ONE], [0.5, 0.5], {}),
        ([ONE, TWO], [0.5, 0.4], {}),
        ([ONE, TWO], [1.2, -0.2], {}),
        ([ONE, TWO], [np.nan, 0.5], {}),
        ([ONE], [1.0], {"snr": 0.0}),
        ([ONE], [1.0], {"snr": np.nan}),
        ([ONE], [1.0], {"extra_fwhm": -1.0}),
        ([ONE], [1.0], {"extra_fwhm": 51.0}),
        ([ONE], [1.0], {"shift": 60.0}),
        ([ONE], [1.0], {"shift": np.nan}),
        ([ONE], [1.0], {"fluorescence": -1.0}),
        ([ONE], [1.0], {"fluorescence": np.inf}),
        ([entry("Flat")], [1.0], {}),
    ],
)
def test_what_cannot_be_mixed_is_refused(entries, shares, more):
    with pytest.raises(ValueRangeError):
        made(entries, shares, **more)


def test_a_reference_must_cover_the_detector():
    short = entry("Short", (1200.0, 10.0), axis=np.arange(800.0, 1851.0))
    with pytest.raises(SpectrumMismatch, match="short covers 800–1850"):
        made([ONE, short], [0.5, 0.5])
    with pytest.raises(SpectrumMismatch, match="raman-default"):
        made([ONE], [1.0], axis=np.arange(400.0, 900.0))


def test_a_detector_sees_what_all_references_cover():
    axis = detector_axis([ONE, TWO])
    assert (axis[0], axis[-1]) == pytest.approx((350.0, 1850.0))
    # pixels behind a grating: even in wavelength, so closer in Raman shift towards long wavelengths
    steps = np.diff(1e7 / (1e7 / 785.0 - axis))
    assert steps == pytest.approx(steps[0], rel=1e-6)
    assert np.median(np.diff(axis)) == pytest.approx(2.0, rel=0.05)
    short = entry("Short", (1200.0, 10.0), axis=np.arange(800.0, 1851.0))
    assert detector_axis([ONE, short])[0] == pytest.approx(800.0)
    infrared = entry("Three", (1000.0, 14.0), technique=Technique.FTIR)
    assert np.diff(detector_axis([infrared])) == pytest.approx(2.0, rel=0.01)


def test_references_without_a_common_range_give_no_detector():
    low = entry("Low", (600.0, 10.0), axis=np.arange(300.0, 1150.0))
    high = entry("High", (1500.0, 10.0), axis=np.arange(1050.0, 1900.0))
    with pytest.raises(SpectrumMismatch, match="too little to simulate"):
        detector_axis([low, high])
    with pytest.raises(ValueRangeError):
        detector_axis([])
