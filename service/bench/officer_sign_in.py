"""The page on which officers sign in with badge and PIN, hand over, and sign out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.responses import RedirectResponse, Response

from .guard import check_origin
from .officer_frame import page
from .officer_gate import TheOfficer
from .refusals import WrongBadgeOrPin

routes = APIRouter(include_in_schema=False)

Secret = Annotated[str, Form(max_length=64)]


@routes.get("/sign-in")
def show(officer: TheOfficer) -> Response:
    """Show the form to sign in, or to hand over."""
    return officer.red() or page(officer.bench, "sign_in.html", trouble="")


@routes.post("/sign-in", dependencies=[Depends(check_origin)])
def sign_in(officer: TheOfficer, badge: Secret = "", pin: Secret = "") -> Response:
    """Let an officer in, in place of the one before."""
    if red := officer.red():
        return red
    try:
        officer.bench.signing_in.sign_in(badge, pin)
    except WrongBadgeOrPin as error:
        # What was typed is not shown again.
        return page(officer.bench, "sign_in.html", 403, trouble=str(error))
    return RedirectResponse("/", status_code=303)


@routes.post("/sign-out", dependencies=[Depends(check_origin)])
def sign_out(officer: TheOfficer) -> Response:
    """Leave the bench; a scan under way goes on."""
    officer.bench.signing_in.sign_out()
    return RedirectResponse("/sign-in" if officer.bench.signing_in.offered else "/", status_code=303)
