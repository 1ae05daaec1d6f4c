"""ATR by Fresnel's equations: simulated samples come back, noise goes along, nonsense is refused."""

import numpy as np
import pytest

from spectra.errors import RecipeError, ValueRangeError
from spectra.infrared_atr import atr_factor, penetration_um
from spectra.infrared_fresnel import Optics, index_change, transmission_of_atr
from spectra.recipe import Recipe, prepare, prepare_many, shipped_recipes
from spectra.values import Spectrum, Technique

AXIS = np.linspace(420.0, 4000.0, 1856)
NOISE = np.full((1, AXIS.size), 1e-4)
BANDS = ((760, 0.004, 12), (1100, 0.02, 20), (1220, 0.03, 18), (1720, 0.02, 15), (2950, 0.01, 20))


def index_of(axis, strength, bands=BANDS):
    """Return n + ik of damped oscillators around 1.5 (all absorption lies on the axis)."""
    epsilon = 2.25 + 0j * axis
    for centre, weight, width in bands:
        epsilon = epsilon + strength * weight * centre**2 / (centre**2 - axis**2 - 1j * width * axis)
    return np.sqrt(epsilon)


def likeness(one, other):
    return (one @ other) ** 2 / (one @ one) / (other @ other)


def test_the_change_of_index_is_that_of_an_oscillator():
    axis = np.arange(1.0, 4001.0)
    index = index_of(axis, 0.2)
    found = index_change(index.imag)
    assert found == pytest.approx(index.real - 1.5, abs=2e-3)


def test_the_absorbance_is_the_mean_of_both_polarisations():
    optics, n, k = Optics(crystal_index=2.4, angle_deg=50.0, bounces=3), 1.45, 0.1
    sine = np.sin(np.radians(50.0)) * 2.4 / (n + 1j * k)
    inner, outer = np.sqrt(1 - sine**2 + 0j), np.cos(np.radians(50.0))
    inner = inner if (inner * (n + 1j * k)).imag > 0 else -inner
    across = (2.4 * outer - (n + 1j * k) * inner) / (2.4 * outer + (n + 1j * k) * inner)
    along = ((n + 1j * k) * outer - 2.4 * inner) / ((n + 1j * k) * outer + 2.4 * inner)
    mean = 0.5 * (abs(across) ** 2 + abs(along) ** 2)
    assert optics.absorbance(np.array(n), np.array(k)) == pytest.approx(-3 * np.log10(mean))


def test_nothing_absorbed_is_all_reflected():
    assert Optics().absorbance(np.array([1.5]), np.array([0.0])) == pytest.approx([0.0], abs=1e-12)


def test_weak_bands_have_the_effective_thickness_of_harrick():
    """Hansen's and Harrick's closed forms for weak absorption, both polarisations, times 4π·ν·k·log₁₀ e."""
    optics, n, k, nu = Optics(), 1.5, 1e-5, 1000.0
    sine, cosine, ratio = np.sin(np.pi / 4), np.cos(np.pi / 4), 1.5 / optics.crystal_index
    depth = penetration_um(np.array([nu]))[0] * 1e-4
    across = 2 * ratio * cosine / (1 - ratio**2) * depth
    along = across * (2 * sine**2 - ratio**2) / ((1 + ratio**2) * sine**2 - ratio**2)
    # Both closed forms are for the field's depth: the light's is half of it, and the path doubles it again.
    expected = np.log10(np.e) * 4 * np.pi * nu * k * 0.5 * (across + along)
    found = optics.absorbance(np.array([n]), np.array([k]))[0]
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("strength", "least"), [(0.05, 0.9998), (0.4, 0.9998), (0.7, 0.9995)])
def test_simulated_samples_come_back(strength, least):
    index = index_of(AXIS, strength)
    measured = Optics().absorbance(index.real, index.imag)
    true = index.imag * AXIS
    found, _ = transmission_of_atr(AXIS, measured[None], NOISE)
    assert likeness(found[0], true) > least
    assert likeness(found[0], true) > likeness(measured * atr_factor(AXIS), true)
    # A strong band stands where it belongs, not where the crystal showed it.
    part = (AXIS > 1150) & (AXIS < 1300)
    assert AXIS[part][found[0][part].argmax()] == pytest.approx(AXIS[part][true[part].argmax()], abs=2.1)


def test_weak_spectra_are_those_of_the_depth_of_penetration():
    measured = 1e-3 * np.exp(-0.5 * ((AXIS - 1600) / 20) ** 2)
    found, noise = transmission_of_atr(AXIS, measured[None], NOISE, reference_cm1=1200.0)
    factor = atr_factor(AXIS, reference_cm1=1200.0)
    assert found[0] == pytest.approx(measured * factor, abs=2e-5)
    assert noise[0] == pytest.approx(NOISE[0] * factor, rel=0.02)


def test_noise_goes_through_to_first_order():
    rng = np.random.default_rng(1)
    axis = np.arange(600.0, 2400.0, 4.0)
    index = index_of(axis, 0.3)
    measured = Optics().absorbance(index.real, index.imag)
    noise = np.full((1, axis.size), 1e-3)
    rows = measured + noise * rng.standard_normal((128, axis.size))
    found, told = transmission_of_atr(axis, rows, noise)
    ratio = np.std(found, axis=0) / np.mean(told, axis=0)
    assert np.median(ratio) == pytest.approx(1.0, abs=0.1)
    assert np.quantile(ratio, [0.02, 0.98]) == pytest.approx(1.0, abs=0.35)


def test_a_batch_is_its_rows_across_blocks(monkeypatch):
    block = 8
    monkeypatch.setattr("spectra.infrared_fresnel.BLOCK", block)
    rng = np.random.default_rng(2)
    axis = np.arange(600.0, 2400.0, 4.0)
    rows = np.abs(rng.uniform(0, 0.5, (block + 3, 1)) * np.exp(-0.5 * ((axis - 1600) / 30) ** 2))
    rows = rows + 1e-3 * rng.standard_normal(rows.shape)
    recipe = shipped_recipes()["ftir-atr-fresnel"]
    batch = prepare_many(axis, rows, recipe)
    for i in (0, block - 1, block, block + 2):
        single = prepare(Spectrum(axis, rows[i], Technique.FTIR), recipe)
        for name in ("variance", "sigma"):
            assert np.allclose(getattr(single, name), getattr(batch.row(i), name), rtol=1e-9, atol=0)
        scale = 1e-3 * np.ptp(single.corrected)
        assert np.abs(single.corrected - batch.row(i).corrected).max() < scale


@pytest.mark.parametrize(
    ("axis", "absorbance", "options", "words"),
    [
        (AXIS, 3.0, {}, "1 of 1 spectra are no ATR absorbance"),
        (AXIS, 0.1, {"angle_deg": 30.0}, "no total reflection"),
        (AXIS, 0.1, {"sample_index": 2.0}, "no total reflection"),
        (AXIS - 500, 0.1, {}, "above zero"),
        (AXIS, 0.1, {"reference_cm1": 0.0}, "above zero"),
    ],
)
def test_what_no_crystal_shows_is_refused(axis, absorbance, options, words):
    rows = absorbance * np.exp(-0.5 * ((axis - 1600) / 15) ** 2)[None]
    with pytest.raises(ValueRangeError, match=words):
        transmission_of_atr(axis, rows, NOISE, **options)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"crystal_index": 4.0}, "no meaning without optics: fresnel"),
        ({"optics": "fresnel", "angle_deg": 20.0}, "no total reflection"),
        ({"optics": "hope"}, "one of depth, fresnel"),
        ({"optics": "fresnel", "bounces": 1.5}, "whole number"),
    ],
)
def test_impossible_optics_are_no_recipe(step, words):
    default = shipped_recipes()["ftir-default"]
    with pytest.raises(RecipeError, match=words):
        Recipe("tried", Technique.FTIR, ({"step": "atr", **step}, *default.steps))


def test_air_is_not_taken_out_before_fresnel():
    default, fresnel = shipped_recipes()["ftir-default"], {"step": "atr", "optics": "fresnel"}
    with pytest.raises(RecipeError, match="atmosphere cannot go before"):
        Recipe("tried", Technique.FTIR, ({"step": "atmosphere"}, fresnel, *default.steps))
