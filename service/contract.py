"""The contract ``opioscan.identification/1``: what every answer of this system looks like.

The models are the source; the JSON Schema beside them (`schemas/identification-1.json`) is
written from them and a test holds the two together. Command line, archive and HTTP API
carry the same object.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spectra.reasons import Verdict

SCHEMA_NAME = "opioscan.identification/1"

#: The shipped JSON Schema (draft 2020-12).
SCHEMA_PATH = Path(__file__).parent / "schemas" / "identification-1.json"

#: RFC 3339 in UTC.
UTC_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|\+00:00)$"

Text = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(min_length=1, max_length=512)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
#: RFC 8785 knows the whole numbers that a double holds exactly (section 3.2.2.3).
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
ReasonCode = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=64)]
UtcTime = Annotated[str, Field(pattern=UTC_TIME, max_length=40)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Component(_Strict):
    """One substance that was found."""

    substance: Name
    reference_id: Text
    role: Literal["content", "container"]
    controlled: bool
    substance_class: Text = Field(alias="class")
    evidence: Literal["measured", "derived", "literature"]
    spectral_share: Share = Field(description="Share of spectral area; neither purity nor composition.")
    statistic: Finite
    p_value: Share
    hqi: Share = Field(description="Squared cosine after the recipe, not mean-centred.")
    shift_cm1: Finite
    bands_cm1: Annotated[list[Finite], Field(max_length=256)]
    alternatives: Annotated[list[Text], Field(max_length=256)]
    watch_list: bool = Field(description="Whether the method watches for it.")


class Ranked(_Strict):
    """One line of the plain ranking by hit quality."""

    substance: Name
    reference_id: Text
    hqi: Share


class ClassEvidence(_Strict):
    """Evidence for a class of substances."""

    substance_class: Name = Field(alias="class")
    detected: bool
    p_value: Share | None
    basis: Text


class NotExcluded(_Strict):
    """A watch-list substance and the share from which this scan would have shown it."""

    substance: Name
    detectable_share: Share | None = Field(description="null: no usable reference, nothing can be said.")


class Quality(_Strict):
    """How good the scan is."""

    snr: Finite
    saturated: bool
    fluorescence_ratio: Finite
    coverage_cm1: Annotated[list[Finite], Field(min_length=2, max_length=2)]
    explained: Share


class MethodRef(_Strict):
    """A released method, by digest."""

    name: Text
    version: Count
    digest: Text


class Named(_Strict):
    """A library or recipe, by digest."""

    name: Text
    digest: Text


class CalibrationRef(_Strict):
    """The calibration records that were in force, and the verification before the scan.

    The three last ones are new: answers without them were made before there were such records.
    """

    id: Text = Field(description="Record of the axis; empty where the device's own axis counted.")
    verified_at: Literal[""] | UtcTime = Field(description="Empty for never.")
    verification: Text = Field(default="", description="Scan of the last verification; empty for none.")
    intensity: Text = Field(default="", description="Record of the intensity response; empty for none.")
    resolution: Text = Field(default="", description="Record of the resolution; empty for none.")


class Provenance(_Strict):
    """Everything the answer depends on."""

    method: MethodRef
    library: Named
    recipe: Named
    calibration: CalibrationRef
    false_alarm_rate: Share
    null_count: Count
    software: Text
    build: Text


def _reason_rule(schema: dict[str, Any]) -> None:
    schema["if"] = {"properties": {"verdict": {"const": "inconclusive"}}}
    schema["then"] = {"properties": {"reasons": {"minItems": 1}}}


class Identification(_Strict):
    """What one scan says, how sure that is, and what the scan could not have seen. Presumptive."""

    model_config = ConfigDict(json_schema_extra=_reason_rule)

    schema_name: Literal["opioscan.identification/1"] = Field(alias="schema")
    source: Annotated[str, Field(max_length=4096)]
    scan_id: Text
    technique: Literal["raman", "ftir"]
    laser_nm: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None
    training: bool
    verdict: Annotated[Verdict, Field(strict=False)]
    reasons: Annotated[list[ReasonCode], Field(max_length=64)]
    components: Annotated[list[Component], Field(max_length=64)]
    ranking: Annotated[list[Ranked], Field(max_length=256)]
    classes: Annotated[list[ClassEvidence], Field(max_length=256)]
    not_excluded: Annotated[list[NotExcluded], Field(max_length=4096)]
    quality: Quality
    provenance: Provenance
    created_at: UtcTime

    @model_validator(mode="after")
    def _inconclusive_says_why(self) -> Self:
        if self.verdict is Verdict.INCONCLUSIVE and not self.reasons:
            raise ValueError("an inconclusive identification needs at least one reason")
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the contract."""
        # What was not said is not added: digests are taken over the object as it was made.
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the contract, as the models say it."""
    body = Identification.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:{SCHEMA_NAME}"}
    return {**head, **body, "title": SCHEMA_NAME}


def schema_text() -> str:
    """Return the JSON Schema as the shipped file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def write_schema(path: Path = SCHEMA_PATH) -> Path:
    """Write the JSON Schema; to be called after a change of the models."""
    path.write_text(schema_text(), encoding="utf-8")
    return path


def schema_is_current(path: Path = SCHEMA_PATH) -> bool:
    """Whether the shipped JSON Schema says what the models say."""
    return path.exists() and path.read_text(encoding="utf-8") == schema_text()
