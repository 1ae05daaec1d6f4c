"""What a person may decide about dropped scans; unknown fields are refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from spectra.values import Presentation

ScanId = Annotated[str, Field(min_length=4, max_length=64, pattern=r"^[0-9a-f]+$")]
Label = Annotated[str, Field(min_length=1, max_length=128)]


class _Decided(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JoinRequest(_Decided):
    """A waiting scan is of the item that is open at the bench."""

    scan_id: ScanId = Field(description="Its id, or the first digits of it.")
    item: Label = Field(description="Item identifier; a screening of it must be open here.")
    presentation: Presentation = Presentation.DIRECT
    blank: Annotated[str, Field(max_length=64)] = Field("", description="Name of a blank; empty for none.")
    spot: Annotated[int, Field(ge=1, le=100)] = 1
    complete: bool = Field(False, description="Whether this was the last scan of the item.")


class DropVerifyRequest(_Decided):
    """A waiting scan is one of a standard."""

    scan_id: ScanId
    standard: Annotated[str, Field(min_length=1, max_length=64)] = "polystyrene"


class DiscardRequest(_Decided):
    """A waiting scan is of no item and of no use."""

    scan_id: ScanId
    reason: Annotated[str, Field(min_length=3, max_length=300, pattern=r"\S")]


class OpenRequest(_Decided):
    """Open an item at the bench, so that dropped scans may join it."""

    item: Label


class RetryRequest(_Decided):
    """Read what is in quarantine once more."""
