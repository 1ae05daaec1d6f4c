"""Names of one substance have one key."""

import numpy as np
import pytest

from library.substances import SubstanceTable
from service.known_names import KnownNames
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.values import Spectrum, Technique

SPECTRUM = Spectrum(axis=np.arange(400.0, 500.0), intensity=np.ones(100), technique=Technique.RAMAN)
TABLE = SubstanceTable(
    [
        Substance("paracetamol", ("acetaminophen", "APAP"), "cutting_agent"),
        Substance("fentanyl", ("fentanil",), "fentanyl_analogue"),
    ]
)


def entry(name, *, synonyms=(), equivalents=(), substance_class="unknown"):
    substance = Substance(name, synonyms, substance_class)
    return ReferenceEntry(name, substance, SPECTRUM, Grade.MEASURED, equivalents=equivalents)


@pytest.fixture
def names():
    return KnownNames(
        [
            entry("2-Propanol", equivalents=("isopropanol",), substance_class="solvent"),
            entry("isopropanol", equivalents=("2-Propanol",)),
            entry("Acetaminophen"),
            entry("Mineral Oil", synonyms=("alkanes", "isopropanol")),
        ],
        TABLE,
    )


def test_equivalents_and_spellings_are_one(names):
    assert names.key("2-propanol") == names.key("Iso Propanol") == names.key("ISOPROPANOL")
    assert names.key("2-Propanol") != names.key("Acetaminophen")


def test_a_preferred_name_wins_over_a_synonym(names):
    assert names.key("alkanes") == names.key("mineral oil") != names.key("isopropanol")


def test_the_table_leads_to_a_reference_of_another_name(names):
    assert names.key("APAP") == names.key("paracetamol") == names.key("acetaminophen")
    assert names.held("apap")


def test_what_the_library_lacks_has_a_key_but_is_not_held(names):
    assert names.key("Fentanil") == names.key("fentanyl")
    assert not names.held("fentanyl")
    assert not names.held("something else")
    assert names.key("something else") == "somethingelse"


def test_classes_come_from_references_and_the_table(names):
    assert names.class_of("isopropanol") == "solvent"
    assert names.class_of("fentanil") == "fentanyl_analogue"
    assert names.class_of("Mineral Oil") == ""


def test_the_shipped_table_is_the_default():
    assert KnownNames([]).class_of("carfentanil") == "fentanyl_analogue"
