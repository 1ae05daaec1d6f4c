"""The sandbox as it goes over the wire."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..parcels.advance import ADVANCE_EXAMPLE, Advance


class SandboxBody(BaseModel):
    """A simulated parcel; its label is made up."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{}, {"advance": ADVANCE_EXAMPLE}]}
    )

    advance: Advance | None = Field(None, description="As a real parcel would come with.")


class Outcome(StrEnum):
    """How a simulated screening goes."""

    NO_ALARM = "no_alarm"
    ALARM_NAMED = "alarm_named"
    ALARM_CLASS = "alarm_class"
    INCONCLUSIVE = "inconclusive"
    OPEN = "open"
    QUEUED_OFFLINE = "queued_offline"
    LATE_ALARM = "late_alarm"


class PlayBody(BaseModel):
    """How the simulated screening of a sandbox parcel is to go."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"outcome": "no_alarm"}, {"outcome": "alarm_named"}]},
    )

    outcome: Annotated[Outcome, Field(strict=False)] = Field(
        description="`no_alarm`, `alarm_named`, `alarm_class`, `inconclusive`: the whole screening, with "
        "that verdict. `open`: it begins and is not completed. `queued_offline`: it begins at a bench "
        "that is cut off; play another outcome afterwards to let its results arrive. `late_alarm`: a "
        "result that alarms reaches the last completed screening, which is amended."
    )
