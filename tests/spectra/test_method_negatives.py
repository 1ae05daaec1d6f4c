"""Negatives an agency measured: what comes nearest to an alarm in them, and how they move a threshold."""

from dataclasses import replace

import numpy as np
import pytest

from library.starter import starter_entries
from spectra.errors import MethodError, SpectrumMismatch
from spectra.method import Method, WatchItem, fit
from spectra.negatives import MeasuredNull, Negative, NegativeSearch, spectrum_digest, watched_rows
from spectra.nulls import ordered_table
from spectra.recipe import default_recipe
from spectra.refset import build_reference_set
from spectra.select import may_be_named
from spectra.values import Spectrum, Technique


def negative(statistic, *, digest=None, share=0.5):
    return Negative(f"{statistic}.csv", digest or f"{statistic:064.3f}", statistic, "Metamizole", share)


@pytest.fixture(scope="module")
def raman_set():
    """The Raman references of the starter library, ready for search."""
    return build_reference_set(starter_entries(), default_recipe(Technique.RAMAN))


@pytest.fixture(scope="module")
def entry_of(raman_set):
    return {entry.substance.name: entry for entry in raman_set.entries}.__getitem__


@pytest.fixture(scope="module")
def search(raman_set):
    names = ["Metamizole", "Ketoprofen"]
    return NegativeSearch.of(raman_set, names, threshold=lambda _share: 60.0, may_be_named=may_be_named)


def scan_of(entry, *, seed=0, snr=200.0):
    rng = np.random.default_rng(seed)
    spectrum = entry.spectrum
    noise = rng.standard_normal(spectrum.axis.size) / snr
    return Spectrum(axis=spectrum.axis, intensity=spectrum.intensity + noise, technique=Technique.RAMAN)


def test_the_watched_are_apart_from_what_may_be_there(search, raman_set):
    assert {raman_set.entries[row].substance.name for row in search.absent} == {"Metamizole", "Ketoprofen"}
    assert len(search.absent) + len(search.present) == len(raman_set.entries)


def test_a_scan_of_something_else_stays_far_below_one_of_the_watched(search, entry_of):
    harmless = search.search("a.csv", scan_of(entry_of("Ibuprofen")))
    wrong = search.search("b.csv", scan_of(entry_of("Metamizole")))
    assert (wrong.substance, wrong.source) == ("Metamizole", "b.csv")
    assert wrong.statistic > 10 * max(harmless.statistic, 60.0)
    assert harmless.digest != wrong.digest
    assert 0.0 <= harmless.regime <= 1.0


def test_the_same_scan_gives_the_same_answer(search, entry_of):
    one, other = (search.search("a", scan_of(entry_of("acetone"))) for _ in range(2))
    assert one == other


def test_without_a_watch_list_nothing_can_be_wrong(raman_set, entry_of):
    search = NegativeSearch.of(raman_set, [], threshold=lambda _share: 60.0, may_be_named=may_be_named)
    found = search.search("a", scan_of(entry_of("Metamizole")))
    assert (found.statistic, found.substance) == (0.0, "")


def test_with_everything_watched_there_is_no_content(raman_set, entry_of):
    few = raman_set.subset(watched_rows(raman_set, ["Metamizole"]))
    search = NegativeSearch.of(few, ["Metamizole"], threshold=lambda _share: 60.0, may_be_named=may_be_named)
    assert search.only_present is None
    assert search.search("a", scan_of(entry_of("Metamizole"))).substance == "Metamizole"


def test_what_the_live_search_would_not_name_is_no_alarm(raman_set, entry_of):
    search = NegativeSearch.of(
        raman_set, ["Metamizole"], threshold=lambda _share: 60.0, may_be_named=lambda _match: False
    )
    assert search.search("a", scan_of(entry_of("Metamizole"))).statistic == 0.0


def test_another_technique_is_refused(search, entry_of):
    infrared = replace(scan_of(entry_of("acetone")), technique=Technique.FTIR)
    with pytest.raises(SpectrumMismatch):
        search.search("a", infrared)


def test_a_scan_counts_once():
    null = MeasuredNull.of([negative(3.0), negative(1.0), negative(3.0), negative(1.0, digest="x" * 64)])
    assert [one.statistic for one in null.negatives] == [1.0, 1.0, 3.0]


def test_the_digest_of_a_scan_is_that_of_its_numbers(entry_of):
    spectrum = entry_of("acetone").spectrum
    assert spectrum_digest(spectrum) == spectrum_digest(replace(spectrum, history=("other words",)))
    assert spectrum_digest(spectrum) != spectrum_digest(replace(spectrum, intensity=spectrum.intensity * 2))


def test_p_values_have_their_floor_and_thresholds_keep_their_rate():
    null = MeasuredNull.of([negative(float(value)) for value in range(1, 100)])
    assert null.p_value(1000.0) == pytest.approx(0.01)
    assert null.p_value(0.0) == 1.0
    assert null.tests(0.01)
    assert not null.tests(0.0099)
    for rate in (0.01, 0.02, 0.1, 0.5):
        threshold = null.threshold(rate)
        assert null.p_value(threshold) <= rate
        assert null.p_value(np.nextafter(threshold, 0.0)) > rate
    with pytest.raises(ValueError, match="99 negatives cannot test a rate of 0.001"):
        null.threshold(0.001)
    assert not MeasuredNull(()).tests(0.5)


@pytest.fixture(scope="module")
def simulated(raman_set):
    """A method of few references whose simulated table is known: 0, 1, … 599 at every share of noise."""
    maxima, shares = np.arange(600.0), np.full(600, 0.5)
    return Method(
        name="known",
        version=1,
        library_name="x",
        library_digest="0" * 64,
        sets={Technique.RAMAN: raman_set.subset([0, 1, 2])},
        nulls={Technique.RAMAN: ordered_table(maxima, shares, 0)},
        watch_list=(WatchItem("Metamizole"),),
        false_alarm_rate=0.05,
    )


def test_too_few_negatives_are_a_check_only(simulated):
    few = MeasuredNull.of([negative(1e6), negative(2e6)])
    checked = replace(simulated, measured={Technique.RAMAN: few})
    assert checked.threshold(Technique.RAMAN) == simulated.threshold(Technique.RAMAN)
    assert checked.p_value(Technique.RAMAN, 5e5) == simulated.p_value(Technique.RAMAN, 5e5)
    assert checked.null_counts(Technique.RAMAN) == (600, 2)
    assert checked.digest != simulated.digest


@pytest.mark.parametrize("level", [0.0, 1e6])
def test_enough_negatives_can_only_raise_the_threshold(simulated, level):
    many = MeasuredNull.of([negative(level + k) for k in range(40)])
    both = replace(simulated, measured={Technique.RAMAN: many})
    expected = max(simulated.threshold(Technique.RAMAN), many.threshold(0.05))
    assert both.threshold(Technique.RAMAN) == expected
    for statistic in (0.0, 10.0, 300.0, level + 20.0, 2e6):
        p = both.p_value(Technique.RAMAN, statistic)
        assert p == max(simulated.p_value(Technique.RAMAN, statistic), many.p_value(statistic))
        assert (p <= 0.05) == (statistic >= both.threshold(Technique.RAMAN))


def test_the_promise_is_divided_within_itself(simulated):
    planned = replace(simulated, planned_scans=3)
    assert sum(planned.scan_rate(k) for k in range(1, 1000)) <= planned.false_alarm_rate
    assert planned.scan_rate(1) == planned.scan_rate(3) > planned.scan_rate(4)
    assert planned.search_rate(Technique.RAMAN) == planned.scan_rate(1), "no class shares it"
    assert planned.digest != simulated.digest


def test_an_untrained_class_has_no_threshold(simulated):
    assert simulated.class_model(Technique.RAMAN, "nitazene") is None
    with pytest.raises(MethodError, match="no trained model of nitazene"):
        simulated.class_threshold(Technique.RAMAN, "nitazene")


@pytest.mark.parametrize(
    "wrong", [{"false_alarm_rate": 0.0}, {"false_alarm_rate": 1.0}, {"planned_scans": 0}]
)
def test_what_cannot_be_promised_is_refused(wrong):
    with pytest.raises(MethodError, match="cannot be promised"):
        fit(starter_entries(), name="x", library_name="x", library_digest="x", **wrong)
