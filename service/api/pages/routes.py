"""Routes of the pages. They need a sign-in, no script, and load nothing from elsewhere."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from spectra.reasons import Verdict

from ...fleet_words import minute
from ..clock import utc_now
from ..flags.repository import find_flag, review_flag
from ..permissions import Role, allowed
from ..problems import Problem
from ..requests import ThePerson, TheStore
from ..sessions import COOKIE, LIFETIME_S
from ..tokens.repository import find_secret
from .flags import flag_lines
from .fleet import fleet_lines
from .latest import LOOKED_THROUGH, LatestQuery, latest_lines, parcels_called
from .render import FROM_OUR_PAGES, render
from .told import STATES, verdict_words

router = APIRouter(include_in_schema=False)


@router.get("/")
def latest_page(request: Request, person: ThePerson, store: TheStore) -> Response:
    """Show the latest screenings; a scanned label leads to its parcel."""
    query, missing = _latest_query(request), ""
    with store.database.read() as session:
        if query.item and not query.before:
            called = parcels_called(session, query.item)
            if len(called) == 1:
                return RedirectResponse(f"/parcels/{called[0]}", 303)
            if not called:
                query, missing = LatestQuery(), query.item
        latest = latest_lines(session, query)
    chosen = {name: value for name, value in query.model_dump(mode="json").items() if value}
    return render(
        "latest.html",
        latest=latest,
        query=query,
        missing=missing,
        filtered=bool(chosen.keys() - {"item", "before"}),
        older=f"/?{urlencode({**chosen, 'before': latest.before})}" if latest.before else "",
        verdicts=[verdict_words(one) for one in Verdict],
        states=[(state.value, text) for state, text in STATES.items()],
        most=LOOKED_THROUGH,
        role=person.role.value,
    )


def _latest_query(request: Request) -> LatestQuery:
    """Read the filters of the list; what cannot be one is said in words."""
    try:
        return LatestQuery.model_validate({name: one for name, one in request.query_params.items() if one})
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem("invalid", f"{first['loc'][0]}: {first['msg']}"[:300]) from error


@router.get("/fleet")
def fleet_page(person: ThePerson, store: TheStore) -> Response:
    """Show the benches: method, verification, queue, and when each was last heard of."""
    with store.database.read() as session:
        told, newest, lines = fleet_lines(session, store.settings)
    return render(
        "fleet.html", tally=told, newest=newest, lines=lines, now=minute(utc_now()), role=person.role.value
    )


@router.get("/flags")
def flags_page(person: ThePerson, store: TheStore, all: bool = False) -> Response:  # noqa: A002
    """Show the results somebody has to look at again, flag by flag."""
    with store.database.read() as session:
        lines, more = flag_lines(session, reviewed=all)
    may_close = allowed("review_form", person.role)
    return render("flags.html", lines=lines, more=more, all=all, may_close=may_close, role=person.role.value)


@router.post("/flags/{flag_id}", dependencies=[FROM_OUR_PAGES])
def review_form(
    person: ThePerson,
    store: TheStore,
    flag_id: UUID,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Close a flag with a note, from the page."""
    if not note.strip():
        raise Problem("invalid", "note: say what came of the review")
    with store.database.write(person.actor) as change:
        flag = find_flag(change.session, str(flag_id))
        if flag is None:
            raise Problem("not_found", f"no flag {flag_id}")
        review_flag(change, person, flag, note.strip())
    return RedirectResponse("/flags", 303)


@router.get("/login")
def login_page() -> Response:
    """Show the form that takes a token."""
    return render("login.html", message="")


@router.post("/login", dependencies=[FROM_OUR_PAGES])
def login(request: Request, store: TheStore, token: Annotated[str, Form(max_length=128)] = "") -> Response:
    """Sign in with a token; the cookie holds a secret of its own, out of reach of scripts."""
    with store.database.read() as session:
        found = find_secret(session.connection(), token.strip())
        if found is None:
            store.rates.count_wrong(request.client.host if request.client else "")
            return render("login.html", message="This token is unknown, expired or revoked.", status=401)
        if found.scopes is not None or not allowed("latest_page", Role(found.role)):
            what = "with scopes" if found.scopes is not None else f"of the role {found.role}"
            return render("login.html", message=f"A token {what} shows no pages.", status=403)
        secret = store.sessions.open(found.token_id)
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(
        COOKIE, secret, max_age=int(LIFETIME_S), httponly=True, samesite="strict", secure=secure, path="/"
    )
    return answer


@router.post("/logout", dependencies=[FROM_OUR_PAGES])
def logout(request: Request, store: TheStore) -> Response:
    """Sign out."""
    store.sessions.close(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer
