"""Quality control: every code has a spectrum that earns it, and a good spectrum earns none."""

import time
from dataclasses import replace

import numpy as np
import pytest

from library.admission import admit
from library.importing import ImportReport
from library.known_bands import known_bands
from library.quality import check_entries
from library.quality_codes import CODES, REFUSING, Severity
from library.starter import starter_entries
from spectra.references import Grade
from spectra.values import Technique

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def starters():
    return {e.substance.name: e for e in starter_entries() if e.technique is Technique.RAMAN}


@pytest.fixture(scope="module")
def measured(starters):
    """Return a function that makes a measured-looking entry of a starter reference."""

    def make(name, change=lambda x, y: (x, y), *, number=0, entry=None, noise=20.0, **spectrum):
        base = starters[name]
        x = base.spectrum.axis
        y = 20_000 * base.spectrum.intensity + 500 + RNG.normal(0, noise, x.size)
        x, y = change(x, y)
        facts = {"resolution_cm1": None, "history": (), **spectrum}
        made = replace(base.spectrum, axis=x, intensity=y, **facts)
        key = f"raman-{name.lower().replace(' ', '-')}-{number}"
        return replace(base, spectrum=made, grade=Grade.MEASURED, reference_id=key, **(entry or {}))

    return make


def codes(entries, **more):
    return {
        one.reference_id: {f.code for f in one.findings} for one in check_entries(entries, **more).entries
    }


def only(entry):
    (found,) = codes([entry]).values()
    return found


def test_a_good_spectrum_has_no_finding(measured):
    report = check_entries([measured("caffeine"), measured("lactose")])
    assert report.by_severity() == {"refuse": 0, "check": 0, "note": 0, "none": 2}
    assert not report.needs_person
    caffeine = report.entries[0].figures
    assert caffeine.snr > 300
    assert abs(caffeine.shift_cm1) < 1
    assert caffeine.bands_matched >= 10
    assert 5 < caffeine.narrowest_cm1 < 15
    assert caffeine.coverage == 1.0


def spike(x, y):
    return x, y + 8_000.0 * (np.arange(y.size) == 700)


def gap(x, y):
    kept = (x < 900) | (x > 960)
    return x[kept], y[kept]


def part(low, high, every=1):
    def cut(x, y):
        kept = (x >= low) & (x <= high)
        return x[kept][::every], y[kept][::every]

    return cut


def filled(x, y):
    return x, np.where((x > 2000) & (x < 2100), 480.0, y)


CASES = {
    "flat": lambda x, y: (x, np.full(x.size, 7.0)),
    "no_signal": lambda x, y: (x, RNG.normal(100.0, 5.0, x.size)),
    "saturated": lambda x, y: (x, np.minimum(y, np.sort(y)[-9])),
    "weak": lambda x, y: (x, y + RNG.normal(0, 2_000.0, x.size)),
    "out_of_range": part(302, 900),
    "range_short": part(600, 2300),
    "coarse": part(302, 2300, every=6),
    "axis_gap": gap,
    "axis_suspect": lambda x, y: (x + 9.0, y),
    "cosmic_rays": spike,
    "negative": lambda x, y: (x, y - 8_000.0),
    "filled": filled,
    "fluorescent": lambda x, y: (x, y + 4e6 * np.exp(-((x - 900) ** 2) / 1e6)),
}


@pytest.mark.parametrize("code", CASES)
def test_every_fault_of_numbers_is_found(measured, code):
    found = only(measured("caffeine", CASES[code]))
    assert code in found
    # Nothing else of its kind is invented; a short range or noise may be told beside.
    beside = {
        "weak",
        "range_short",
        "axis_gap",
        "coarse",
        "fluorescent",
        "bands_missing",
        "blunt",
        "negative",
    }
    assert found <= {code} | beside


def test_an_axis_off_by_no_constant_is_suspect(measured):
    stretched = measured("caffeine", lambda x, y: (x + 14.0 * (x - 1000.0) / 1000.0, y))
    assert "axis_suspect" in only(stretched)
    (one,) = check_entries([stretched]).entries
    assert one.figures.shift_spread_cm1 > 1


def test_a_small_shift_is_none_and_is_measured(measured):
    (one,) = check_entries([measured("caffeine", lambda x, y: (x + 2.0, y))]).entries
    assert one.figures.shift_cm1 == pytest.approx(2.0, abs=0.3)
    assert not one.findings


def test_another_substance_under_the_name_is_told(measured, starters):
    wrong = replace(measured("lactose"), substance=starters["caffeine"].substance)
    assert "bands_missing" in only(wrong)


def test_said_and_seen_resolution(measured):
    assert "resolution_doubtful" in only(measured("caffeine", resolution_cm1=30.0))
    assert "blunt" in only(measured("mineral oil"))


def test_facts_against_the_table(measured, starters):
    caffeine = starters["caffeine"].substance

    def told(**facts):
        return only(measured("caffeine", entry={"substance": replace(caffeine, **facts)}))

    assert "name_conflict" in told(cas="437-38-7", inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N")
    assert "name_unknown" in told(name="zzz unknown", synonyms=(), cas="", inchikey="")
    assert "control_lowered" in told(name="fentanyl", cas="437-38-7", inchikey="")
    assert "name_variant" in told(name="1,3,7-trimethylxanthine", synonyms=("caffeine",))
    (one,) = check_entries(
        [
            measured(
                "caffeine",
                entry={"substance": replace(caffeine, name="cafeine", synonyms=(), cas="", inchikey="")},
            )
        ]
    ).entries
    assert {f.code: f.numbers for f in one.findings}["name_unknown"]["proposal"] == "caffeine"


def test_pairs_are_told_to_both(measured, starters):
    one = measured("caffeine")
    other = replace(
        measured("caffeine", number=1), substance=replace(starters["lactose"].substance, name="lactose")
    )
    report = check_entries([one, other])
    assert [pair.code for pair in report.pairs] == ["same_or_alike"]
    assert all("same_or_alike" in found for found in codes([one, other]).values())
    same = replace(one, substance=other.substance, reference_id="other")
    assert [pair.code for pair in check_entries([one, same]).pairs] == ["same_numbers"]
    synonyms = check_entries([measured("2-Propanol"), measured("isopropanol")])
    assert [pair.code for pair in synonyms.pairs] == ["duplicate"]
    assert not synonyms.needs_person
    alike = check_entries([measured("Sodium Sulfate"), measured("benzene")])
    assert [pair.code for pair in alike.pairs] == ["alike"]


def test_one_unlike_entry_is_not_held_against_the_others(measured, starters):
    good = [measured("caffeine", number=number) for number in range(3)]
    bad = replace(measured("lactose", number=9), substance=starters["caffeine"].substance)
    found = codes([*good, bad])
    assert "unlike_same_name" in found[bad.reference_id]
    assert all("unlike_same_name" not in found[entry.reference_id] for entry in good)


def test_what_a_library_holds_is_compared_but_not_examined(measured, starters):
    held = measured("caffeine", CASES["saturated"])
    new = replace(
        measured("caffeine", number=1), substance=replace(starters["lactose"].substance, name="lactose")
    )
    report = check_entries([new], held=[held])
    assert [one.reference_id for one in report.entries] == [new.reference_id]
    assert "same_or_alike" in {f.code for f in report.entries[0].findings}


def test_nothing_that_refuses_enters_unless_accepted(measured):
    bad = measured("caffeine", CASES["saturated"])
    good = measured("lactose")
    report = ImportReport((bad, good), files={bad.reference_id: "bad.csv", good.reference_id: "good.csv"})
    found = admit(report)
    assert [entry.reference_id for entry in found.entries] == [good.reference_id]
    (refused,) = found.refused
    assert (refused.file, refused.codes) == ("bad.csv", ("saturated",))
    accepted = admit(report, accepted=["saturated"])
    assert not accepted.refused
    assert accepted.entries[0].spectrum.history == ("imported in spite of: saturated",)
    np.testing.assert_array_equal(accepted.entries[0].spectrum.intensity, bad.spectrum.intensity)
    with pytest.raises(KeyError):
        admit(report, accepted=["everything"])


def test_the_same_spectrum_is_not_kept_twice(measured):
    held = measured("caffeine")
    again = replace(held, reference_id="another identifier")
    (refused,) = admit(ImportReport((again,)), held=[held]).refused
    assert refused.codes == ("held_already",)
    other = replace(held, reference_id="b", substance=replace(held.substance, name="something else"))
    (refused,) = admit(ImportReport((again,)), held=[held, other]).refused
    assert refused.codes == ("held_already",)


def test_the_table_of_codes_speaks():
    assert {code.severity for code in CODES.values()} == set(Severity)
    assert frozenset(code for code, one in CODES.items() if one.severity is Severity.REFUSE) == REFUSING
    for one in CODES.values():
        assert one.text.endswith(".")
        assert one.next_step.endswith(".") or (not one.next_step and one.severity is Severity.NOTE)
    tested = {*CASES, "bands_missing", "resolution_doubtful", "blunt", "name_conflict", "name_unknown"}
    tested |= {"control_lowered", "name_variant", "same_or_alike", "same_numbers", "duplicate", "alike"}
    tested |= {"unlike_same_name", "held_already", "edited_since"}
    assert tested == set(CODES)


def test_infrared_and_tiny_spectra_are_examined_too(make_entry):
    infrared = [entry for entry in starter_entries() if entry.technique is Technique.FTIR]
    assert not check_entries(infrared).needs_person
    (one,) = check_entries([make_entry()]).entries
    assert "out_of_range" in {finding.code for finding in one.findings}
    assert one.figures.snr is None


def test_an_unlike_entry_is_found_among_those_of_its_own_form(measured, starters):
    caffeine = starters["caffeine"].substance
    forms = [("caffeine", "citrate"), ("lactose", "base"), ("benzene", "base")]
    entries = [
        replace(measured(name, number=number), substance=caffeine, form=form)
        for number, (name, form) in enumerate(forms)
    ]
    found = codes(entries)
    assert "unlike_same_name" not in found[entries[0].reference_id]
    assert all("unlike_same_name" in found[entry.reference_id] for entry in entries[1:])


def test_the_table_is_not_made_anew_for_every_entry(starters):
    caffeine = starters["caffeine"].substance
    known_bands(caffeine, Technique.RAMAN)
    began = time.perf_counter()
    for _ in range(200):
        assert known_bands(caffeine, Technique.RAMAN)
    assert time.perf_counter() - began < 0.5  # it took 1.2 s
