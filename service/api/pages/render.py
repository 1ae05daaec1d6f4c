"""Pages made of templates, under one content security policy."""

import secrets
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..problems import Problem

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


def same_site(request: Request) -> None:
    """Refuse a form that another site sent."""
    # https://www.w3.org/TR/fetch-metadata/: browsers say where a request comes from.
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise Problem("forbidden", "this form was sent by another site")


def render(name: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page made of a template, with the headers that every page carries."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(_PAGES.get_template(name).render(nonce=nonce, **values), status, headers)
