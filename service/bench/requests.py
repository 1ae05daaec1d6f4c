"""What programs may ask the agent for; unknown fields and numbers out of range are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from spectra.values import Presentation

#: Longest delay of a scan, s (chosen: time enough to close a cabinet; whoever needs more has not begun).
MAX_DELAY_S = 60.0

Text = Annotated[str, Field(max_length=64)]
Device = Annotated[str, Field(min_length=1, max_length=2048)]
Exposure = Annotated[float, Field(gt=0.0, le=600.0, allow_inf_nan=False)]
BlankName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .()+-]+$")]
Number = Annotated[int, Field(ge=1, le=100)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Firing(_Asked):
    """What every scan needs to say."""

    device: Device = Field(description="Name of a configured device, or its URL.")
    exposure_s: Exposure | None = Field(None, description="Exposure of one accumulation; null: automatic.")
    accumulations: Number | None = Field(None, description="Frames; null: what suits the device.")
    delay_s: Annotated[float, Field(ge=0.0, le=MAX_DELAY_S, allow_inf_nan=False)] = Field(
        0.0, description="Countdown before anything fires."
    )
    eyewear: bool | None = Field(None, description="Confirmed for the shift; null: nobody was asked.")
    asked_on: Literal["page", "terminal", "nobody"] = Field(
        "nobody", description="Where a person answered the safety questions."
    )


class SampleRequest(Firing):
    """What every scan of a sample needs to say."""

    blank: Text = Field("", description="Name of a blank; empty for none.")
    presentation: Presentation | None = Field(None, description="Null: as the device is used.")
    spot: Number = 1
    energetic: bool | None = Field(None, description="Dark or possibly energetic; null: nobody was asked.")


class ScanRequest(SampleRequest):
    """Scan a sample of a parcel."""

    item: Text = Field("", description="Item identifier; empty for a missing label.")
    attempt: Number | None = Field(None, description="Null: the next one at that spot.")
    adaptive: bool = Field(False, description="Accumulate until the identification is decided.")
    keep_open: bool = Field(False, description="Leave the screening open for more spots.")
    operator: Text = Field("", description="Who scans, where somebody said; the signed-in officer otherwise.")
    account: Text = Field("", description="Account of the computer that asks, for want of a name.")


class BlankRequest(Firing):
    """Scan an empty container or a cleaned accessory."""

    name: BlankName
    presentation: Presentation | None = Field(None, description="Its kind; null: as the device is used.")
    origin: Text = Field("", description="Where the container comes from, such as a lot.")


class ReferenceRequest(SampleRequest):
    """Scan a sample that is known: no parcel, no screening, no result."""

    substance: Annotated[str, Field(min_length=1, max_length=200)]
    replicate: Number = Field(1, description="Number of the scan at that spot.")
    training: bool = Field(False, description="For a training library: an unverified instrument will do.")


class ReadyRequest(_Asked):
    """Ask whether an instrument may measure references; nothing is fired."""

    device: Device
    training: bool = Field(False, description="For a training library: an unverified instrument will do.")


class VerifyRequest(Firing):
    """Scan a standard, or an empty place, and judge the instrument by it."""

    standard: Annotated[str, Field(min_length=1, max_length=64)] = "polystyrene"
    negative: bool = Field(False, description="Nothing is before the probe, and nothing may be found.")


class CalibrationScanRequest(Firing):
    """Scan a lamp or a standard for a calibration: no parcel, no screening, no result."""

    light: Literal["laser", "off"] = Field("laser", description="Off: a lamp's light; the laser stays off.")
    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="What is measured.")


class CompleteRequest(_Asked):
    """Complete the open screening of an item."""

    item: Annotated[str, Field(min_length=1, max_length=64)]


class RenameRequest(_Asked):
    """Give a blank another name."""

    name: Text
    new_name: BlankName


class RetireRequest(_Asked):
    """Use a blank no more."""

    name: Text


class AbortRequest(_Asked):
    """Stop whatever runs."""
