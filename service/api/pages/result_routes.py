"""Routes of the pages of a result, a screening and a parcel, and of what can be taken away from there."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse, RedirectResponse, Response

from ..evidence.curves import curves_from, places_of
from ..evidence.gather import gather
from ..parcels.repository import find_parcel
from ..permissions import allowed
from ..problems import Problem
from ..requests import Caller, ThePerson, TheStore
from ..results.repository import find_result
from ..results.views import view_results
from ..scans.routes import MEDIA_TYPE as SCAN_TYPE
from .render import render
from .result import RANKED, ResultSheet, chart_words, result_sheet
from .visit import find_screening_and_parcel, parcel_sheet, visit_sheet

router = APIRouter(include_in_schema=False)


@router.get("/results/{result_id}")
def result_page(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Show a result: verdict, next step, evidence, what could not be seen, and the curves."""
    if person is None:
        return RedirectResponse("/login", 303)
    with store.database.read() as session:
        result = find_result(session, str(result_id))
        if result is None:
            raise Problem("not_found", f"no result {result_id}")
        sheet = result_sheet(session, result)
    return render(
        "result.html",
        charts=True,
        sheet=sheet,
        told=chart_words(sheet),
        ranked=sheet.found.ranking[:RANKED],
        raw=allowed("get_scan", person.role),
        role=person.role.value,
    )


@router.get("/results/{result_id}/curves.json")
def curves_file(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Give the curves of a result to its page, with the bands of what was found.

    The page asks for them once it stands: they are computed again, and the verdict is not to wait.
    """
    if person is None:
        raise Problem("unauthenticated", "sign in again")
    with store.database.read() as session:
        result = find_result(session, str(result_id))
        if result is None:
            raise Problem("not_found", f"no result {result_id}")
        bands = result_bands(result_sheet(session, result))
        found = gather(session, places_of(store), result)
    told = curves_from(store, found).model_dump(mode="json")
    return JSONResponse({**told, "bands": bands}, headers={"Cache-Control": "no-store"})


@router.get("/results/{result_id}/result.json")
def result_file(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Give a result as the API does, to somebody who is signed in at the pages."""
    if person is None:
        return RedirectResponse("/login", 303)
    with store.database.read() as session:
        result = find_result(session, str(result_id))
        if result is None:
            raise Problem("not_found", f"no result {result_id}")
        told = view_results(session, [result], person.role)[0].model_dump(mode="json", by_alias=True)
    return JSONResponse(told, headers=_attached(f"{result_id}.json"))


@router.get("/results/{result_id}/scan.h5")
def scan_file_of_result(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Give the raw scan of a result, its digest checked, to somebody who is signed in at the pages."""
    if person is None:
        return RedirectResponse("/login", 303)
    with store.database.read() as session:
        result = find_result(session, str(result_id))
        if result is None:
            raise Problem("not_found", f"no result {result_id}")
        scan_id = result.scan_id
    headers = _attached(f"{scan_id}.h5")
    return Response(store.archive.read_bytes(scan_id), media_type=SCAN_TYPE, headers=headers)


@router.get("/screenings/{screening_id}")
def screening_page(person: ThePerson, store: TheStore, screening_id: UUID) -> Response:
    """Show a screening: its finding and every result of it."""
    return _page(person, store, "screening.html", lambda session: _visit(session, str(screening_id)))


@router.get("/parcels/{parcel_id}")
def parcel_page(person: ThePerson, store: TheStore, parcel_id: UUID) -> Response:
    """Show a parcel: what all its screenings say, and each of them."""
    return _page(person, store, "parcel.html", lambda session: _parcel(session, str(parcel_id)))


def result_bands(sheet: ResultSheet) -> list[dict[str, Any]]:
    """Return the bands of what a result found, those of the watch list told apart."""
    return [
        {"substance": one.substance, "watch_list": one.watch_list, "at": band}
        for one in sheet.components
        if one.role == "content"
        for band in one.bands_cm1
    ]


def _page(person: Caller | None, store: TheStore, template: str, read: Callable[[Any], Any]) -> Response:
    if person is None:
        return RedirectResponse("/login", 303)
    with store.database.read() as session:
        sheet = read(session)
        return render(template, sheet=sheet, role=person.role.value)


def _visit(session: Any, screening_id: str) -> Any:
    found = find_screening_and_parcel(session, screening_id)
    if found is None:
        raise Problem("not_found", f"no screening {screening_id}")
    return visit_sheet(session, *found)


def _parcel(session: Any, parcel_id: str) -> Any:
    parcel = find_parcel(session, parcel_id)
    if parcel is None:
        raise Problem("not_found", f"no parcel {parcel_id}")
    return parcel_sheet(session, parcel)


def _attached(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
