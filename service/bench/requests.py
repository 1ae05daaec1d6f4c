"""What programs may ask the agent for; unknown fields and numbers out of range are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from spectra.values import Presentation

Text = Annotated[str, Field(max_length=64)]
Device = Annotated[str, Field(min_length=1, max_length=2048)]
Exposure = Annotated[float, Field(gt=0.0, le=600.0, allow_inf_nan=False)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Firing(_Asked):
    """What every scan needs to say."""

    device: Device = Field(description="Name of a configured device, or its URL.")
    exposure_s: Exposure | None = Field(None, description="Exposure of one accumulation; null: automatic.")
    accumulations: Annotated[int, Field(ge=1, le=100)] = 3
    eyewear: bool | None = Field(None, description="Confirmed for the shift; null: nobody was asked.")
    asked_on: Literal["page", "terminal", "nobody"] = Field(
        "nobody", description="Where a person answered the safety questions."
    )


class ScanRequest(Firing):
    """Scan a sample of a parcel."""

    item: Text = Field("", description="Item identifier; empty for a missing label.")
    blank: Text = Field("", description="Name of a blank; empty for none.")
    presentation: Presentation = Presentation.DIRECT
    spot: Annotated[int, Field(ge=1, le=100)] = 1
    attempt: Annotated[int, Field(ge=1, le=100)] = 1
    energetic: bool | None = Field(None, description="Dark or possibly energetic; null: nobody was asked.")
    keep_open: bool = Field(False, description="Leave the screening open for more spots.")


class BlankRequest(Firing):
    """Scan an empty container."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .()+-]+$")]
    presentation: Presentation = Field(Presentation.BAG, description="What kind of container it is.")


class VerifyRequest(Firing):
    """Scan a standard and check the axis."""

    standard: Annotated[str, Field(min_length=1, max_length=64)] = "polystyrene"


class CompleteRequest(_Asked):
    """Complete the open screening of an item."""

    item: Annotated[str, Field(min_length=1, max_length=64)]


class AbortRequest(_Asked):
    """Stop whatever runs."""
