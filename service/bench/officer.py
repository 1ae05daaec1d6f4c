"""The officer's page: scan a barcode, answer what has to be answered, see the verdict.

Every form comes from our own page, carries a token that is good once, and the scan it starts
runs beside it, so that a page is there to stop it from.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, RedirectResponse, Response

from instrument.errors import AcquisitionAborted
from spectra.values import Presentation

from ..errors import UsageError
from . import lights
from .guard import check_origin
from .item import UNLABELLED, clean_label, new_unlabelled
from .officer_frame import PAGES
from .officer_gate import FromAnOfficer, TheOfficer, closed, spend
from .officer_views import Officer
from .refusals import NotConfirmed, PossiblyEnergetic
from .requests import MAX_DELAY_S, ScanRequest

routes = APIRouter(include_in_schema=False)

Word = Annotated[str, Field(max_length=8)]
DeviceName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^:/]+$")]
Delay = Annotated[float, Field(ge=0, le=MAX_DELAY_S, allow_inf_nan=False)]

#: How long a stop waits for its scan to say how it ended, s.
_ENDED_S = 1.0


class ParcelForm(BaseModel):
    """The form of one parcel, or of one more spot of it."""

    model_config = ConfigDict(extra="forbid")

    form_token: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[str, Field(max_length=128)] = ""
    no_label: Word = ""
    device: DeviceName
    presentation: Presentation | None = None
    blank: Annotated[str, Field(max_length=64)] = ""
    spot: Annotated[int, Field(ge=1, le=100)] | None = None
    adaptive: Word = ""
    delay_s: Delay = 0.0
    energetic: Word = ""
    eyewear: Word = ""


Short = Annotated[str, Form(max_length=128)]


class FinishForm(BaseModel):
    """The form that finishes a parcel: its barcode once more, or the word of the officer."""

    model_config = ConfigDict(extra="forbid")

    form_token: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[str, Field(max_length=128)] = ""
    barcode: Annotated[str, Field(max_length=128)] = ""
    sure: Word = ""


@routes.get("/")
def start(officer: TheOfficer, device: str = "", finished: str = "") -> Response:
    """Show the form for the next parcel."""
    return closed(officer) or officer.start(device=device, finished=finished == "yes")


@routes.get("/item/{screening_id}")
def show_visit(screening_id: str, officer: TheOfficer) -> Response:
    """Show a parcel that was scanned at this bench: its spots, its attempts, and what to do next."""
    return closed(officer) or officer.visit(screening_id)


@routes.get("/item/{screening_id}/spot/{spot}")
def next_spot(screening_id: str, spot: int, officer: TheOfficer, device: str = "") -> Response:
    """Show the form for one more scan of a parcel."""
    return closed(officer) or officer.spot(screening_id, max(1, min(spot, 100)), device=device)


@routes.post("/screen", dependencies=[FromAnOfficer])
def screen(form: Annotated[ParcelForm, Form()], officer: TheOfficer) -> Response:
    """Start a scan, once, when everything was answered; an unfinished parcel is asked about first."""
    spend(officer, form.form_token, "nothing was fired again. Start with the next parcel.")
    request = _asked(form, officer)
    open_screening = officer.bench.outbox.screening_of(request.item)
    if form.spot is None and open_screening and officer.bench.attempts.of(open_screening):
        return RedirectResponse(f"/item/{open_screening}", status_code=303)
    return RedirectResponse(f"/run/{officer.runs.start(request)}", status_code=303)


@routes.get("/run/{name}")
def show(name: str, officer: TheOfficer) -> Response:
    """Show a scan under way, or what came of it."""
    run = officer.runs.get(name)
    if run is not None and not run.done:
        # Whoever is at the bench must be able to stop it.
        return officer.red() or officer.show(name, run)
    return closed(officer) or (officer.show(name, run) if run else RedirectResponse("/", status_code=303))


@routes.post("/stop")
async def stop(request: Request, officer: TheOfficer, run: Short = "") -> Response:
    """Stop every scan; needs no token, because stopping must never be refused.

    Nor must it wait for one of the threads that other requests may all hold: it has threads of its own.
    """
    check_origin(request)
    return await asyncio.to_thread(_stopped, officer, run)


def _stopped(officer: Officer, name: str) -> Response:
    officer.bench.abort()
    run = officer.runs.get(name)
    if run is not None and run.wait(_ENDED_S):
        return officer.show(name, run)
    return officer.failed(AcquisitionAborted("stopped"))


@routes.post("/complete", dependencies=[FromAnOfficer])
def complete(form: Annotated[FinishForm, Form()], officer: TheOfficer) -> Response:
    """Finish a parcel whose barcode was scanned again; without that, or with another one, ask first."""
    spend(officer, form.form_token)
    item, barcode = clean_label(form.item), clean_label(form.barcode)
    seen = barcode == item or (not barcode and item.startswith(UNLABELLED))
    if not seen and form.sure != "yes":
        return officer.confirm(item, barcode)
    officer.bench.complete(item)
    if barcode and barcode != item:
        return officer.start(barcode)
    return RedirectResponse("/?finished=yes", status_code=303)


@routes.post("/laser-check", dependencies=[Depends(check_origin)])
def laser_check(officer: TheOfficer) -> Response:
    """Read lasers that may be on back as off, after somebody turned the key."""
    lights.check_off(officer.bench.devices.known())
    return RedirectResponse("/", status_code=303)


@routes.get("/static/bench.css")
def style() -> Response:
    """Return the style sheet."""
    return FileResponse(PAGES / "static" / "bench.css", media_type="text/css")


def _asked(form: ParcelForm, officer: Officer) -> ScanRequest:
    if form.energetic == "yes":
        raise PossiblyEnergetic("nothing was fired: the sample is dark or possibly energetic")
    item = clean_label(form.item)
    if bool(item) == (form.no_label == "yes"):
        raise UsageError("scan the barcode, or say that the label is missing; not both")
    answered = officer.bench.shift.is_cleared(officer.bench.outbox.screening_of(item))
    if form.energetic != "no" and not answered:
        raise NotConfirmed("nothing was fired: answer whether the sample is dark or possibly energetic")
    return ScanRequest(
        device=form.device,
        item=item or new_unlabelled(),
        blank=form.blank,
        presentation=form.presentation,
        spot=form.spot or 1,
        adaptive=form.adaptive == "yes",
        delay_s=form.delay_s,
        # The officer finishes a parcel after having seen what its spots said.
        keep_open=True,
        asked_on="page",
        eyewear=True if form.eyewear == "yes" else None,
        energetic=False,
    )
