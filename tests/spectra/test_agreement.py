"""Two techniques on one item: how they stand to each other, and what that is worth."""

import pytest

from spectra.agreement import STRUCTURAL_CLASSES, Agreement
from spectra.finding import combine
from spectra.trained import CLASSES


def part(name="fentanyl", kind="fentanyl_analogue", **more):
    return {
        "substance": name,
        "controlled": True,
        "watch_list": True,
        "role": "content",
        "class": kind,
        **more,
    }


def seen(technique, verdict, *parts, detected=(), spot=1):
    return {
        "verdict": verdict,
        "technique": technique,
        "reasons": [],
        "components": list(parts),
        "classes": [{"class": name, "detected": True} for name in detected],
        "spot": spot,
    }


def named(technique, *parts, **more):
    return seen(technique, "alarm_named", *(parts or [part()]), **more)


FENTANYL_CLASS = {"detected": ("fentanyl_analogue",)}
WITHHELD = part("(name withheld)", "other_drug")
COCAINE = part("cocaine", "other_drug")


@pytest.mark.parametrize(
    ("raman", "ftir", "agreement", "says"),
    [
        (named("raman"), None, "one_technique", "Only Raman was used; infrared has not looked"),
        (None, named("ftir"), "one_technique", "Only infrared was used; Raman has not looked"),
        (named("raman"), named("ftir"), "two_techniques_agree", "both name fentanyl"),
        (named("raman"), named("ftir", part("Fentanyl")), "two_techniques_agree", "both name fentanyl"),
        (seen("raman", "no_alarm"), seen("ftir", "no_alarm"), "two_techniques_agree", "Neither"),
        (
            named("raman"),
            seen("ftir", "alarm_class", **FENTANYL_CLASS),
            "two_techniques_consistent",
            "both alarm on the class fentanyl analogue",
        ),
        (
            seen("raman", "alarm_class", **FENTANYL_CLASS),
            seen("ftir", "alarm_class", **FENTANYL_CLASS),
            "two_techniques_consistent",
            "without one name",
        ),
        (
            named("raman"),
            named("ftir", part("acetylfentanyl")),
            "two_techniques_consistent",
            "class fentanyl analogue",
        ),
        (
            named("raman", part("A", "opioid", alternatives=["B"])),
            named("ftir", part("B", "opioid")),
            "two_techniques_consistent",
            "B is named by one",
        ),
        (
            named("raman", COCAINE),
            seen("ftir", "alarm_class", WITHHELD),
            "two_techniques_consistent",
            "class other drug",
        ),
        (
            named("raman"),
            seen("ftir", "alarm_class", detected=("nitazene",)),
            "techniques_differ",
            "different things: fentanyl (Raman) and nitazene (infrared)",
        ),
        (
            named("raman", part("A", "opioid")),
            named("ftir", part("B", "opioid")),
            "techniques_differ",
            "A (Raman) and B (infrared)",
        ),
        (
            named("raman"),
            seen("ftir", "alarm_class", part("(name withheld)", "")),
            "techniques_differ",
            "a name withheld (infrared)",
        ),
        (
            named("raman"),
            seen("ftir", "no_alarm"),
            "techniques_differ",
            "Raman alarms, infrared does not; the",
        ),
        (
            seen("raman", "no_alarm"),
            named("ftir", spot=2),
            "techniques_differ",
            "Infrared alarms, Raman does not, at another spot; the alarm stands",
        ),
        (
            seen("raman", "inconclusive"),
            named("ftir"),
            "one_technique_answers",
            "Only infrared has an answer, Raman is inconclusive",
        ),
        (
            seen("raman", "inconclusive"),
            seen("ftir", "inconclusive"),
            "no_technique_answers",
            "Neither Raman",
        ),
    ],
)
def test_how_two_techniques_stand(raman, ftir, agreement, says):
    finding = combine([one for one in (raman, ftir) if one])
    assert finding.agreement == Agreement(agreement)
    assert says in finding.agreement_text
    assert finding.agreement_text.endswith("another principle is still due.")


def test_a_container_or_a_cut_is_nothing_to_agree_on():
    cut = part("mannitol", "cutting_agent", watch_list=False)
    packed = part("polystyrene", "", role="container")
    finding = combine(
        [named("raman", part(), cut, packed), named("ftir", part("metonitazene", "nitazene"), cut)]
    )
    assert finding.agreement is Agreement.TECHNIQUES_DIFFER
    assert finding.substances == ("fentanyl", "metonitazene")


def test_an_alarm_beside_negatives_of_the_same_technique_is_what_it_says():
    finding = combine([named("raman", spot=2), seen("raman", "no_alarm"), seen("ftir", "no_alarm", spot=2)])
    assert [(one.technique, str(one.verdict)) for one in finding.by_technique] == [
        ("ftir", "no_alarm"),
        ("raman", "alarm_named"),
    ]
    assert finding.agreement is Agreement.TECHNIQUES_DIFFER


def test_classes_that_are_trained_say_how_a_molecule_is_built():
    assert set(CLASSES) == STRUCTURAL_CLASSES
