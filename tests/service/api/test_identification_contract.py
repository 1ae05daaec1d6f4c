"""The contract: models, shipped schema and what `spectra` makes agree."""

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from service import contract
from spectra.answer import Component, Identification, InstrumentState, Quality
from spectra.reasons import REASONS, Verdict
from spectra.values import Technique

Maker = Callable[..., dict[str, Any]]


def both_say(value: Any) -> bool:
    """Return whether models and schema take a value; fail when they differ."""
    try:
        contract.Identification.model_validate(value)
        taken = True
    except ValidationError:
        taken = False
    schema = json.loads(contract.SCHEMA_PATH.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(value) is taken
    return taken


def test_the_shipped_schema_is_current(tmp_path: Any) -> None:
    assert contract.schema_is_current(), (
        "run: python -c 'from service import contract; contract.write_schema()'"
    )
    assert (
        contract.write_schema(tmp_path / "schema.json").read_text(encoding="utf-8") == contract.schema_text()
    )
    assert not contract.schema_is_current(tmp_path / "none.json")
    jsonschema.Draft202012Validator.check_schema(contract.schema())


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_passes_and_comes_back_unchanged(verdict: Verdict, new_identification: Maker) -> None:
    value = new_identification("a" * 64, verdict.value)
    assert both_say(value)
    assert contract.Identification.model_validate(value).to_json() == value


def test_answers_made_before_there_were_records_of_response_and_resolution_pass(
    new_identification: Maker,
) -> None:
    value = new_identification("a" * 64)
    said = value["provenance"]["calibration"]
    assert set(said) == {"id", "verified_at"}
    assert contract.Identification.model_validate(value).to_json() == value, "nothing is added: digests hold"
    value["provenance"]["calibration"] = InstrumentState("verified", "c" * 64, verification_id="v").to_json()
    assert both_say(value)
    for key in ("verification", "intensity", "resolution"):
        less = copy.deepcopy(value)
        del less["provenance"]["calibration"][key]
        assert both_say(less)
        less["provenance"]["calibration"][key] = None
        assert not both_say(less)


def test_what_spectra_says_fits() -> None:
    component = Component(
        "Ibuprofen",
        "r1",
        "content",
        False,
        "drug",
        "derived",
        1.0,
        3.5,
        0.01,
        1.0,
        -0.5,
        (745,),
        ("x",),
        False,
    )
    answer = Identification(
        source="file.csv",
        scan_id="",
        technique=Technique.FTIR,
        laser_nm=None,
        training=True,
        verdict=Verdict.INCONCLUSIVE,
        reasons=tuple(REASONS),
        components=(component,),
        ranking=({"substance": "Ibuprofen", "reference_id": "r1", "hqi": 0.5},),
        classes=({"class": "nitazene", "detected": False, "p_value": None, "basis": "untrained"},),
        not_excluded=({"substance": "fentanyl", "detectable_share": None},),
        quality=Quality(12.0, False, 0.5, (400.0, 1800.0), 0.9),
        provenance={
            "method": {"name": "m", "version": 1, "digest": "d"},
            "library": {"name": "l", "digest": "d"},
            "recipe": {"name": "r", "digest": "d"},
            "calibration": InstrumentState().to_json(),
            "false_alarm_rate": 0.01,
            "null_count": 300,
            "software": "opioscan 0.1.0",
            "build": "",
        },
        created_at="2026-11-21T12:00:00Z",
    )
    assert both_say(json.loads(json.dumps(answer.to_json())))


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path for key in value for path in ((*at, key), *_paths(value[key], (*at, key)))]
    if isinstance(value, list):
        return [path for index, one in enumerate(value) for path in _paths(one, (*at, index))]
    return []


def test_nothing_may_be_missing_or_added(new_identification: Maker) -> None:
    value = new_identification("a" * 64)
    for path in _paths(value):
        changed = copy.deepcopy(value)
        place = changed
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        assert not both_say(changed), path
        place["unknown"] = 1
        assert not both_say(changed), path


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "safe"},
        {"verdict": "inconclusive", "reasons": []},
        {"reasons": ["Not A Code"]},
        {"technique": "nir"},
        {"laser_nm": -1.0},
        {"laser_nm": "785"},
        {"training": 1},
        {"created_at": "2026-11-21 12:00"},
        {"created_at": "2026-11-21T12:00:00+02:00"},
        {"schema": "opioscan.identification/2"},
        {"components": [{}]},
        {"not_excluded": [{"substance": "fentanyl", "detectable_share": 1.5}]},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], new_identification: Maker) -> None:
    assert not both_say({**new_identification("a" * 64), **changes})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_are_finite(number: float, new_identification: Maker) -> None:
    value = new_identification("a" * 64)
    value["quality"]["snr"] = number
    with pytest.raises(ValidationError):
        contract.Identification.model_validate(value)
