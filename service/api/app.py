"""The application: routes, limits and problems around one store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from ..settings import software_version
from . import health, problems
from .audit.routes import router as audit
from .benches.routes import router as benches
from .calibrations.routes import router as calibrations
from .dispositions.routes import router as dispositions
from .docs.document import finish
from .docs.routes import router as docs
from .events.bell import Bell, RingAfterChanges
from .events.routes import router as events
from .events.stream import Streams
from .evidence.routes import router as evidence
from .flags.routes import router as flags
from .guards.logs import AccessLog
from .guards.texts import TextGuard
from .holds.routes import router as holds
from .impact.routes import router as impact
from .limits import BodyLimit
from .links.routes import router as links
from .measures.routes import router as measures
from .methods.routes import router as methods
from .operations.routes import router as operations
from .pages.calibration_routes import router as calibration_pages
from .pages.library_routes import router as library_pages
from .pages.measures import router as measures_pages
from .pages.result_files import router as result_files
from .pages.result_routes import router as result_pages
from .pages.reviews import router as reviews_pages
from .pages.routes import router as pages
from .pages.static_files import router as static_files
from .parcels.routes import router as parcels
from .requests import BEARER, Store, open_store, the_caller
from .results.routes import router as results
from .retention import Retention
from .reviews.routes import router as reviews
from .sandbox.routes import router as sandbox
from .scans.routes import router as scans
from .screenings.routes import router as screenings
from .settings import ServerSettings
from .verifications.routes import router as verifications
from .webhooks.addresses import Resolver, system_resolver
from .webhooks.deliverer import Deliverer
from .webhooks.keys import NAME as WEBHOOK_KEY
from .webhooks.keys import SecretKeeper
from .webhooks.routes import router as webhooks

PREFIX = "/api/v1"

_SUMMARY = """Parcel screening with Raman and FTIR: register a parcel, follow its screenings, read
what was found.

Everything detected is presumptive, and nothing found is never "safe". Outward the system says
`hold`, `refer` or `no_hold_requested`; it never releases anything. Errors are problem objects
(RFC 9457) with a stable `code`. Lists are followed by opaque cursors."""

_PROBLEM: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {problems.MEDIA_TYPE: {"schema": {"$ref": ref}}}}
    for ref in ("#/components/schemas/ProblemView",)
    for status, text in (("4XX", "The request cannot be done."), ("5XX", "The server cannot do it now."))
}

#: Looked through in this order: what comes most often stands first.
_NOUNS = (
    *(results, scans, screenings, parcels, events, benches, calibrations, verifications, flags, impact),
    *(dispositions, links, sandbox, webhooks, operations, reviews, measures, audit, holds, methods, evidence),
)
_PAGES = (
    *(pages, static_files, result_pages, result_files, library_pages, calibration_pages),
    *(reviews_pages, measures_pages, docs),
)


def create_app(
    settings: ServerSettings, *, store: Store | None = None, resolve: Resolver = system_resolver
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings
        Where it keeps its things, and its limits.
    store
        An open store to serve; None opens the one of the settings for as long as the
        application runs, and refuses to start when another process has it.
    resolve
        Finds the addresses of receivers of webhooks.
    """
    app = FastAPI(
        title="opioscan",
        version=software_version(),
        description=_SUMMARY,
        lifespan=_lifespan(settings, store),
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    problems.install(app)
    app.state.bell, app.state.resolver = Bell(), resolve
    app.state.streams = Streams(settings, app.state.bell)
    app.state.keeper = SecretKeeper(settings.scans_path.parent / WEBHOOK_KEY)
    app.add_middleware(TextGuard)
    app.add_middleware(BodyLimit, seconds=settings.body_s)
    app.add_middleware(AccessLog)
    app.add_middleware(RingAfterChanges, bell=app.state.bell)
    api = APIRouter(prefix=PREFIX, dependencies=[Depends(BEARER), Depends(the_caller)])
    for noun in _NOUNS:
        api.include_router(noun)
    app.include_router(api, responses=_PROBLEM)
    app.include_router(health.router, responses=_PROBLEM)
    for page in _PAGES:
        app.include_router(page)
    _describe(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _lifespan(settings: ServerSettings, given: Store | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as stack:
            app.state.store = given or stack.enter_context(open_store(settings))
            state = app.state
            stack.enter_context(state.store.database.turns.running())
            stack.enter_context(Retention(state.store.database, settings))
            deliverer = Deliverer(state.store, state.keeper, state.bell, state.resolver)
            stack.enter_context(deliverer.running())
            watching = asyncio.create_task(state.streams.watch(state.store))
            stack.callback(watching.cancel)
            yield

    return lifespan


def _describe(app: FastAPI) -> None:
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            parts = document.setdefault("components", {}).setdefault("schemas", {})
            template = "#/components/schemas/{model}"
            problem = problems.ProblemView.model_json_schema(ref_template=template)
            parts.update(problem.pop("$defs", {}))
            parts["ProblemView"] = problem
            for operations in document["paths"].values():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
                    # Asked for by the route itself, with a problem of its own.
                    required = operation.pop("x-required-headers", ())
                    for parameter in operation.get("parameters", ()):
                        if parameter["name"] in required:
                            parameter["required"] = True
            for unused in ("HTTPValidationError", "ValidationError"):
                parts.pop(unused, None)
            finish(document)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
