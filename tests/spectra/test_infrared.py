"""Units of infrared spectra, CO₂ and water vapour as numbers, and whether a crystal is clean."""

import os
from pathlib import Path

import numpy as np
import pytest

from spectra.atmosphere import atmosphere_of, co2_area, water_height, water_template
from spectra.errors import SpectrumMismatch, ValueRangeError
from spectra.formats import decode
from spectra.infrared import CLEAN_LIMIT, crystal_clean
from spectra.infrared_units import absorbance_of, aligned_background, lit_part, transmittance_of
from spectra.values import Spectrum, Technique

AXIS = np.arange(420.0, 4000.0, 1.93)
NOISE = 2e-4


def gauss(centre, width, axis=AXIS):
    return np.exp(-4 * np.log(2) * ((axis - centre) / width) ** 2)


def spectrum(extra=0.0, *, noise=NOISE, seed=1, axis=AXIS, **options):
    rng = np.random.default_rng(seed)
    values = 0.01 + 1e-6 * (axis - 2000) + extra + noise * rng.standard_normal(axis.size)
    return Spectrum(axis, values, Technique.FTIR, **options)


def test_absorbance_and_back():
    values = np.array([0.0, 0.3, 1.0, 4.0])
    assert absorbance_of(transmittance_of(values)) == pytest.approx(values, abs=1e-12)
    assert absorbance_of(np.array([0.1])) == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [0.0, -0.1, np.nan])
def test_what_has_no_absorbance_is_refused(bad):
    with pytest.raises(ValueRangeError, match="1 of 3"):
        absorbance_of(np.array([0.5, bad, 0.5]))


def test_the_lit_part_leaves_dark_ends_out_and_refuses_holes():
    light = np.array([-1.0, 0.0, 1.0, 2.0, 1.0, -0.1])
    assert lit_part(light) == slice(2, 5)
    assert lit_part(light, np.array([1.0, 1, 1, 1, 0, 1])) == slice(2, 4)
    with pytest.raises(ValueRangeError, match="1 channels without light in the middle"):
        lit_part(np.array([1.0, -1.0, 1.0]))
    with pytest.raises(ValueRangeError, match="no light"):
        lit_part(-light * 0)


def test_a_background_is_cut_and_never_interpolated():
    axis = np.arange(10.0)
    assert np.array_equal(aligned_background(axis[3:6], axis, axis * 2), [6, 8, 10])
    for wrong in (axis[3:6] + 0.3, axis[7:] + 1, np.arange(20.0)):
        with pytest.raises(SpectrumMismatch):
            aligned_background(wrong, axis, axis)


def test_co2_is_measured_with_its_sign_and_noise():
    band = 0.8 * gauss(2338, 26) + gauss(2361, 17)
    area = float(band.sum() * 1.93)
    for height in (0.05, -0.02):
        state = atmosphere_of(spectrum(height * band))
        assert state.co2_area == pytest.approx(height * area, rel=0.08)
        assert state.co2_visible
        assert not state.water_visible
    assert not atmosphere_of(spectrum()).co2_visible


def test_the_noise_of_the_co2_area_is_what_repetition_shows():
    found = [co2_area(AXIS, spectrum(seed=seed).intensity) for seed in range(60)]
    areas, sigmas = np.array(found).T
    assert np.std(areas) == pytest.approx(np.mean(sigmas), rel=0.35)


def test_water_is_measured_among_broad_bands():
    sample = 0.3 * gauss(1650, 60) + 0.2 * gauss(1450, 50) + 0.1 * gauss(3600, 300)
    for height in (0.01, -0.02):
        state = atmosphere_of(spectrum(sample + height * water_template(AXIS, 4.0), resolution_cm1=4.0))
        assert state.water == pytest.approx(height, rel=0.15)
        assert state.water_visible
    assert not atmosphere_of(spectrum(sample)).water_visible


def test_the_noise_of_water_is_about_what_repetition_shows():
    found = [water_height(AXIS, spectrum(seed=seed).intensity) for seed in range(40)]
    heights, sigmas = np.array(found).T
    assert np.std(heights) < 1.5 * np.mean(sigmas)
    assert np.mean(sigmas) < 4 * np.std(heights)


def test_what_is_not_covered_or_not_resolved_is_none():
    coarse = np.arange(500.0, 4000.0, 8.0)
    state = atmosphere_of(spectrum(axis=coarse))
    assert state.water is None
    assert not state.water_visible
    short = spectrum(axis=np.arange(500.0, 1300.0, 2.0))
    assert atmosphere_of(short).described() == {
        "co2_area": None,
        "co2_noise": None,
        "co2_visible": False,
        "water": None,
        "water_noise": None,
        "water_visible": False,
    }


def test_raman_shows_no_air():
    with pytest.raises(SpectrumMismatch):
        atmosphere_of(Spectrum(AXIS, AXIS * 0, Technique.RAMAN))


def test_a_clean_crystal_is_clean_whatever_the_air():
    air = 0.05 * gauss(2361, 17) + 0.03 * gauss(2338, 26) + 0.006 * water_template(AXIS, 4.0)
    for extra in (0.0, air, -air):
        state = crystal_clean(spectrum(extra))
        assert state.clean, state
        assert "clean" in state.words


@pytest.mark.parametrize("centre", [1110.0, 1740.0, 2925.0])
def test_residue_is_found_where_it_is(centre):
    state = crystal_clean(spectrum(3 * CLEAN_LIMIT * gauss(centre, 40)))
    assert not state.clean
    assert state.worst_cm1 == pytest.approx(centre, abs=12)
    assert state.worst_absorbance == pytest.approx(3 * CLEAN_LIMIT, rel=0.25)
    assert "clean the crystal" in state.words


def test_noise_that_hides_residue_is_no_clean_crystal():
    state = crystal_clean(spectrum(noise=0.02))
    assert not state.clean
    assert "too noisy" in state.words


def test_the_limit_can_be_chosen():
    dirty = spectrum(0.008 * gauss(1110, 40))
    assert not crystal_clean(dirty).clean
    assert crystal_clean(dirty, limit=0.02).clean


def test_other_spectra_say_nothing_of_a_crystal():
    for wrong in (
        Spectrum(AXIS, AXIS * 0, Technique.RAMAN),
        spectrum(axis=np.arange(500.0, 1300.0, 2.0)),
        spectrum(axis=np.arange(500.0, 4000.0, 20.0)),
    ):
        with pytest.raises(SpectrumMismatch, match="clean crystal"):
            crystal_clean(wrong)


@pytest.fixture(scope="module")
def files():
    return Path(os.environ["OPIOSCAN_SHARED"]) / "data"


@pytest.mark.shared
def test_air_of_a_measured_background_is_seen_in_both_bands(files):
    """A single channel of the background holds the instrument's own air: CO₂ and water in absorption."""
    from spectra.formats.opus_blocks import Kind, Side, directory_of, numbers_of, parameters_of

    data = (files / "vendor-files" / "openspecy" / "ftir_ps.0").read_bytes()
    blocks = {
        (block.parameters, block.kind): block
        for block in directory_of(data)
        if block.side == Side.BACKGROUND and block.kind == Kind.SINGLE_CHANNEL
    }
    status = parameters_of(data, blocks[1, Kind.SINGLE_CHANNEL])
    light = numbers_of(data, blocks[0, Kind.SINGLE_CHANNEL], status)
    axis = np.linspace(status["LXV"], status["FXV"], light.size)
    air = Spectrum(axis, absorbance_of(light[::-1]), Technique.FTIR, resolution_cm1=4.0)
    state = atmosphere_of(air)
    assert state.co2_visible
    assert state.water_visible
    assert state.co2_area > 20
    for low, high in ((1340.0, 1910.0), (3540.0, 3910.0)):
        part = (axis > low) & (axis < high)
        height, noise = water_height(axis[part], air.intensity[part])
        assert height > 8 * noise


@pytest.mark.shared
def test_air_of_measured_atr_spectra_is_small(files):
    (one,) = decode((files / "vendor-files" / "openspecy" / "ftir_ps.0").read_bytes())
    state = atmosphere_of(one.spectrum)
    # Its background shows 40 of CO₂ and 0.25 of water; OPUS compensated the water.
    assert abs(state.co2_area) < 0.2
    assert abs(state.water) < 0.02


@pytest.mark.shared
def test_a_measured_powder_is_no_clean_crystal(files):
    (one,) = decode((files / "ftir-drugs" / "paracetamol.jdx").read_bytes())
    assert not crystal_clean(one.spectrum).clean
