"""Who may send the forms of the officer's page: our own pages, once each, and an officer who is signed in."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from instrument.errors import LaserMayBeOn

from . import lights
from .guard import check_origin
from .officer_views import Officer
from .refusals import FormUsed


async def the_officer(request: Request) -> Officer:
    """Return the views of the agent that serves a request; needs no thread, so that a stop waits for none."""
    officer = request.app.state.officer
    assert isinstance(officer, Officer)
    return officer


TheOfficer = Annotated[Officer, Depends(the_officer)]


def closed(officer: Officer) -> Response | None:
    """Return the page that stands in for every other one: the red page, or the one to sign in on."""
    if red := officer.red():
        return red
    signing_in = officer.bench.signing_in
    if signing_in.required and not signing_in.officer:
        return RedirectResponse("/sign-in", status_code=303)
    signing_in.touch()
    return None


def check_form(request: Request, officer: TheOfficer) -> None:
    """Refuse a form of another site, any form while a laser may be on, and one that nobody signed in for."""
    check_origin(request)
    if alarm := lights.alarm(officer.bench.devices.known()):
        raise LaserMayBeOn(alarm)
    officer.bench.signing_in.need()
    officer.bench.signing_in.touch()


FromAnOfficer = Depends(check_form)


def spend(officer: Officer, token: str, words: str = "nothing was done again") -> None:
    """Use up the token of a form; raises `FormUsed` for one that is used up, or of the officer before."""
    if not officer.tokens.spend(token):
        raise FormUsed(f"this form was sent before, or belongs to the officer before; {words}")
