"""What people take away from the page of a result: the same as the API gives, by the sign-in at the pages."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from ..evidence.models import BundleQuery, ReportQuery
from ..evidence.routes import get_bundle, get_report
from ..requests import ThePerson, TheStore
from ..results.repository import existing_result
from ..results.views import view_results
from ..scans.routes import MEDIA_TYPE

router = APIRouter(include_in_schema=False)


@router.get("/results/{result_id}/result.json")
def result_file(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Give a result as the API does, to somebody who is signed in at the pages."""
    with store.database.read() as session:
        result = existing_result(session, result_id)
        told = view_results(session, [result], person.role)[0].model_dump(mode="json", by_alias=True)
    return JSONResponse(told, headers=_attached(f"{result_id}.json"))


@router.get("/results/{result_id}/scan.h5")
def scan_file_of_result(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Give the raw scan of a result, its digest checked, to somebody who is signed in at the pages."""
    with store.database.read() as session:
        result = existing_result(session, result_id)
        scan_id = result.scan_id
    headers = _attached(f"{scan_id}.h5")
    return Response(store.archive.read_bytes(scan_id), media_type=MEDIA_TYPE, headers=headers)


@router.get("/results/{result_id}/report.pdf")
def report_of_result(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Give the report of a result on one page to somebody who is signed in at the pages."""
    return get_report(result_id, ReportQuery(), store, person)


@router.get("/results/{result_id}/bundle.zip")
def bundle_of_result(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Give the evidence bundle of a result to somebody who is signed in at the pages."""
    return get_bundle(result_id, BundleQuery(), store, person)


def _attached(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
