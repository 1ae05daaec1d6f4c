"""The drop desk over HTTP: routes ``/bench/v1/drops…`` for programs, and the officer's pages ``/drops…``.

Both keep the agent's rules: programs carry its token; forms come from our own pages and carry a token that
is good once.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from spectra.values import Presentation

from .answers import verdict_view
from .drop import Answer, DropDesk
from .drop_requests import (
    DiscardRequest,
    DropVerifyRequest,
    JoinRequest,
    OpenRequest,
    RetryRequest,
)
from .guard import check_token
from .officer_frame import page as framed
from .officer_gate import FromAnOfficer, TheOfficer, closed, spend

#: For programs.
api_routes = APIRouter(prefix="/bench/v1/drops")
#: For people.
routes = APIRouter(include_in_schema=False)


def _desk_by_token(request: Request) -> DropDesk:
    check_token(request, request.app.state.token)
    return _desk(request)


def _desk(request: Request) -> DropDesk:
    desk = request.app.state.bench.drops
    assert isinstance(desk, DropDesk)
    return desk


TheDesk = Annotated[DropDesk, Depends(_desk_by_token)]
PageDesk = Annotated[DropDesk, Depends(_desk)]


@api_routes.get("")
def listed(desk: TheDesk) -> Answer:
    """Return waiting scans, folders and quarantine."""
    return desk.described()


@api_routes.get("/settled")
def settled(desk: TheDesk) -> Answer:
    """Return what became of the last scans."""
    return {"drops": desk.settled()}


@api_routes.post("/open")
def open_item(body: OpenRequest, desk: TheDesk) -> Answer:
    """Open an item at the bench."""
    return desk.open_item(body.item)


@api_routes.post("/join")
def join(body: JoinRequest, desk: TheDesk) -> Answer:
    """Make a waiting scan one of the item that is open."""
    return desk.join(**body.model_dump())


@api_routes.post("/verify")
def verify(body: DropVerifyRequest, desk: TheDesk) -> Answer:
    """Take a waiting scan for that of a standard."""
    return desk.verify(body.scan_id, body.standard)


@api_routes.post("/discard")
def discard(body: DiscardRequest, desk: TheDesk) -> Answer:
    """Take a scan off the queue."""
    return desk.discard(body.scan_id, body.reason)


@api_routes.post("/retry")
def retry(_body: RetryRequest, desk: TheDesk) -> Answer:
    """Read what is in quarantine once more."""
    return desk.retry()


class DecisionForm(BaseModel):
    """The form beside one waiting scan: of its fields each button uses some."""

    model_config = ConfigDict(extra="forbid")

    form_token: Annotated[str, Field(max_length=64)] = ""
    scan_id: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[str, Field(max_length=128)] = ""
    presentation: Presentation = Presentation.DIRECT
    blank: Annotated[str, Field(max_length=64)] = ""
    complete: Annotated[str, Field(max_length=8)] = ""
    standard: Annotated[str, Field(max_length=64)] = "polystyrene"
    reason: Annotated[str, Field(max_length=300)] = ""


Decision = Annotated[DecisionForm, Form()]


@routes.get("/drops")
def page(officer: TheOfficer, desk: PageDesk) -> Response:
    """Show what waits."""
    tokens = officer.tokens
    held = desk.described()
    drops = [{**drop, "tokens": [tokens.issue() for _ in range(3)]} for drop in held["drops"]]
    blanks = [blank.name for blank in officer.bench.notes.blanks()]
    values = {**held, "drops": drops, "blanks": blanks, "form_token": tokens.issue()}
    emulated = any(drop.get("emulated") for drop in drops)
    return closed(officer) or framed(officer.bench, "drop_queue.html", emulated=emulated, **values)


@routes.get("/drops/{scan_id}")
def show(scan_id: str, officer: TheOfficer, desk: PageDesk) -> Response:
    """Show what became of a scan."""
    found = desk.drop(scan_id)
    if found is None or found["state"] == "waiting":
        return RedirectResponse("/drops", status_code=303)
    outcome = found["outcome"]
    view = verdict_view(outcome["identification"]) if "identification" in outcome else None
    values = {"drop": found, "outcome": outcome, "view": view}
    return closed(officer) or framed(officer.bench, "drop_outcome.html", **values)


@routes.post("/drops/open", dependencies=[FromAnOfficer])
def page_open(form: Decision, officer: TheOfficer, desk: PageDesk) -> Response:
    """Open an item."""
    spend(officer, form.form_token)
    desk.open_item(form.item)
    return RedirectResponse("/drops", status_code=303)


@routes.post("/drops/join", dependencies=[FromAnOfficer])
def page_join(form: Decision, officer: TheOfficer, desk: PageDesk) -> Response:
    """Join by the officer's word."""
    spend(officer, form.form_token)
    options: dict[str, Any] = {"presentation": form.presentation, "blank": form.blank}
    desk.join(form.scan_id, form.item, complete=form.complete == "yes", **options)
    return RedirectResponse(f"/drops/{form.scan_id}", status_code=303)


@routes.post("/drops/verify", dependencies=[FromAnOfficer])
def page_verify(form: Decision, officer: TheOfficer, desk: PageDesk) -> Response:
    """Check the axis by a standard's scan."""
    spend(officer, form.form_token)
    desk.verify(form.scan_id, form.standard)
    return RedirectResponse(f"/drops/{form.scan_id}", status_code=303)


@routes.post("/drops/discard", dependencies=[FromAnOfficer])
def page_discard(form: Decision, officer: TheOfficer, desk: PageDesk) -> Response:
    """Take a scan off the queue."""
    spend(officer, form.form_token)
    desk.discard(form.scan_id, form.reason)
    return RedirectResponse("/drops", status_code=303)
