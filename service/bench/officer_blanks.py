"""The officer's page of blanks: taken, listed, renamed, retired."""

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from spectra.values import Presentation

from . import blanks
from .officer import Delay, DeviceName, Word
from .officer_gate import FromAnOfficer, TheOfficer, closed, spend
from .refusals import NotConfirmed
from .requests import BlankName, BlankRequest, Text

routes = APIRouter(prefix="/blanks", include_in_schema=False)

Token = Annotated[str, Field(max_length=64)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    form_token: Token = ""


class BlankForm(_Sent):
    """The form of one blank."""

    device: DeviceName
    name: BlankName
    presentation: Presentation = Presentation.BAG
    origin: Text = ""
    empty: Word = ""
    eyewear: Word = ""
    delay_s: Delay = 0.0


class RenameForm(_Sent):
    """Another name for a blank."""

    name: Text
    new_name: BlankName


class RetireForm(_Sent):
    """A blank to be used no more."""

    name: Text


@routes.get("")
def show(officer: TheOfficer, device: str = "") -> Response:
    """Show the blanks of this bench, and the form for one more."""
    return closed(officer) or officer.blanks(device=device)


@routes.post("/take", dependencies=[FromAnOfficer])
def take(form: Annotated[BlankForm, Form()], officer: TheOfficer) -> Response:
    """Start the scan of what is empty."""
    spend(officer, form.form_token)
    if form.empty != "yes":
        raise NotConfirmed("nothing was fired: confirm that the container is empty")
    request = BlankRequest(
        device=form.device,
        name=form.name.strip(),
        presentation=form.presentation,
        origin=form.origin.strip(),
        delay_s=form.delay_s,
        asked_on="page",
        eyewear=True if form.eyewear == "yes" else None,
    )
    return RedirectResponse(f"/run/{officer.runs.start(request)}", status_code=303)


@routes.post("/rename", dependencies=[FromAnOfficer])
def rename(form: Annotated[RenameForm, Form()], officer: TheOfficer) -> Response:
    """Give a blank another name."""
    spend(officer, form.form_token)
    blanks.rename(officer.bench.notes, form.name, form.new_name.strip())
    return RedirectResponse("/blanks", status_code=303)


@routes.post("/retire", dependencies=[FromAnOfficer])
def retire(form: Annotated[RetireForm, Form()], officer: TheOfficer) -> Response:
    """Use a blank no more."""
    spend(officer, form.form_token)
    blanks.retire(officer.bench.notes, form.name)
    return RedirectResponse("/blanks", status_code=303)
