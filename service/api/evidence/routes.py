"""Routes of what stands behind a result."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from ..permissions import Role
from ..problems import Problem
from ..requests import TheCaller, TheStore
from .bundles import bundle_file
from .curves import curves_from
from .gather import Gathered, Keeps, gather_result
from .models import BundleQuery, ReportQuery, ResultCurves
from .reports import facts_of, report_of

router = APIRouter(prefix="/results", tags=["evidence"])


def _file(kind: str) -> dict[str, Any]:
    return {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}


_PDF, _ZIP = _file("application/pdf"), _file("application/zip")


@router.get("/{result_id}/curves", summary="Read the curves behind a result")
def get_curves(result_id: UUID, store: TheStore, caller: TheCaller) -> ResultCurves:
    """Read scan, fit, components and residual, computed again from what was kept.

    Where the method's file, the blank or a calibration record was not kept, the scan alone comes, with
    `complete: false` and the reason. The first time a method is asked for takes some seconds.
    """
    return curves_from(store, _found(store, result_id))


@router.get(
    "/{result_id}/report.pdf",
    summary="Fetch the report of a result",
    response_class=Response,
    responses={200: _PDF},
)
def get_report(
    result_id: UUID, query: Annotated[ReportQuery, Query()], store: TheStore, caller: TheCaller
) -> Response:
    """Fetch the result on one A4 page. Parcel systems are not told who made it."""
    people = query.people and caller.role is not Role.PARCEL_SYSTEM
    facts = facts_of(store, _found(store, result_id), people=people)
    headers = {"Content-Disposition": f'attachment; filename="result-{result_id}.pdf"'}
    return Response(report_of(store, facts), media_type="application/pdf", headers=headers)


@router.get(
    "/{result_id}/bundle",
    summary="Fetch the evidence bundle of a result",
    response_class=Response,
    responses={200: _ZIP},
)
def get_bundle(
    result_id: UUID, query: Annotated[BundleQuery, Query()], store: TheStore, caller: TheCaller
) -> Response:
    """Fetch all that a result was made from in one ZIP file, which `opioscan audit recompute` computes again.

    Its `README.txt` says how to check it without any program of ours.
    """
    path = bundle_file(store, _found(store, result_id), people=query.people)
    name = f"evidence-{result_id}.zip"
    return FileResponse(
        path, media_type="application/zip", filename=name, background=BackgroundTask(path.unlink)
    )


def _found(store: Keeps, result_id: UUID) -> Gathered:
    found = gather_result(store, str(result_id))
    if found is None:
        raise Problem("not_found", f"no result {result_id}")
    return found
