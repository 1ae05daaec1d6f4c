"""Everything that can go wrong in a request, as RFC 9457 problem objects of one shape."""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .. import problems as shared
from ..errors import ArchiveError, DiskFull, EvidenceDamaged, EvidenceMissing
from .errors import StoreBusy, StoreUnreachable, TextUnfit, WebhookKeyUnusable
from .guards.methods import allowed_methods

_LOG = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
METHOD_NOT_ALLOWED = 405


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem."""

    status: int
    """HTTP status."""
    title: str
    """The same sentence for every occurrence."""


#: Errors that other parts of the system answer with as well, under the same code.
_SHARED = (
    shared.UNEXPECTED,
    *(
        shared.KINDS[name]
        for name in (
            "service.api.errors.StoreBusy",
            "service.api.errors.StoreUnreachable",
            "service.api.errors.TextUnfit",
            "service.api.errors.WebhookKeyUnusable",
            "service.errors.ArchiveError",
            "service.errors.DiskFull",
            "service.errors.ScanDamaged",
            "service.errors.EvidenceDamaged",
            "service.errors.EvidenceMissing",
        )
    ),
)

#: Code → kind. Codes are kept for ever; clients decide by them.
KINDS: dict[str, Kind] = {
    **{kind.code: Kind(kind.status, kind.title) for kind in _SHARED},
    "bad_request": Kind(400, "The request cannot be understood"),
    "bad_cursor": Kind(400, "The cursor is none of this list"),
    "bad_key": Kind(400, "The Idempotency-Key is missing or malformed"),
    "unauthenticated": Kind(401, "A valid bearer token is needed"),
    "forbidden": Kind(403, "The token's role does not allow this"),
    "not_found": Kind(404, "There is nothing here"),
    "method_not_allowed": Kind(405, "The method is not allowed here"),
    "timeout": Kind(408, "The body did not arrive in time"),
    "conflict": Kind(409, "The identifier is taken by another content"),
    "key_reused": Kind(409, "The Idempotency-Key was used with another request"),
    "scan_missing": Kind(409, "The scan that the result names is not in the archive"),
    "screening_missing": Kind(409, "The screening that the result names is not known"),
    "scan_mismatch": Kind(409, "The scan does not belong to this result"),
    "bench_taken": Kind(409, "The bench reports with another token"),
    "token_taken": Kind(409, "The token reports for another bench"),
    "nothing_screened": Kind(409, "A screening without a result cannot be completed"),
    "operations_overlap": Kind(409, "Another operation runs there at the same time"),
    "not_reviewed": Kind(409, "This is never reviewed"),
    "merged": Kind(409, "The parcel is known to be another one"),
    "not_provisional": Kind(409, "Only a provisional parcel is merged without a technician"),
    "sandbox_only": Kind(409, "What is simulated and what is real do not mix"),
    "not_standing": Kind(409, "What is superseded no longer stands"),
    "ambiguous": Kind(409, "The name begins more than one"),
    "precondition_failed": Kind(412, "It was changed since it was read"),
    "too_large": Kind(413, "The body is too large"),
    "invalid": Kind(422, "The request does not fit the contract"),
    "rate_limited": Kind(429, "Too many requests"),
    "digest_mismatch": Kind(422, "The bytes do not match their content address"),
    "precondition_required": Kind(428, "Say what state is to be changed"),
    "address_refused": Kind(422, "Nothing may be sent to that address"),
    "too_many_streams": Kind(503, "Too many event streams are open"),
    "not_ready": Kind(503, "The server is not ready"),
}

_BY_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    429: "rate_limited",
    503: "not_ready",
}


class InvalidPart(BaseModel):
    """A part of the request that does not fit."""

    pointer: str = Field(description="Where, as a JSON pointer after body, query, path or header.")
    message: str = Field(description="What is wrong there.")


class ProblemView(BaseModel):
    """A problem object (RFC 9457) with the code that clients decide by."""

    type: str = Field(examples=["urn:opioscan:problem:scan_missing"])
    title: str = Field(examples=["The scan that the result names is not in the archive"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["send PUT /api/v1/scans/{sha256} first"])
    instance: str = Field(description="This occurrence, as the server's log names it.")
    code: str = Field(examples=["scan_missing"])
    errors: list[InvalidPart] | None = None


class Problem(HTTPException):
    """A request that cannot be done; becomes a problem object.

    Parameters
    ----------
    code
        A key of `KINDS`.
    detail
        What, where, and what to do, in one line.
    """

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(KINDS[code].status, detail, headers)
        self.code = code


class SignInFirst(Exception):
    """Somebody nobody knows asks for a page; the answer leads to the form."""


def problem_response(
    code: str,
    detail: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
    instance: str = "",
) -> JSONResponse:
    """Return the answer for a problem."""
    kind = KINDS[code]
    body: dict[str, Any] = {
        "type": f"urn:opioscan:problem:{code}",
        "title": kind.title,
        "status": status or kind.status,
        "detail": detail,
        "instance": instance or _instance(),
        "code": code,
    }
    if errors is not None:
        body["errors"] = errors
    return JSONResponse(body, status or kind.status, dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of an application a problem object."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(SignInFirst, _form)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(rfc8785.CanonicalizationError, _no_canonical_form)
    app.add_exception_handler(ArchiveError, _archive)
    app.add_exception_handler(EvidenceDamaged, _evidence)
    app.add_exception_handler(EvidenceMissing, _evidence)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(StoreBusy, _busy)
    app.add_exception_handler(StoreUnreachable, _unreachable)
    app.add_exception_handler(TextUnfit, _unfit)
    app.add_exception_handler(WebhookKeyUnusable, _key)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(Exception, _unexpected)


def _instance() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == METHOD_NOT_ALLOWED:
        # The framework tells the methods of one route; a path can have several (RFC 9110, section 10.2.1).
        all_of_them = allowed_methods(request.app.openapi(), request.scope["path"])
        error.headers = {"Allow": all_of_them} if all_of_them else error.headers
    code = error.code if isinstance(error, Problem) else _BY_STATUS.get(error.status_code, "bad_request")
    if _is_for_people(request):
        return _page(code, str(error.detail), error.status_code, error.headers)
    return problem_response(code, str(error.detail), status=error.status_code, headers=error.headers)


def _form(_: Request, error: Exception) -> Response:
    return RedirectResponse("/login", 303)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    known = request.app.openapi()["paths"].get(request.scope["path"])
    if known is not None and request.method.lower() not in known:
        # A route with a parameter in its path took it for a path of its own.
        return _http(request, HTTPException(METHOD_NOT_ALLOWED))
    parts = [
        {"pointer": "/".join(str(step)[:80] for step in one["loc"]), "message": str(one["msg"])[:200]}
        for one in error.errors()[:20]
    ]
    first = f"{parts[0]['pointer']}: {parts[0]['message']}" if parts else "the request is malformed"
    if _is_for_people(request):
        return _page("invalid", first, KINDS["invalid"].status)
    return problem_response("invalid", first, errors=parts)


def _gone(_: Request, __: Exception) -> JSONResponse:
    # Nobody is left to read it; a network that fails is no fault of the server's.
    return problem_response("bad_request", "the connection ended within the body")


def _no_canonical_form(_: Request, error: Exception) -> JSONResponse:
    return problem_response("invalid", f"it holds a number that RFC 8785 cannot write: {str(error)[:200]}")


def _is_for_people(request: Request) -> bool:
    """Whether somebody at a browser asked for a page; programs that ask for one are told in JSON."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def _page(code: str, detail: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    # The pages need this module.
    from .pages.render import render

    page = render("problem.html", status=status, title=KINDS[code].title, detail=detail)
    page.headers.update(headers or {})
    return page


def _archive(_: Request, error: Exception) -> JSONResponse:
    instance = _instance()
    _LOG.error("%s: %s", instance, error)
    if isinstance(error, DiskFull):
        return problem_response("disk_full", "try again when there is room", instance=instance)
    detail = "the archive cannot give or take these bytes; the server's log says why"
    return problem_response("archive_error", detail, instance=instance)


def _evidence(_: Request, error: Exception) -> JSONResponse:
    code = "evidence_damaged" if isinstance(error, EvidenceDamaged) else "evidence_missing"
    return problem_response(code, " ".join(str(error).split())[:300])


def _busy(_: Request, error: Exception) -> JSONResponse:
    return problem_response("store_busy", str(error), headers={"Retry-After": "1"})


def _unreachable(_: Request, error: Exception) -> JSONResponse:
    instance = _instance()
    _LOG.error("%s: %s", instance, error)
    detail = "the database does not answer; the server's log says why, try again"
    return problem_response("store_unreachable", detail, headers={"Retry-After": "5"}, instance=instance)


def _unfit(_: Request, error: Exception) -> JSONResponse:
    return problem_response("text_unfit", str(error))


def _key(_: Request, error: Exception) -> JSONResponse:
    instance = _instance()
    _LOG.error("%s: %s", instance, error)
    detail = "the server's key for webhooks cannot be used; its log says why"
    return problem_response("webhook_key_unusable", detail, instance=instance)


def _database(request: Request, error: Exception) -> JSONResponse:
    text = str(getattr(error, "orig", error))
    if "locked" in text or "busy" in text:
        return problem_response(
            "store_busy", "the database is in use; try again", headers={"Retry-After": "1"}
        )
    if "full" in text:
        return problem_response("disk_full", "try again when there is room")
    return _unexpected(request, error)


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    instance = _instance()
    _LOG.error("%s", instance, exc_info=error)
    return problem_response("internal_error", f"look for {instance} in the server's log", instance=instance)
