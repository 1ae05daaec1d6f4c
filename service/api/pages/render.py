"""Pages made of templates, under one content security policy."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..problems import Problem
from .nav import navigation
from .static_files import static

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.globals.update(static=static, navigation=navigation)

_POLICY = {
    "default-src": "'none'",
    "style-src": "'self' 'nonce-{nonce}'",
    "img-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}

#: What pages with charts may do besides: run scripts of this server, and ask it for data.
_CHARTS = {"script-src": "'self' 'nonce-{nonce}'", "connect-src": "'self'"}


def same_site(request: Request) -> None:
    """Refuse a form that another site sent."""
    # https://www.w3.org/TR/fetch-metadata/: browsers say where a request comes from, over plain HTTP to this
    # machine alone. Elsewhere the origin of a form says it, which all of them send.
    said = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if said is not None:
        own = said in {"same-origin", "none"}
    else:
        own = origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()
    if not own:
        raise Problem("forbidden", "this form was sent by another site")


#: Of a route that takes a form.
FROM_OUR_PAGES = Depends(same_site)


def render(name: str, *, status: int = 200, charts: bool = False, **values: object) -> HTMLResponse:
    """Return a page made of a template, with the headers that every page carries.

    Parameters
    ----------
    name
        Template.
    status
        HTTP status.
    charts
        Whether it draws charts: only such pages may run scripts.
    values
        For the template; ``role`` of who is signed in brings the navigation.
    """
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": policy(nonce, charts=charts),
        "Cache-Control": "no-store",
        # Not no-referrer: with that, browsers send "Origin: null" with forms (Fetch standard).
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    page = _PAGES.get_template(name).render(nonce=nonce, charts=charts, **values)
    return HTMLResponse(page, status, headers)


def policy(nonce: str, *, charts: bool) -> str:
    """Return what a page may load: its own style sheet, and scripts only where charts are drawn."""
    parts = {**_POLICY, **(_CHARTS if charts else {})}
    return "; ".join(f"{name} {sources}" for name, sources in parts.items()).replace("{nonce}", nonce)
