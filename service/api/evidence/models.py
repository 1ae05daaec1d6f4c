"""What stands behind a result, as it goes over the wire."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ResultCurve(BaseModel):
    """One component of the fit."""

    substance: str = Field(description="As the result names it; a name it withholds is withheld here too.")
    reference_id: str = Field(description="Empty for the blank, and for what is not named.")
    role: Literal["content", "container"]
    intensity: list[float]


class ResultCurves(BaseModel):
    """The scan of a result, what explains it and what is left over, in shares of its strongest band."""

    result_id: str
    axis_cm1: list[float] = Field(description="The axis of all curves, cm⁻¹, ascending.")
    query: list[float] = Field(description="The scan after the recipe, baseline removed.")
    fit: list[float] | None = Field(description="Sum of the components; null where it cannot be computed.")
    components: list[ResultCurve]
    residual: list[float] | None = Field(description="What the fit leaves.")
    baseline_removed: Literal[True] = True
    x_label: str = Field(examples=["Raman shift (cm⁻¹)"])
    complete: bool = Field(description="Whether everything could be computed again.")
    why: str = Field(description="Where it comes from, or why parts are missing, in a sentence.")


class BundleQuery(BaseModel):
    """What goes into a bundle."""

    model_config = ConfigDict(extra="forbid")

    people: bool = Field(False, description="Whether it names the operator.")


class ReportQuery(BaseModel):
    """What goes into a report."""

    model_config = ConfigDict(extra="forbid")

    people: bool = Field(True, description="Whether it names the operator, to those who may know.")
