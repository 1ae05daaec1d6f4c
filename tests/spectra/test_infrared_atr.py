"""ATR correction and units of infrared spectra against closed forms."""

import numpy as np
import pytest

from spectra.errors import ValueRangeError
from spectra.infrared_atr import atr_factor, penetration_um
from spectra.infrared_units import absorbance_of, convert, transmittance_of
from spectra.recipe import Recipe, prepare, shipped_recipes
from spectra.values import Spectrum, Technique

AXIS = np.linspace(600.0, 2000.0, 800)


def test_the_depth_of_penetration_of_diamond():
    # 1e4 / (2π · 2.4 · 1000 · √(0.5 − (1.5/2.4)²)) µm = 2.0052 µm, the textbook example of diamond at 45°.
    found = penetration_um(np.array([1000.0, 2000.0]), crystal_index=2.4)
    assert found == pytest.approx([2.0052, 1.0026], abs=1e-4)


def test_germanium_looks_less_deep_than_diamond_and_steeper_less_than_flat():
    there = np.array([1000.0])
    assert penetration_um(there, crystal_index=4.0) < penetration_um(there)
    assert penetration_um(there, angle_deg=60.0) < penetration_um(there)


def test_the_factor_undoes_the_depth():
    product = atr_factor(AXIS, reference_cm1=1200.0) * penetration_um(AXIS)
    assert product == pytest.approx(np.full(AXIS.size, penetration_um(np.array([1200.0]))[0]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: penetration_um(AXIS, angle_deg=30.0),
        lambda: penetration_um(AXIS, sample_index=2.0),
        lambda: penetration_um(np.array([0.0])),
        lambda: penetration_um(AXIS, angle_deg=float("nan")),
        lambda: atr_factor(np.array([-1.0, 5.0])),
        lambda: atr_factor(AXIS, reference_cm1=0.0),
    ],
)
def test_no_total_reflection_no_correction(call):
    with pytest.raises(ValueRangeError):
        call()


def test_a_simulated_transmission_spectrum_comes_back_from_atr():
    bands = sum(np.exp(-0.5 * ((AXIS - c) / 12) ** 2) for c in (760.0, 1100.0, 1650.0))
    atr = bands * penetration_um(AXIS) / penetration_um(np.array([1000.0]))[0]
    steps = (
        {"step": "atr"},
        {"step": "resample", "start_cm1": 650.0, "stop_cm1": 1900.0, "spacing_cm1": 2.0},
        {"step": "derivative", "window": 7, "degree": 2},
    )
    found = prepare(Spectrum(AXIS, atr, Technique.FTIR), Recipe("atr", Technique.FTIR, steps))
    expected = prepare(Spectrum(AXIS, bands, Technique.FTIR), Recipe("bare", Technique.FTIR, steps[1:]))
    assert found.corrected == pytest.approx(expected.corrected, abs=1e-12)


def test_units_there_and_back():
    absorbance = np.array([[0.0, 0.3, 1.0], [2.0, 0.01, 0.5]])
    noise = np.full((1, 3), 1e-3)
    passed, spread = convert(absorbance, noise, given="absorbance", wanted="transmittance")
    assert np.array_equal(passed, transmittance_of(absorbance))
    assert spread == pytest.approx(noise * passed * np.log(10))
    for factor, given in ((1.0, "transmittance"), (100.0, "transmittance_percent")):
        back, again = convert(factor * passed, factor * spread, given=given)
        assert back == pytest.approx(absorbance, abs=1e-12)
        assert again == pytest.approx(np.broadcast_to(noise, again.shape))
    fraction, _ = convert(100 * passed, noise, given="transmittance_percent", wanted="transmittance")
    assert fraction == pytest.approx(passed)


@pytest.mark.parametrize(
    ("values", "given", "words"),
    [
        ([0.5, 0.0], "transmittance", "1 of 2 transmittances"),
        ([0.5, -0.1], "transmittance_percent", "1 of 2"),
        ([0.5, 93.0], "transmittance", "transmittance of 93 is impossible"),
        ([0.5, 930.0], "transmittance_percent", "transmittance of 9.3 is impossible"),
    ],
)
def test_what_is_no_transmittance_is_refused(values, given, words):
    with pytest.raises(ValueRangeError, match=words):
        convert(np.array(values), np.ones(2), given=given)


def test_transmittance_and_absorbance_give_the_same_features():
    rng = np.random.default_rng(1)
    absorbance = 0.1 + 0.6 * np.exp(-0.5 * ((AXIS - 1100) / 12) ** 2) + 1e-4 * rng.standard_normal(AXIS.size)
    recipes = shipped_recipes()
    noise = np.full(AXIS.size, 1e-4)
    one = prepare(Spectrum(AXIS, absorbance, Technique.FTIR, noise=noise), recipes["ftir-default"])
    passed, spread = convert(absorbance, noise, given="absorbance", wanted="transmittance")
    other = prepare(Spectrum(AXIS, passed, Technique.FTIR, noise=spread), recipes["ftir-transmittance"])
    assert other.values == pytest.approx(one.values, abs=1e-9)
    assert other.variance == pytest.approx(one.variance)
    assert absorbance_of(passed) == pytest.approx(absorbance)
