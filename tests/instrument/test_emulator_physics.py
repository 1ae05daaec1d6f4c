import os
from pathlib import Path

import numpy as np
import pytest

from instrument.emulators.cobs import cobs_encode
from instrument.emulators.detector import Detector, ramp
from instrument.emulators.fault_source import FaultSource, Reply
from instrument.emulators.faults import Fault, FaultKind, FaultSpecError, parse_faults
from instrument.emulators.light import ConstantLight, LightFile, LightLog, PowerTimeline
from instrument.emulators.obp_models import MODELS
from instrument.emulators.physics import (
    Chip,
    FixedPattern,
    binned,
    boxcar,
    cosmic_electrons,
    quantum_efficiency,
    raman_shift,
    read_out,
    sample_profile,
    wavelengths,
)
from instrument.emulators.scene import Scene, SceneError
from spectra.formats import encode_csv
from spectra.values import Spectrum, Technique

CHIP = Chip(
    full_scale=16383, electrons_per_count=6.0, bias=600.0, read_noise=18.0, dark_rate=800.0, pattern=0.0
)
FLAT = FixedPattern(np.zeros(20_000), np.ones(20_000))
STS = MODELS["STS"]


def powder(path):
    axis = np.arange(200.0, 2401.0)
    light = (
        0.05 + np.exp(-0.5 * ((axis - 1000.0) / 8.0) ** 2) + 0.5 * np.exp(-0.5 * ((axis - 1600.0) / 8.0) ** 2)
    )
    spectrum = Spectrum(axis, light, Technique.RAMAN, laser_nm=785.0)
    path.write_bytes(encode_csv(spectrum))
    return path


def detector(light, *, sample=None, seed=1, cosmic_rate=0.0, model=STS, **options):
    scene = Scene(laser_nm=785.0, technique=Technique.RAMAN)
    scene.put(sample)
    return Detector(
        model.chip,
        coefficients=model.coefficients,
        pixels=model.pixels,
        scene=scene,
        light=light,
        seed=seed,
        cosmic_rate=cosmic_rate,
        **options,
    )


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_sees_the_raman_range(name):
    model = MODELS[name]
    shift = raman_shift(wavelengths(model.coefficients, model.pixels), 785.0)
    assert 245 < shift[0] < 255
    assert 2345 < shift[-1] < 2365
    assert (np.diff(shift) > 0).all()


def test_shot_noise_has_the_variance_of_counted_electrons():
    rng = np.random.default_rng(3)
    mean_electrons = 24_000.0
    counts = read_out(CHIP, FLAT, np.full(20_000, mean_electrons), 0.0, rng)
    assert counts.mean() == pytest.approx(600 + mean_electrons / 6, rel=2e-3)
    # Conversion in counts², plus the rounding of the converter, 1/12.
    expected = (mean_electrons + 18.0**2) / 36.0 + 1 / 12
    assert counts.var() == pytest.approx(expected, rel=0.05)


def test_dark_current_grows_with_exposure_and_light_does_not_matter_to_it():
    rng = np.random.default_rng(3)
    dark = [read_out(CHIP, FLAT, np.zeros(20_000), t, rng).mean() for t in (0.0, 1.0, 10.0)]
    assert dark == pytest.approx([600, 600 + 800 / 6, 600 + 8000 / 6], abs=1.0)


def test_saturation_clips_at_full_scale():
    counts = read_out(CHIP, FLAT, np.full(20_000, 1e9), 1.0, np.random.default_rng(0))
    assert (counts == CHIP.full_scale).all()


def test_cosmic_rays_are_as_many_as_asked_for():
    rng = np.random.default_rng(5)
    hits = sum((cosmic_electrons(CHIP, 1000, 1.0, 2.0, rng) > 0).any() for _ in range(300))
    assert hits / 300 == pytest.approx(1 - np.exp(-2.0), abs=0.06)
    assert not cosmic_electrons(CHIP, 1000, 1.0, 0.0, rng).any()


def test_quantum_efficiency_falls_towards_the_band_edge():
    silicon = quantum_efficiency(np.array([785.0, 900.0, 960.0, 1100.0]))
    assert (np.diff(silicon) < 0).all()
    assert quantum_efficiency(np.array([900.0, 1500.0]))[1] > 0.7


def test_sample_keeps_its_baseline_and_is_bright_at_one():
    profile = sample_profile(
        np.array([0.0, 100.0, 200.0, 300.0]), np.array([100.0, 200.0]), np.array([-1.0, 4.0])
    )
    assert profile.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert not sample_profile(np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.array([0.0, 0.0])).any()


def test_boxcar_and_binning_keep_the_mean():
    counts = np.arange(16.0)
    assert boxcar(counts, 0) is counts
    assert boxcar(counts, 2)[[0, 8, 15]] == pytest.approx([1.0, 8.0, 14.0])
    assert binned(counts, 2).tolist() == [1.5, 5.5, 9.5, 13.5]


def test_no_raman_without_laser(tmp_path):
    sample = powder(tmp_path / "powder.csv")
    lit, unlit, empty = (
        detector(light, sample=put)
        for light, put in (
            (ConstantLight(), sample),
            (ConstantLight(0.0), sample),
            (ConstantLight(0.0), None),
        )
    )
    spectra = [d.finish(d.begin(1.0)) for d in (lit, unlit, empty)]
    assert spectra[0].max() > 8000
    assert np.array_equal(spectra[1], spectra[2])
    assert spectra[1].max() < 900


def test_a_typical_powder_fills_sixty_percent_in_a_second_at_100_mw(tmp_path):
    for name in ("STS", "QEPRO", "VENTANA", "FX"):
        model = MODELS[name]
        d = detector(ConstantLight(100.0), sample=powder(tmp_path / "p.csv"), model=model)
        assert 0.55 < d.finish(d.begin(1.0)).max() / model.chip.full_scale < 0.68


def test_light_grows_linearly_with_exposure_power_and_brightness(tmp_path):
    sample = powder(tmp_path / "powder.csv")

    def light(exposure, power, brightness=1.0):
        d = detector(ConstantLight(power), sample=sample)
        d.scene.brightness = brightness
        dark = detector(ConstantLight(0.0), sample=sample)
        return (d.finish(d.begin(exposure)) - dark.finish(dark.begin(exposure))).sum()

    base = light(0.25, 100.0)
    assert light(0.5, 100.0) == pytest.approx(2 * base, rel=0.01)
    assert light(0.25, 200.0) == pytest.approx(2 * base, rel=0.01)
    assert light(0.25, 100.0, 2.0) == pytest.approx(2 * base, rel=0.05)


def test_peaks_appear_where_the_axis_says_and_move_with_its_drift(tmp_path):
    d = detector(ConstantLight(), sample=powder(tmp_path / "powder.csv"))
    shift = raman_shift(d.wavelengths, 785.0)
    assert shift[d.finish(d.begin(1.0)).argmax()] == pytest.approx(1000.0, abs=4.0)
    d.scene.axis.axis_shift_cm1 = 30.0
    assert shift[d.finish(d.begin(1.0)).argmax()] == pytest.approx(970.0, abs=4.0)
    d.scene.fluorescence = 0.3
    assert np.median(d.finish(d.begin(1.0))) > 2500


def test_seed_fixes_noise_and_averages_lower_it(tmp_path):
    same = [
        detector(ConstantLight(), seed=4).finish(detector(ConstantLight(), seed=4).begin(0.1)) for _ in "ab"
    ]
    assert np.array_equal(*same)
    one, many = (detector(ConstantLight(0.0), seed=4) for _ in "ab")
    spread = [
        np.std(d.finish(d.begin(0.1, n)) - d.finish(d.begin(0.1, n))) for d, n in ((one, 1), (many, 25))
    ]
    assert spread[1] < spread[0] / 3
    corrected = one.finish(one.begin(0.1, 50), corrected=True)
    assert corrected.std() < one.finish(one.begin(0.1, 50)).std() / 2


def test_speed_shortens_the_wait_not_the_exposure(tmp_path):
    sample = powder(tmp_path / "powder.csv")
    slow = detector(ConstantLight(), sample=sample)
    fast = detector(ConstantLight(), sample=sample, speed=100.0)
    assert fast.begin(1.0, 3).real_s == pytest.approx(0.03)
    assert np.array_equal(slow.finish(slow.begin(1.0)), fast.finish(fast.begin(1.0)))


def test_optical_dark_pixels_see_nothing(tmp_path):
    model = MODELS["QEPRO"]
    scene_light = detector(ConstantLight(), sample=powder(tmp_path / "p.csv"), model=model, blind=model.blind)
    counts = scene_light.finish(scene_light.begin(1.0))
    assert counts[[0, 3, 1040, 1043]].max() < 2000
    assert counts[4:1040].max() > 100_000


def test_ramp_is_the_picture_of_the_contract():
    d = detector(ConstantLight(), pattern="ramp")
    for k in range(3):
        got = d.finish(d.begin(0.01))
        assert np.array_equal(got, 100 + (7 * np.arange(1024) + 13 * k) % 4001)
    assert ramp(2, 1000)[0] == 100 + 13000 % 4001


def test_timeline_integrates_power_over_the_window():
    timeline = PowerTimeline()
    assert timeline.energy_mj(0, 10**9) == 0.0
    for at, power in ((0, 0.0), (10**9, 100.0), (3 * 10**9, 50.0), (4 * 10**9, 0.0)):
        timeline.add(at, power)
    assert timeline.energy_mj(0, 10**9) == 0.0
    assert timeline.energy_mj(2 * 10**9, 35 * 10**8) == pytest.approx(125.0)
    assert timeline.energy_mj(0, 10 * 10**9) == pytest.approx(250.0)
    timeline.add(5, 20.0)
    assert timeline.energy_mj(0, 10**9 + 5) == pytest.approx(20.0)


def test_light_file_is_followed_while_the_laser_writes_it(tmp_path):
    path = tmp_path / "light.log"
    light = LightFile(path)
    assert light.energy_mj(0, 10**18) == 0.0
    log = LightLog(path)
    assert path.read_text().split()[1] == "0"
    assert light.energy_mj(0, 10**18) == 0.0
    log.set_power(80.0)
    log.set_power(80.0)
    lines = path.read_text().splitlines()
    assert len(lines) == 2
    start = int(lines[1].split()[0])
    assert light.energy_mj(start, start + 10**9) == pytest.approx(80.0)
    assert log.timeline.energy_mj(start, start + 10**9) == pytest.approx(80.0)
    log.close()
    log.close()
    assert path.read_text().splitlines()[-1].endswith(" 0")
    with path.open("a") as file:
        file.write("nonsense line\n123")
    assert light.energy_mj(start + 10**15, start + 10**16) == 0.0
    path.write_text("7 5\n")
    assert light.energy_mj(7, 7 + 10**9) == pytest.approx(5.0)


def test_scene_refuses_what_it_cannot_put_there(tmp_path):
    scene = Scene(laser_nm=785.0, technique=Technique.RAMAN)
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"\0\1\2 no spectrum")
    with pytest.raises(SceneError, match="bad.csv"):
        scene.put(bad)
    with pytest.raises(SceneError, match="cannot be read"):
        scene.put(tmp_path / "missing.csv")
    with bad.open("wb") as file:
        file.truncate((32 << 20) + 1)
    with pytest.raises(SceneError, match="larger"):
        scene.put(bad)
    for message in ({"sample": 3}, {"brightness": "x"}, {"brightness": True}, {"axis_shift_cm1": 1e9}):
        with pytest.raises(SceneError):
            scene.control(message)
    assert scene.state()["sample"] == ""


def test_lamp_is_absorbed_by_an_infrared_sample():
    scene = Scene(laser_nm=785.0)
    nm = np.linspace(900.0, 1700.0, 256)
    bare = scene.lamp_rate(nm, CHIP)
    scene.sample = Spectrum(np.array([100.0, 20_000.0]), np.array([1.0, 1.0]), Technique.FTIR)
    assert scene.lamp_rate(nm, CHIP) == pytest.approx(bare / 10)
    assert scene.raman_rate(nm, CHIP).max() < 0.01 * CHIP.typical_electrons


def test_faults_are_read_strictly_and_drawn_by_seed():
    assert parse_faults("") == ()
    assert parse_faults("drop:0.5, delay:1:0.25") == (
        Fault(FaultKind.DROP, 0.5),
        Fault(FaultKind.DELAY, 1.0, 0.25),
    )
    for spec in ("explode:1", "drop", "drop:2", "drop:x", "delay:1:-3"):
        with pytest.raises(FaultSpecError):
            parse_faults(spec)
    sources = [FaultSource(parse_faults("drop:0.5"), seed=1) for _ in "ab"]
    drawn = [[source.draw(Reply(b"x")) for _ in range(9)] for source in sources]
    assert drawn[0] == drawn[1]
    source = FaultSource(parse_faults("drop:0.3"), seed=2)
    assert 0.2 < np.mean([source.draw(Reply(b"x")) is not None for _ in range(500)]) < 0.4
    assert 1 <= len(source.noise()) <= 40


def cobs_decode(data):
    out, at = bytearray(), 0
    while at < len(data):
        code = data[at]
        out += data[at + 1 : at + code]
        at += code
        if code < 255 and at < len(data):
            out.append(0)
    return bytes(out)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"a\0b", b"x" * 253, b"x" * 254, b"x" * 255 + b"\0" + b"y" * 600]
)
def test_cobs_round_trip_without_zeros(data):
    coded = cobs_encode(data)
    assert 0 not in coded
    assert cobs_decode(coded) == data


@pytest.mark.shared
@pytest.mark.parametrize("model", ["STS", "QEPRO", "FX"])
def test_a_measured_powder_keeps_its_bands(model):
    sample = Path(os.environ["OPIOSCAN_SHARED"]) / "data/raman785-library/Ibuprofen.csv"
    d = detector(ConstantLight(), sample=sample, model=MODELS[model])
    dark = detector(ConstantLight(0.0), model=MODELS[model])
    shift = raman_shift(d.wavelengths, 785.0)
    light = d.finish(d.begin(1.0)) - dark.finish(dark.begin(1.0))
    near = (shift > 800) & (shift < 870)
    assert shift[near][light[near].argmax()] == pytest.approx(834.0, abs=5.0)
    truth = np.interp(shift, d.scene.sample.axis, d.scene.sample.intensity)
    assert np.corrcoef(light, truth)[0, 1] > 0.98
