"""A member of a class that the library does not hold, through the whole identification."""

import os
from pathlib import Path

import pytest

from library.importing import import_folder
from spectra.identification import InstrumentState, identify
from spectra.method import fit

pytestmark = pytest.mark.shared

NOW = "2026-11-22T12:00:00Z"
VERIFIED = InstrumentState("verified", "", NOW)


@pytest.fixture(scope="module")
def drugs():
    shared = Path(os.environ["OPIOSCAN_SHARED"])
    listed = (shared / "data/ftir-drugs/manifest.csv").read_text("utf-8").splitlines()
    vapour = {line.split(",")[0] for line in listed if ",GC-IR," in line}
    entries = import_folder(shared / "data/ftir-drugs").entries
    return {e.substance.name: e for e in entries if not any(name in e.source for name in vapour)}


@pytest.fixture(scope="module")
def method(drugs):
    """A method of everything but one analogue."""
    known = [entry for name, entry in drugs.items() if "acetylfentanyl" not in name.casefold()]
    return fit(
        known,
        name="drugs",
        library_name="drugs",
        library_digest="0" * 64,
        watch_list=[],
        draws=300,
        classes=["fentanyl_analogue", "nitazene"],
    )


def classes(answer):
    return {one["class"]: one for one in answer.classes}


def test_an_analogue_the_library_lacks_alarms_by_class(drugs, method):
    unknown = next(entry for name, entry in drugs.items() if "acetylfentanyl" in name.casefold())
    answer = identify(unknown.spectrum, method, now=NOW, state=VERIFIED)
    assert answer.verdict == "alarm_class"
    assert "class_member_unknown" in answer.reasons
    found = classes(answer)["fentanyl_analogue"]
    assert found["detected"]
    assert found["p_value"] <= method.false_alarm_rate
    assert "like members of the class at" in found["basis"]
    assert not any(c.substance_class == "fentanyl_analogue" for c in answer.components)


@pytest.mark.parametrize("name", ["Caffeine", "Lidocaine", "Sodium bicarbonate"])
def test_harmless_references_raise_no_class(drugs, method, name):
    answer = identify(drugs[name].spectrum, method, now=NOW, state=VERIFIED)
    assert not classes(answer)["fentanyl_analogue"]["detected"]
    assert answer.verdict not in {"alarm_class", "alarm_named"}


def test_an_untrained_class_is_never_excluded(drugs, method):
    answer = identify(drugs["Caffeine"].spectrum, method, now=NOW, state=VERIFIED)
    assert classes(answer)["nitazene"]["p_value"] is None
    assert "class_untrained" in answer.reasons
    shares = {one["substance"]: one["detectable_share"] for one in answer.not_excluded}
    assert shares["any nitazene"] is None
    assert shares["any fentanyl analogue"] >= 0.5
