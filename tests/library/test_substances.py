"""Names, the substance table, and equivalents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.equivalents import link_equivalents, synonym_groups
from library.errors import TableError
from library.names import fold_name, slug, split_form
from library.substances import PACKAGING, SubstanceTable, is_controlled
from library.tables import read_table

TABLE = SubstanceTable.shipped()


def test_the_shipped_table_holds_every_row_with_its_source():
    assert len(TABLE.substances) == 244
    assert all(one.jurisdiction == "US" for one in TABLE.substances)
    assert all(one.source for one in TABLE.substances if one.controlled)
    assert all(TABLE.resolve(name) and TABLE.resolve(name).name == name for name in PACKAGING)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Fentanyl", "fentanyl"),
        ("ACETYL_FENTANYL", "acetylfentanyl"),
        ("acetyl-fentanyl", "acetylfentanyl"),
        ("Paracetamol", "acetaminophen"),
        ("isopropanol", "2-Propanol"),
        ("Dimethyl  Sulphoxide", "Dimethylsulfoxide"),
        ("amphetamine sulphate", "amphetamine sulfate"),
        ("3’-Fluorofentanyl", "3'-fluorofentanyl"),
        ("3-fluorofentanyl", "meta-fluorofentanyl"),
        ("U 47700", "U-47700"),
        ("calcium carbonate", "calcium carbonate"),
    ],
)
def test_names_resolve_however_they_are_written(spelling, name):
    assert TABLE.resolve(spelling).name == name


def test_unknown_names_and_salts():
    assert TABLE.resolve("no such thing") is None
    assert TABLE.resolve("") is None
    assert TABLE.resolve("", form="HCl") is None
    assert TABLE.resolve("Cocaine") is None
    assert TABLE.resolve("Cocaine", form="HCl").name == "cocaine hydrochloride"
    assert TABLE.resolve("Amphetamine", form="sulphate").name == "amphetamine sulfate"


def test_identifiers_find_a_substance():
    assert TABLE.by_identifier(inchikey="pjmphniqzubgli-uhfffaoysa-n").name == "fentanyl"
    assert TABLE.by_identifier(cas="437-38-7").name == "fentanyl"
    assert TABLE.by_identifier() is None
    assert TABLE.by_identifier(inchikey="X", cas="1-2-3") is None


def test_schedules_keep_their_confidence_flag():
    assert TABLE.resolve("fentanyl").schedule == "II (from memory, confirm at 21 CFR 1308)"
    assert TABLE.resolve("fentanyl").controlled
    assert not TABLE.resolve("caffeine").controlled


@pytest.mark.parametrize(
    ("schedule", "substance_class", "controlled"),
    [
        ("I", "benign", True),
        ("I (fentanyl-related substance class)", "fentanyl_analogue", True),
        ("II (immediate precursor)", "fentanyl_precursor", True),
        ("Schedule IV", "other_drug", True),
        ("V", "", True),
        ("check", "nitazene", True),
        ("check", "other_drug", True),
        ("check", "cutting_agent", False),
        ("none", "opioid", False),
        ("none (List I chemical)", "fentanyl_precursor", False),
        ("", "fentanyl_analogue", False),
        ("VI", "opioid", True),
        ("Illegal somewhere", "opioid", True),
    ],
)
def test_what_counts_as_controlled(schedule, substance_class, controlled):
    assert is_controlled(schedule, substance_class) is controlled


@pytest.mark.parametrize(
    ("label", "name", "form"),
    [
        ("4-ANPP base", "4-ANPP", "base"),
        ("cocaine_hcl", "cocaine", "hcl"),
        ("base", "base", ""),
        ("Citric Acid", "Citric Acid", ""),
    ],
)
def test_a_form_is_split_off_a_label(label, name, form):
    assert split_form(label) == (name, form)


@given(st.text(st.characters(codec="ascii"), max_size=40), st.sampled_from([" ", "-", "_", "\t", "–"]))
def test_case_and_separators_do_not_matter(name, separator):
    assert fold_name(name.upper()) == fold_name(separator.join(name.lower()))


@given(st.text(max_size=100))
def test_slugs_are_plain_and_short(name):
    assert slug(name).replace("-", "").isalnum()
    assert slug(name).isascii()
    assert len(slug(name)) <= 60


def test_a_damaged_table_is_one_clear_error():
    with pytest.raises(TableError, match="columns"):
        read_table("substances.csv", ["other"])
    with pytest.raises(TableError, match="missing"):
        read_table("nothing.csv", ["other"])


def test_equivalents_are_linked_through_names_and_identifiers(make_entry):
    entries = link_equivalents(
        [
            make_entry("A", cas="50-00-0"),
            make_entry("B", cas="50-00-0", inchikey="K"),
            make_entry("C", inchikey="k"),
            make_entry("a", number=1),
            make_entry("D", synonyms=("the E",)),
            make_entry("The-E"),
            make_entry("F"),
        ]
    )
    assert [entry.equivalents for entry in entries[:3]] == [("a", "B", "C"), ("A", "a", "C"), ("A", "a", "B")]
    assert entries[4].equivalents == ("The-E",)
    assert entries[6].equivalents == ()
    assert ("D", "The-E") in synonym_groups(entries)
    assert link_equivalents(entries) == entries


def test_a_dash_for_no_synonym_joins_nothing(make_entry):
    entries = [make_entry("A", synonyms=("-",)), make_entry("B", synonyms=("–", "B2")), make_entry("C")]
    assert all(entry.equivalents == () for entry in link_equivalents(entries))


@pytest.mark.parametrize(
    "schedule",
    [
        "I",
        "Schedule 2",
        "CII",
        "C-II",
        "2",
        "Class A",
        "BtMG Anlage II",
        "II (US)",
        "S9",
        "controlled",
        "nps act",
    ],
)
def test_every_schedule_of_any_jurisdiction_counts(schedule):
    assert is_controlled(schedule, "")


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        " ",
        "none",
        "None (List I chemical)",
        "not controlled",
        "no",
        "unscheduled",
        "Schedule: none",
        "n/a",
        "-",
    ],
)
def test_what_says_none_is_none(schedule):
    assert not is_controlled(schedule, "")


def test_an_unsettled_schedule_counts_in_watched_classes_alone():
    assert is_controlled("check (2026)", "nitazene")
    assert not is_controlled("check (2026)", "sugar")
