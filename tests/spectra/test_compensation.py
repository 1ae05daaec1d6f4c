"""Air out of infrared spectra: water subtracted, CO₂ bridged, against the slow measurement of both."""

import os
from pathlib import Path

import numpy as np
import pytest

from spectra import operators
from spectra.atmosphere import atmosphere_of, water_height, water_template
from spectra.compensation import air_on, co2_bridge, subtract_water
from spectra.formats import decode
from spectra.infrared_units import absorbance_of
from spectra.recipe import Recipe, prepare, prepare_many, shipped_recipes
from spectra.values import Spectrum, Technique

AXIS = np.arange(680.0, 4000.0, 1.93)
STEPS = (
    {"step": "atmosphere"},
    {"step": "resample", "start_cm1": 700.0, "stop_cm1": 3900.0, "spacing_cm1": 2.0},
    {"step": "derivative", "window": 7, "degree": 2},
)
RECIPE = Recipe("air", Technique.FTIR, STEPS)
BARE = Recipe("bare", Technique.FTIR, STEPS[1:])


def gauss(centre, width, axis=AXIS):
    return np.exp(-4 * np.log(2) * ((axis - centre) / width) ** 2)


def sample():
    return 0.3 * gauss(1650, 40) + 0.2 * gauss(1450, 30) + 0.1 * gauss(3300, 300) + 0.02


def noisy(values, seed=1, noise=2e-4):
    return values + noise * np.random.default_rng(seed).standard_normal(values.shape)


@pytest.mark.parametrize("width", [4.0, 6.0])
@pytest.mark.parametrize("stop", [2000.0, 4000.0])
def test_the_matrix_form_measures_what_the_slow_one_does(width, stop):
    axis = AXIS[stop > AXIS]
    rows = noisy(
        np.stack([sample()[: axis.size] + h * water_template(axis, width) for h in (0, 0.01, -0.05)])
    )
    fit = air_on(axis, width_cm1=width).water(rows)
    for row, height, sigma, functional in zip(rows, fit.height, fit.sigma, fit.functional, strict=True):
        assert (height, sigma) == pytest.approx(water_height(axis, row, width_cm1=width), rel=1e-9)
        assert functional @ row == pytest.approx(height, abs=1e-12)


@pytest.mark.parametrize("height", [0.02, -0.03])
def test_water_and_carbon_dioxide_disappear(height):
    air = height * (water_template(AXIS, 4.0) + 6 * gauss(2361, 17) + 4 * gauss(2338, 26))
    clean = prepare(Spectrum(AXIS, sample(), Technique.FTIR), BARE)
    left = prepare(Spectrum(AXIS, noisy(sample() + air), Technique.FTIR), RECIPE)
    before = prepare(Spectrum(AXIS, noisy(sample() + air), Technique.FTIR), BARE)
    error = np.std(left.corrected - clean.corrected)
    assert error < 4e-4
    assert error < 0.05 * np.std(before.corrected - clean.corrected)


def test_nothing_is_taken_off_where_there_is_no_water():
    rows = noisy(np.stack([sample()] * 20))
    air = air_on(AXIS, width_cm1=4.0)
    after, seen = subtract_water(rows, air, air.water(rows), sigmas=5.0)
    assert not seen.any()
    assert after is rows


def test_narrow_bands_of_the_sample_are_not_water():
    bands = sum(gauss(c, 9) for c in (1377, 1421, 1457, 1540, 1597, 1654, 1690, 1742))
    row = noisy(0.2 * bands)
    assert not atmosphere_of(Spectrum(AXIS, row, Technique.FTIR)).water_visible
    air = air_on(AXIS, width_cm1=4.0)
    assert not subtract_water(row[None], air, air.water(row[None]), sigmas=5.0)[1].any()


def test_coarse_or_short_axes_have_no_water_to_fit():
    for axis in (np.arange(500.0, 4000.0, 8.0), np.arange(500.0, 1300.0, 2.0)):
        air = air_on(axis, width_cm1=4.0)
        rows = np.ones((2, axis.size))
        fit = air.water(rows)
        after, seen = subtract_water(rows, air, fit, sigmas=0.0)
        assert air.bands == ()
        assert not seen.any()
        assert np.array_equal(after, rows)


def test_the_bridge_is_the_line_of_both_sides():
    matrix = co2_bridge(AXIS)
    row = noisy(0.1 + 1e-4 * (AXIS - 2300) + 0.3 * gauss(2349, 40), noise=1e-3)
    found = matrix @ row
    sides = ((AXIS >= 2270) & (AXIS <= 2295)) | ((AXIS >= 2390) & (AXIS <= 2415))
    between = (AXIS > 2295) & (AXIS < 2390)
    line = np.polyfit(AXIS[sides] - 2342, row[sides], 1)
    assert np.allclose(found[between], np.polyval(line, AXIS[between] - 2342), atol=1e-12)
    assert np.array_equal(found[~between], row[~between])


@pytest.mark.parametrize(
    "axis", [np.arange(700.0, 2380.0, 2.0), np.arange(680.0, 4000.0, 16.0), AXIS[AXIS < 2000]]
)
def test_a_band_that_is_not_covered_is_left(axis):
    assert (co2_bridge(axis) - operators.identity(axis.size)).nnz == 0


def test_wider_lines_are_those_of_the_instrument():
    wide = noisy(sample() + 0.03 * water_template(AXIS, 8.0))
    told = prepare(Spectrum(AXIS, wide, Technique.FTIR, resolution_cm1=8.0), RECIPE)
    untold = prepare(Spectrum(AXIS, wide, Technique.FTIR), RECIPE)
    clean = prepare(Spectrum(AXIS, sample(), Technique.FTIR), BARE)
    assert np.std(told.corrected - clean.corrected) < 0.3 * np.std(untold.corrected - clean.corrected)
    batch = prepare_many(AXIS, wide[None], RECIPE, resolution_cm1=8.0)
    assert np.allclose(batch.values[0], told.values, atol=1e-12)


@pytest.fixture(scope="module")
def opus_file():
    data = Path(os.environ["OPIOSCAN_SHARED"]) / "data"
    return (data / "vendor-files" / "openspecy" / "ftir_ps.0").read_bytes()


@pytest.mark.shared
def test_measured_air_on_a_measured_spectrum_is_taken_off(opus_file):
    """The air of that instrument's own background, added to its polystyrene at a tenth."""
    from spectra.formats.opus_blocks import Kind, Side, directory_of, numbers_of, parameters_of

    blocks = {
        (block.parameters, block.kind): block
        for block in directory_of(opus_file)
        if block.side == Side.BACKGROUND and block.kind == Kind.SINGLE_CHANNEL
    }
    status = parameters_of(opus_file, blocks[1, Kind.SINGLE_CHANNEL])
    light = numbers_of(opus_file, blocks[0, Kind.SINGLE_CHANNEL], status)
    axis = np.linspace(status["LXV"], status["FXV"], light.size)
    absorbed = absorbance_of(light[::-1])
    (one,) = decode(opus_file)
    spectrum = one.spectrum
    # What varies slowly in a single channel is the source and the detector, not the air.
    window = round(36 / (axis[1] - axis[0])) | 1
    slow = operators.local_polynomial(axis.size, window, 3) @ absorbed
    air = np.interp(spectrum.axis, axis, absorbed - slow)
    bands = [(1340, 1900), (3550, 3900)]
    inside = np.logical_or.reduce([(spectrum.axis > low) & (spectrum.axis < high) for low, high in bands])
    dirty = spectrum.intensity + 0.1 * np.where(inside, air, 0.0)
    clean = prepare(spectrum, BARE)
    before = prepare(Spectrum(spectrum.axis, dirty, Technique.FTIR, resolution_cm1=4.0), BARE)
    after = prepare(Spectrum(spectrum.axis, dirty, Technique.FTIR, resolution_cm1=4.0), RECIPE)
    places = np.logical_or.reduce([(clean.axis > low) & (clean.axis < high) for low, high in bands])
    ratio = np.std((after.values - clean.values)[places]) / np.std((before.values - clean.values)[places])
    assert ratio < 0.6


@pytest.mark.shared
def test_every_open_infrared_file_goes_through_every_infrared_recipe(opus_file):
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data" / "ftir-drugs"
    spectra = [decode(path.read_bytes())[0].spectrum for path in sorted(folder.glob("*.jdx"))[::8]]
    spectra.append(decode(opus_file)[0].spectrum)
    recipes = [
        r for r in shipped_recipes().values() if r.technique is Technique.FTIR and not r.parameters("unit")
    ]
    assert len(recipes) >= 5
    fresnel = shipped_recipes()["ftir-atr-fresnel"]
    for spectrum in spectra:
        for recipe in recipes:
            if recipe is fresnel and spectrum is not spectra[-1]:
                continue  # their source scaled the drugs to a maximum of 1: no absorbance as measured
            features = prepare(spectrum, recipe)
            assert np.isfinite(features.values).all()
            assert (features.variance > 0).all()
            assert np.ptp(features.corrected) > 10 * np.median(features.sigma)
