"""The officer's page: scan a barcode, answer what has to be answered, see the verdict.

Every form comes from our own page, carries a token that is good once, and the scan it starts
runs beside it, so that a page is there to stop it from.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, RedirectResponse, Response

from instrument.errors import AcquisitionAborted
from spectra.values import Presentation

from ..errors import UsageError
from . import lights
from .guard import check_origin
from .item import clean_label
from .officer_views import PAGES, Officer
from .refusals import FormUsed, NotConfirmed, PossiblyEnergetic
from .requests import ScanRequest

routes = APIRouter(include_in_schema=False)

Word = Annotated[str, Field(max_length=8)]


class ParcelForm(BaseModel):
    """The form of one parcel."""

    model_config = ConfigDict(extra="forbid")

    form_token: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[str, Field(max_length=128)] = ""
    no_label: Word = ""
    device: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^:/]+$")]
    presentation: Presentation = Presentation.DIRECT
    blank: Annotated[str, Field(max_length=64)] = ""
    energetic: Word = ""
    eyewear: Word = ""
    keep_open: Word = ""


def _the_officer(request: Request) -> Officer:
    officer = request.app.state.officer
    assert isinstance(officer, Officer)
    return officer


TheOfficer = Annotated[Officer, Depends(_the_officer)]


@routes.get("/")
def start(officer: TheOfficer) -> Response:
    """Show the form for the next parcel."""
    return officer.red() or officer.start()


@routes.post("/screen", dependencies=[Depends(check_origin)])
def screen(form: Annotated[ParcelForm, Form()], officer: TheOfficer) -> Response:
    """Start a scan, once, when everything was answered."""
    if red := officer.red():
        return red
    if not officer.tokens.spend(form.form_token):
        raise FormUsed("this form was sent before; nothing was fired again. Start with the next parcel.")
    return RedirectResponse(f"/run/{officer.runs.start(_asked(form))}", status_code=303)


@routes.get("/run/{name}")
def show(name: str, officer: TheOfficer) -> Response:
    """Show a scan under way, or what came of it."""
    run = officer.runs.get(name)
    return officer.red() or (officer.show(run) if run else RedirectResponse("/", status_code=303))


@routes.post("/stop", dependencies=[Depends(check_origin)])
def stop(officer: TheOfficer) -> Response:
    """Stop every scan; needs no token, because stopping must never be refused."""
    officer.bench.abort()
    return officer.failed(AcquisitionAborted("stopped"))


@routes.post("/complete", dependencies=[Depends(check_origin)])
def complete(
    officer: TheOfficer, form_token: Annotated[str, Form()] = "", item: Annotated[str, Form()] = ""
) -> Response:
    """Complete a screening that was left open."""
    if not officer.tokens.spend(form_token):
        raise FormUsed("this form was sent before; nothing was done again")
    officer.bench.complete(item)
    return RedirectResponse("/", status_code=303)


@routes.post("/laser-check", dependencies=[Depends(check_origin)])
def laser_check(officer: TheOfficer) -> Response:
    """Read lasers that may be on back as off, after somebody turned the key."""
    lights.check_off(officer.bench.devices.known())
    return RedirectResponse("/", status_code=303)


@routes.get("/static/bench.css")
def style() -> Response:
    """Return the style sheet."""
    return FileResponse(PAGES / "static" / "bench.css", media_type="text/css")


def _asked(form: ParcelForm) -> ScanRequest:
    if form.energetic == "yes":
        raise PossiblyEnergetic("nothing was fired: the sample is dark or possibly energetic")
    if form.energetic != "no":
        raise NotConfirmed("nothing was fired: answer whether the sample is dark or possibly energetic")
    item = clean_label(form.item)
    if bool(item) == (form.no_label == "yes"):
        raise UsageError("scan the barcode, or say that the label is missing; not both")
    return ScanRequest(
        device=form.device,
        item=item,
        blank=form.blank,
        presentation=form.presentation,
        keep_open=form.keep_open == "yes",
        asked_on="page",
        eyewear=True if form.eyewear == "yes" else None,
        energetic=False,
    )
