"""Lamps, errors of the axis and responses of the emulated spectrographs: light where it belongs, and only then."""

import numpy as np
import pytest

from instrument.emulators.axis_error import AxisFault
from instrument.emulators.detector import Detector
from instrument.emulators.lamp_lines import NEON
from instrument.emulators.lamps import emission_profile, parse_lamp
from instrument.emulators.light import ConstantLight
from instrument.emulators.obp_models import MODELS
from instrument.emulators.options import parse_options
from instrument.emulators.physics import raman_shift, wavelengths
from instrument.emulators.response import SHAPES, Response
from instrument.emulators.scene import Scene, SceneError
from spectra.formats import encode_csv
from spectra.values import Spectrum, Technique

NM = wavelengths(MODELS["STS"].coefficients, 1024)


def detector(model="STS", power_mw=0.0, **scene):
    made = Scene(laser_nm=785.0, technique=Technique.RAMAN)
    made.control(scene)
    kind = MODELS[model]
    return Detector(
        kind.chip,
        coefficients=kind.coefficients,
        pixels=kind.pixels,
        scene=made,
        light=ConstantLight(power_mw),
        seed=1,
        blind=kind.blind,
        unlit=kind.unlit,
    )


def taken(one, exposure_s=0.1):
    return one.finish(one.begin(exposure_s))


def brightest(one, counts, near):
    """Return the wavelength of the brightest pixel within 1.5 nm."""
    around = np.flatnonzero(abs(one.wavelengths - near) < 1.5)
    return one.wavelengths[around[counts[around].argmax()]]


@pytest.mark.parametrize("model", sorted(MODELS))
def test_neon_is_seen_without_laser_at_the_pixels_of_its_lines(model):
    one = detector(model, lamp="neon")
    counts = taken(one)
    for nm in (837.7608, 849.53598, 878.37533):
        pixel = int(np.argmin(abs(one.wavelengths - nm)))
        near = counts[pixel - 6 : pixel + 7]
        assert near.max() > np.median(counts) + 0.05 * one.chip.full_scale
    assert brightest(one, counts, 837.7608) == pytest.approx(837.7608, abs=0.15)
    assert counts.max() < one.chip.full_scale
    dark = taken(detector(model))
    assert counts.max() > 5 * (dark.max() - np.median(dark)) + np.median(dark)


def test_lines_have_the_width_of_the_spectrograph_and_their_strengths():
    light = emission_profile(NM, ("neon",))
    around = abs(NM - 837.7608) < 0.45
    # A Gaussian's full width at half maximum is 2.355 of its standard deviation.
    spread = np.average((NM[around] - 837.7608) ** 2, weights=light[around]) ** 0.5
    assert spread * 2.355 == pytest.approx(0.5, rel=0.12)
    strengths = dict(NEON)
    at = [light[np.argmin(abs(NM - nm))] for nm in (830.03258, 837.7608)]
    assert at[0] / at[1] == pytest.approx(strengths[830.03258] / strengths[837.7608], rel=0.1)
    both = emission_profile(NM, ("neon", "argon"))
    assert (both >= light).all()
    assert not emission_profile(NM, ()).any()
    assert not emission_profile(np.linspace(1200.0, 1300.0, 50), ("neon",)).any()


def test_lamps_grow_with_exposure_and_know_no_laser():
    light = [taken(detector(power_mw=mw, lamp="argon"), s).sum() for mw, s in ((0.0, 0.05), (0.0, 0.1))]
    base = taken(detector(), 0.0).sum()
    assert (light[1] - base) / (light[0] - base) == pytest.approx(2.0, rel=0.05)


def test_the_shift_moves_raman_lines_and_lamps_alike(tmp_path):
    line = 912.2967
    moved, straight = (detector(lamp="argon", axis_shift_cm1=shift) for shift in (30.0, 0.0))
    at = [one.wavelengths[np.argmax(taken(one))] for one in (moved, straight)]
    assert at[1] == pytest.approx(line, abs=0.15)
    assert 1e7 / at[0] == pytest.approx(1e7 / line + 30.0, abs=3.0)


def test_stretch_turns_around_the_middle_and_the_laser_error_moves_raman_only(tmp_path):
    fault = AxisFault()
    fault.set({"axis_stretch_percent": 1.0})
    middle = 0.5 * (NM[0] + NM[-1])
    assert fault.seen(NM)[[0, -1]] == pytest.approx(middle + 1.01 * (NM[[0, -1]] - middle))
    axis = np.arange(200.0, 2400.0)
    peak = np.exp(-0.5 * ((axis - 1000.0) / 6.0) ** 2)
    sample = tmp_path / "peak.csv"
    sample.write_bytes(encode_csv(Spectrum(axis, peak, Technique.RAMAN, laser_nm=785.0)))
    one = detector(power_mw=100.0, sample=str(sample), laser_error_nm=0.3)
    shift = raman_shift(one.wavelengths, 785.0)
    # The light is that of a laser of 785.3 nm: its shifts look greater.
    assert shift[taken(one, 1.0).argmax()] == pytest.approx(1000.0 + 1e7 / 785.0 - 1e7 / 785.3, abs=2.5)
    lit = detector(lamp="neon", laser_error_nm=0.3)
    assert brightest(lit, taken(lit), 837.7608) == pytest.approx(837.7608, abs=0.15)


def test_the_axis_drifts_with_device_time_from_where_it_stands():
    now = [0.0]
    fault = AxisFault(speed=10.0, clock=lambda: now[0])
    fault.set({"drift_cm1_per_h": 0.5})
    now[0] = 720.0
    assert fault.shift_cm1 == pytest.approx(1.0)
    fault.set({"drift_cm1_per_h": 0.0})
    now[0] = 9000.0
    assert fault.shift_cm1 == pytest.approx(1.0)
    fault.set({"drift_cm1_per_h": 1.0, "axis_shift_cm1": 2.0})
    now[0] += 360.0
    assert fault.shift_cm1 == pytest.approx(3.0)
    assert fault.state()["drifted_cm1"] == pytest.approx(1.0)


def test_a_response_multiplies_all_light_and_no_dark_current(tmp_path):
    file = tmp_path / "response.csv"
    file.write_text("wavelength_nm,efficiency\n800,2\n900,1\n1000,1\n")
    assert Response.named(str(file)).of(np.array([700.0, 850.0, 950.0])) == pytest.approx([1.0, 0.75, 0.5])
    for name in SHAPES:
        curve = Response.named(name).of(NM)
        assert 0.2 < curve.min() < 0.5
        assert curve.max() <= 1.0 + 1e-9
        assert np.ptp(np.diff(curve, 2)) < 2e-4
    plain, seen = (detector(lamp="argon", **extra) for extra in ({}, {"response": str(file)}))
    bright = abs(plain.wavelengths - 912.2967) < 0.1
    dark = taken(detector())
    share = (taken(seen) - dark)[bright].sum() / (taken(plain) - dark)[bright].sum()
    assert share == pytest.approx(0.5, abs=0.02)
    assert taken(seen)[500:520].min() == pytest.approx(dark[500:520].min(), abs=40)


def test_nonsense_is_refused_and_nothing_changes(tmp_path):
    scene = Scene(laser_nm=785.0)
    scene.control({"lamp": "neon", "response": "humped"})
    bad = tmp_path / "bad.csv"
    for text in (
        "a,b\nc,d\n",
        "800,1\n",
        "900,1\n800,1\n",
        "800,0\n900,1\n",
        "800,nan\n900,1\n",
        "1,2,3\n4,5,6\n",
    ):
        bad.write_text(text)
        with pytest.raises(SceneError, match=r"bad\.csv"):
            scene.control({"response": str(bad)})
    for message in (
        {"lamp": "krypton"},
        {"lamp": "neon+neon"},
        {"lamp": 3},
        {"response": "no such file"},
        {"laser_error_nm": 50},
        {"drift_cm1_per_h": "x"},
    ):
        with pytest.raises(SceneError):
            scene.control(message)
    state = scene.state()
    assert (state["lamp"], state["response"], state["laser_error_nm"]) == ("neon", "humped", 0.0)
    scene.control({"lamp": None, "response": None})
    assert (scene.state()["lamp"], scene.state()["response"]) == (None, None)
    assert parse_lamp("neon+argon") == ("neon", "argon")


def test_the_program_takes_them_as_options_and_says_so(emulate, capsys):
    options = ("--lamp", "neon", "--axis-stretch", "0.5", "--laser-error-nm", "-0.3", "--drift", "0.5")
    program = emulate("obp", *options, "--response", "tilted")
    assert program.about["lamp"] == "neon"
    assert program.about["response"] == "tilted"
    assert program.about["axis_error"] == {
        "axis_shift_cm1": 0.0,
        "axis_stretch_percent": 0.5,
        "laser_error_nm": -0.3,
        "drift_cm1_per_h": 0.5,
    }
    state = program.control(lamp=None, axis_shift_cm1=1.5, drift_cm1_per_h=0)
    assert (state["lamp"], state["axis_shift_cm1"], state["response"]) == (None, 1.5, "tilted")
    with pytest.raises(SystemExit):
        parse_options(["obp", "--axis-stretch", "90"])
    with pytest.raises(SystemExit):
        parse_options(["obp", "--help"])
    assert "--drift CM1_PER_H" in capsys.readouterr().out
