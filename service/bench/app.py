"""The agent's HTTP side for programs: ``/bench/v1/…`` with a bearer token, problems as RFC 9457."""

import asyncio
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from calibration.errors import CalibrationError
from instrument.errors import InstrumentError
from instrument.interfaces import StopCheck
from library.errors import LibraryError
from spectra.errors import SpectraError

from ..errors import ServiceError, UsageError
from ..problems import UNEXPECTED, kind_of, problem_of
from . import blanks as blank_rules
from .agent import Answer, Bench
from .answers import problem_response
from .drop_pages import api_routes as drop_routes
from .drop_pages import routes as officer_drop_routes
from .guard import Gate, check_token
from .impact_routes import routes as impact_routes
from .item import clean_label
from .officer import routes as officer_routes
from .officer_blanks import routes as officer_blank_routes
from .officer_sign_in import routes as sign_in_routes
from .officer_views import Officer
from .requests import (
    AbortRequest,
    BlankRequest,
    CalibrationScanRequest,
    CompleteRequest,
    Firing,
    ReadyRequest,
    ReferenceRequest,
    RenameRequest,
    RetireRequest,
    ScanRequest,
    VerifyRequest,
)
from .status import describe, questions

_log = logging.getLogger(__name__)

API = "/bench/v1"

_TREES = (ServiceError, InstrumentError, SpectraError, LibraryError, CalibrationError)

#: How soon a scan ends after the program that asked for it is gone, s.
_WATCH_S = 0.1

Asked = TypeVar("Asked", bound=Firing)


def create_bench_app(bench: Bench, *, token: str, port: int) -> FastAPI:
    """Return the agent's application.

    Parameters
    ----------
    bench
        What does the work.
    token
        Bearer token of the routes for programs.
    port
        Port it is served on; requests for other hosts are refused.
    """
    app = FastAPI(title="opioscan bench agent", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.bench = bench
    app.state.token = token
    app.state.officer = Officer(bench)
    for routes in (
        _routes,
        drop_routes,
        impact_routes,
        officer_routes,
        officer_blank_routes,
        officer_drop_routes,
        sign_in_routes,
    ):
        app.include_router(routes)
    # By tree: what only the handler of `Exception` sees is answered outside the gate and logged as a crash.
    for kind in (*_TREES, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _as_problem)
    app.add_middleware(Gate, port=port)
    return app


async def _the_bench(request: Request) -> Bench:
    check_token(request, request.app.state.token)
    bench = request.app.state.bench
    assert isinstance(bench, Bench)
    return bench


TheBench = Annotated[Bench, Depends(_the_bench)]
_routes = APIRouter(prefix=API)


@_routes.get("/status")
def status(bench: TheBench) -> Answer:
    """Return devices, method, blanks, open screenings, outbox and server."""
    return describe(bench)


@_routes.get("/questions")
def asked_before(device: str, bench: TheBench, item: str = "") -> Answer:
    """Return a device, and what a person has to be asked before it fires at an item."""
    return questions(bench, device, clean_label(item))


@_routes.get("/visit")
def visit(item: str, bench: TheBench) -> Answer:
    """Return the spots and attempts of an item, with the combined finding."""
    return bench.visit(item)


@_routes.post("/scans")
async def scans(body: ScanRequest, request: Request, bench: TheBench) -> Answer:
    """Scan a sample; answers with the identification and what became of its record."""
    return await _while_asked(request, lambda stop: bench.scan(body, stop=stop))


@_routes.post("/blanks")
async def blanks(body: BlankRequest, request: Request, bench: TheBench) -> Answer:
    """Scan an empty container or a cleaned accessory and keep it as a blank."""
    return await _while_asked(request, lambda stop: bench.take_blank(body, stop=stop))


@_routes.get("/blanks")
def list_blanks(bench: TheBench) -> Answer:
    """Return every blank, also those that have expired."""
    return {"blanks": blank_rules.listed(bench.notes)}


@_routes.post("/blanks/rename")
def rename_blank(body: RenameRequest, bench: TheBench) -> Answer:
    """Give a blank another name."""
    return blank_rules.rename(bench.notes, body.name, body.new_name)


@_routes.post("/blanks/retire")
def retire_blank(body: RetireRequest, bench: TheBench) -> Answer:
    """Use a blank no more; its scan stays in the archive."""
    return blank_rules.retire(bench.notes, body.name)


@_routes.post("/verify")
async def verify(body: VerifyRequest, request: Request, bench: TheBench) -> Answer:
    """Scan a standard and check the axis."""
    return await _while_asked(request, lambda stop: bench.verify(body, stop=stop))


@_routes.post("/references")
async def references(body: ReferenceRequest, request: Request, bench: TheBench) -> Answer:
    """Scan a known sample for a reference library: kept in the archive, part of no screening."""
    return await _while_asked(request, lambda stop: bench.measure_reference(body, stop=stop))


@_routes.post("/references/ready")
def ready_for_reference(body: ReadyRequest, bench: TheBench) -> Answer:
    """Return which instrument a device is, and whether its axis is verified; nothing is fired."""
    return bench.ready_for_reference(body)


@_routes.post("/calibrations/scan")
async def calibration_scan(body: CalibrationScanRequest, request: Request, bench: TheBench) -> Answer:
    """Scan a lamp, the laser off, or a standard: kept in the archive, part of no screening."""
    return await _while_asked(request, lambda stop: bench.scan_for_calibration(body, stop=stop))


@_routes.post("/abort")
async def abort(_body: AbortRequest, bench: TheBench) -> Answer:
    """Stop every scan; answers once every laser was read back as off. It waits for no other request."""
    return await asyncio.to_thread(bench.abort)


@_routes.post("/screenings/complete")
def complete(body: CompleteRequest, bench: TheBench) -> Answer:
    """Complete the open screening of an item."""
    return bench.complete(body.item)


async def _while_asked(request: Request, work: Callable[[StopCheck], Answer]) -> Answer:
    """Work in a thread for as long as somebody waits for the answer: nobody there, no light."""
    gone = threading.Event()
    running = asyncio.ensure_future(run_in_threadpool(work, gone.is_set))
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=_WATCH_S)
            if not running.done() and await request.is_disconnected():
                gone.set()
        return running.result()
    finally:
        gone.set()


async def _as_problem(request: Request, error: Exception) -> Response:
    path = request.url.path
    for_page = not path.startswith(f"{API}/")
    if isinstance(error, HTTPException):
        words = HTTPStatus(error.status_code).phrase
        if for_page:
            return await asyncio.to_thread(_officer(request).plain, error.status_code, words.upper())
        return problem_response(_plain(error.status_code, words, path), headers=error.headers)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        error = UsageError(f"{where or 'the request'}: {first['msg']}")
    if kind_of(error) is UNEXPECTED:
        _log.error("%s %s failed", request.method, path, exc_info=error)
    if for_page:
        # A page asks the outbox, which may take its time: in a thread, so that a stop is heard meanwhile.
        return await asyncio.to_thread(_officer(request).failed, error)
    return problem_response(problem_of(error, instance=path))


def _officer(request: Request) -> Officer:
    officer = request.app.state.officer
    assert isinstance(officer, Officer)
    return officer


def _plain(status_code: int, words: str, path: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": words,
        "status": status_code,
        "detail": "",
        "instance": path,
        "code": words.lower().replace(" ", "_"),
    }
