"""Class models on measured infrared spectra: a few members and the hardest negatives left out."""

import os
from pathlib import Path

import pytest

from library.importing import import_folder
from spectra.class_crossval import crossval
from spectra.class_fit import group_of
from spectra.recipe import default_recipe
from spectra.values import Technique

LEFT_OUT = ("Acetylfentanyl", "Butyrfentanyl", "Lidocaine", "AP-237")


@pytest.mark.shared
def test_analogues_never_seen_are_detected_and_tertiary_amides_are_not():
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data" / "ftir-drugs"
    entries = import_folder(folder).entries
    members = [e for e in entries if e.substance.substance_class == "fentanyl_analogue"]
    others = [e for e in entries if e.substance.substance_class != "fentanyl_analogue"]
    caffeine = [e for e in entries if e.substance.name == "Caffeine"]
    asked = [group_of(e) for e in entries if e.substance.name in LEFT_OUT]
    report = crossval(
        "fentanyl_analogue",
        members,
        others,
        recipe=default_recipe(Technique.FTIR),
        partners=caffeine,
        groups=asked,
        draws=(120, 60),
        rate=0.02,
    )
    assert len(members) == 19
    assert len(report.trials) == 2 * len(LEFT_OUT)
    assert not report.wrong(mixed=False)
    assert not report.wrong(mixed=True)
