"""Plans of simulated trials: counts, turns, blanks and seeds."""

import numpy as np
import pytest

from spectra.errors import SpectrumMismatch, ValueRangeError
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.trials import Matrix, plan
from spectra.values import Spectrum, Technique

AXIS = np.arange(350.0, 1851.0, 2.0)


def entry(name, centre, *, axis=AXIS, technique=Technique.RAMAN, equivalents=()):
    spectrum = Spectrum(axis=axis, intensity=np.exp(-(((axis - centre) / 6.0) ** 2)), technique=technique)
    return ReferenceEntry(name, Substance(name), spectrum, Grade.MEASURED, equivalents=equivalents)


DRUG, SUGAR, STARCH = entry("drug", 1000.0), entry("sugar", 800.0), entry("starch", 480.0)
CUTS = Matrix("cuts", (SUGAR, STARCH))


def test_every_target_share_and_blank_is_scanned_as_often():
    trials = plan([DRUG], [CUTS], [0.1, 0.5], scans=4)
    assert [trial.share for trial in trials] == [0.1] * 4 + [0.5] * 4 + [0.0] * 4
    assert [trial.cut.substance.name for trial in trials[:4]] == ["sugar", "starch"] * 2
    assert trials[0].truth == ("drug", "sugar")
    assert (trials[-1].truth, trials[-1].target) == (("starch",), None)
    assert len({trial.key for trial in trials}) == 12


def test_a_pure_target_is_alone():
    (neat, blank) = plan([DRUG], [CUTS], [1.0], scans=1)
    assert (neat.truth, blank.truth) == (("drug",), ("sugar",))
    assert neat.scan(snr=100.0).history[0].startswith("SIMULATED: 1 drug;")
    assert blank.scan(snr=100.0).history[0].startswith("SIMULATED: 1 sugar;")


def test_a_trial_does_not_depend_on_what_else_is_planned():
    few, many = plan([DRUG], [CUTS], [0.1], scans=2), plan([DRUG], [CUTS], [0.1, 0.3], scans=5)
    first, same = few[1].scan(snr=50.0), many[1].scan(snr=50.0)
    assert np.array_equal(first.intensity, same.intensity)
    other = plan([DRUG], [CUTS], [0.1], scans=2, seed=1)[1].scan(snr=50.0)
    assert not np.array_equal(first.intensity, other.intensity)


def test_widths_and_shifts_are_drawn():
    words = [trial.scan(snr=100.0).history[0] for trial in plan([DRUG], [CUTS], [0.5], scans=20)]
    widths = {text.partition("broadened by ")[2].partition(" ")[0] for text in words}
    shifts = [float(text.partition("shifted by ")[2].partition(" ")[0]) for text in words]
    assert widths == {"0", "4", "8"}
    assert min(shifts) < 0 < max(shifts)
    assert max(map(abs, shifts)) <= 1.0


def test_a_target_is_not_mixed_with_itself_or_what_does_not_fit():
    other = entry("drug base", 1000.0, equivalents=("drug",))
    infrared = entry("talc", 1000.0, technique=Technique.FTIR)
    low = entry("low", 600.0, axis=np.arange(350.0, 1102.0, 2.0))
    high = entry("high", 1500.0, axis=np.arange(1098.0, 1851.0, 2.0))
    trials = plan([DRUG], [Matrix("mixed", (DRUG, other, infrared, SUGAR))], [0.5], scans=3)
    assert {trial.cut.substance.name for trial in trials if trial.target} == {"sugar"}
    with pytest.raises(SpectrumMismatch, match="drug cannot be mixed with same"):
        plan([DRUG], [Matrix("same", (DRUG, other, infrared))], [0.5], scans=1)
    with pytest.raises(SpectrumMismatch, match="low cannot be mixed"):
        plan([low], [Matrix("far", (high,))], [0.5], scans=1)


@pytest.mark.parametrize(
    ("targets", "matrices", "shares", "scans", "seed"),
    [
        ([], [CUTS], [0.1], 1, 0),
        ([DRUG], [], [0.1], 1, 0),
        ([DRUG], [CUTS], [], 1, 0),
        ([DRUG], [CUTS], [0.1], 0, 0),
        ([DRUG], [CUTS], [0.1], 1, -1),
        ([DRUG], [CUTS], [0.0], 1, 0),
        ([DRUG], [CUTS], [1.1], 1, 0),
        ([DRUG], [CUTS], [0.1], 10**6, 0),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(targets, matrices, shares, scans, seed):
    with pytest.raises(ValueRangeError):
        plan(targets, matrices, shares, scans=scans, seed=seed)
