"""Route of the integrator's page. It needs no token, no script, and loads nothing from elsewhere."""

import re

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from ..events.catalogue import KINDS
from ..events.promise import PROMISE
from ..pages.render import render
from ..parcels.models import STATUS_WORDS
from ..permissions import PERMISSIONS
from ..problems import KINDS as PROBLEMS
from .first_hour import steps_for
from .reference import Group, reference

router = APIRouter(include_in_schema=False)

#: What may stand in commands that people copy: a name or address and a port, and nothing a shell understands.
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_UNKNOWN = "http://127.0.0.1:8480"


@router.get("/docs")
def docs_page(request: Request) -> Response:
    """Show how to connect a parcel system: the first hour, the promises, every operation."""
    return render(
        "docs.html",
        base=base_of(request),
        steps=steps_for(PERMISSIONS),
        statuses=STATUS_WORDS,
        kinds=KINDS,
        promises=PROMISE,
        problems=PROBLEMS,
        groups=_groups(request.app),
        version=request.app.version,
    )


def base_of(request: Request) -> str:
    """Return the address under which the reader reached this server."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else _UNKNOWN


def _groups(app: FastAPI) -> tuple[Group, ...]:
    """Return the reference; made once, because it takes a tenth of a second."""
    if not hasattr(app.state, "reference"):
        app.state.reference = reference(app.openapi())
    found: tuple[Group, ...] = app.state.reference
    return found
