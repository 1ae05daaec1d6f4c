"""Which references may name a controlled substance, and whose reference is taken where two tie."""

import json
from dataclasses import replace

import numpy as np
import pytest

from spectra import steps
from spectra.answer import WITHHELD
from spectra.identification import identify
from spectra.method import Method, WatchItem, may_exclude, may_name, naming_bar
from spectra.recipe import default_recipe
from spectra.references import Authentication, Grade
from spectra.refset import build_reference_set
from spectra.values import Spectrum, Technique

NOW = "2026-11-22T12:00:00Z"
AXIS = np.linspace(310, 2290, 1200)
VOUCHED = Authentication(authenticated_by="B. Second", authenticated_at=NOW, basis="certificate 17")


@pytest.fixture(scope="module")
def controlled(starter):
    """Return the starter entries with one measured entry that a schedule lists, however it is vouched for."""

    def make(**changes):
        return [
            replace(
                entry,
                substance=replace(entry.substance, controlled=True),
                **{"grade": Grade.MEASURED, **changes},
            )
            if entry.substance.name == "Metamizole"
            else entry
            for entry in starter.entries
            if entry.technique is Technique.RAMAN
        ]

    return make


@pytest.fixture(scope="module")
def method_of(training):
    def make(entries, *, train=False):
        return Method(
            name="earnest",
            version=1,
            library_name="x",
            library_digest="x",
            sets={Technique.RAMAN: build_reference_set(entries, default_recipe(Technique.RAMAN))},
            nulls={Technique.RAMAN: training.nulls[Technique.RAMAN]},
            watch_list=(WatchItem("Metamizole"),),
            training=train,
        )

    return make


def scan_of(entry, snr=200.0):
    seen = np.interp(
        AXIS, entry.spectrum.axis, steps.broaden(entry.spectrum.intensity, fwhm=5.0, spacing=1.0)
    )
    noise = np.random.default_rng(0).standard_normal(AXIS.size) / snr
    return Spectrum(AXIS, seen / seen.max() + noise, Technique.RAMAN, laser_nm=785.0)


@pytest.mark.parametrize(
    ("changes", "bar"),
    [
        ({}, "reference_unauthenticated"),
        ({"authentication": VOUCHED}, ""),
        ({"authentication": replace(VOUCHED, emulated=True)}, "reference_unauthenticated"),
        ({"grade": Grade.DERIVED, "authentication": VOUCHED}, "grade_may_not_name"),
        ({"grade": Grade.LITERATURE}, "grade_may_not_name"),
    ],
)
def test_what_may_name_a_controlled_substance(controlled, method_of, changes, bar, entry_of):
    entries = controlled(**changes)
    mine = next(entry for entry in entries if entry.substance.name == "Metamizole")
    assert naming_bar(mine, training=False) == bar
    assert may_name(mine, training=False) is (not bar)
    if mine.grade is Grade.LITERATURE:
        assert not may_name(mine, training=True)
        return
    assert may_name(mine, training=True)
    found = identify(scan_of(entry_of("Metamizole")), method_of(entries), now=NOW)
    told = json.dumps(found.to_json()["components"])
    if bar:
        assert found.verdict == "alarm_class"
        assert {bar, "name_withheld"} <= set(found.reasons)
        assert "Metamizole" not in told
        assert WITHHELD in told
    else:
        assert found.verdict == "alarm_named"
        assert "Metamizole" in told
    trained = identify(scan_of(entry_of("Metamizole")), method_of(entries, train=True), now=NOW)
    assert trained.verdict == "alarm_named"


def test_a_controlled_substance_off_the_watch_list_is_not_named_either(controlled, method_of, entry_of):
    method = replace(method_of(controlled()), watch_list=(WatchItem("Ketoprofen"),))
    found = identify(scan_of(entry_of("Metamizole")), method, now=NOW)
    assert found.verdict not in {"alarm_named", "alarm_class"}
    assert [one.substance for one in found.components] == [WITHHELD]


def test_an_unauthenticated_reference_excludes_all_the_same(controlled, method_of, entry_of):
    method = method_of(controlled())
    found = identify(scan_of(entry_of("lactose")), method, now=NOW)
    (limit,) = [one for one in found.not_excluded if one["substance"] == "Metamizole"]
    assert limit["detectable_share"] is not None
    entry = method.sets[Technique.RAMAN].entries[method.sets[Technique.RAMAN].rows_of("Metamizole")[0]]
    assert may_exclude(entry, training=False)


@pytest.mark.parametrize(("ripple", "first"), [(0.02, True), (0.1, False)])
def test_in_house_references_come_first_on_ties_only(starter, method_of, entry_of, ripple, first):
    entry = entry_of("lactose")
    # The scan is made of the imported one, so that ours always fits a little worse.
    tilt = 1.0 + ripple * np.sin(entry.spectrum.axis / 15.0)
    own = replace(
        entry,
        reference_id="raman-own",
        spectrum=replace(entry.spectrum, intensity=entry.spectrum.intensity * tilt),
        grade=Grade.MEASURED,
        authentication=replace(VOUCHED, scans=("a" * 64,), operators=("A. First",)),
    )
    assert own.in_house
    assert not entry.in_house
    entries = [one for one in starter.entries if one.technique is Technique.RAMAN]
    found = identify(scan_of(entry, snr=60.0), method_of([*entries, own]), now=NOW)
    best = found.components[0]
    assert best.substance == "lactose"
    assert (best.reference_id == "raman-own") is first
