"""Routes of the pages of a result, a screening and a parcel, and of what can be taken away from there."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from ..evidence.curves import curves_from
from ..evidence.gather import gather
from ..parcels.reader import reader_of
from ..parcels.repository import find_parcel
from ..permissions import allowed
from ..problems import Problem
from ..requests import ThePerson, TheStore
from ..results.repository import find_result
from ..reviews.marks import reviews_of
from ..reviews.repository import ask
from ..screenings.repository import find_screening
from .render import render, same_site
from .result import RANKED, ResultSheet, chart_words, result_sheet
from .visit import find_screening_and_parcel, parcel_sheet, visit_sheet

router = APIRouter(include_in_schema=False)

#: What the page of a result offers to those who may do it.
_OFFERED = ("scan_file_of_result", "bundle_of_result", "ask_review_form")


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
        reviews = reviews_of(session, result.result_id)
    return render(
        "result.html",
        charts=True,
        sheet=sheet,
        told=chart_words(sheet),
        ranked=sheet.found.ranking[:RANKED],
        reviews=reviews,
        may=frozenset(one for one in _OFFERED if allowed(one, person.role)),
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
        found = gather(session, store, result)
    told = curves_from(store, found).model_dump(mode="json")
    return JSONResponse({**told, "bands": bands}, headers={"Cache-Control": "no-store"})


@router.post("/results/{result_id}/reviews")
def ask_review_form(
    request: Request,
    person: ThePerson,
    store: TheStore,
    result_id: UUID,
    question: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Ask a technician to look at a result, from its page."""
    same_site(request)
    if person is None:
        return RedirectResponse("/login", 303)
    with store.database.write(person.actor) as change:
        result = find_result(change.session, str(result_id))
        if result is None:
            raise Problem("not_found", f"no result {result_id}")
        screening = find_screening(change.session, result.screening_id)
        assert screening is not None, "a foreign key ties every result to its screening"
        ask(
            change,
            "referral",
            screening,
            result=result,
            training=result.training,
            emulated=result.emulated,
            question=question.strip(),
        )
    return RedirectResponse(f"/results/{result_id}#reviews", 303)


@router.get("/screenings/{screening_id}")
def screening_page(person: ThePerson, store: TheStore, screening_id: UUID) -> Response:
    """Show a screening: its finding and every result of it."""
    if person is None:
        return RedirectResponse("/login", 303)
    with store.database.read() as session:
        found = find_screening_and_parcel(session, str(screening_id))
        if found is None:
            raise Problem("not_found", f"no screening {screening_id}")
        sheet = visit_sheet(session, *found)
    return render("screening.html", sheet=sheet, role=person.role.value)


@router.get("/parcels/{parcel_id}")
def parcel_page(person: ThePerson, store: TheStore, parcel_id: UUID) -> Response:
    """Show a parcel: what all its screenings say, and each of them."""
    if person is None:
        return RedirectResponse("/login", 303)
    with store.database.read() as session:
        parcel = find_parcel(session, str(parcel_id))
        if parcel is None:
            raise Problem("not_found", f"no parcel {parcel_id}")
        sheet = parcel_sheet(session, parcel, reader_of(store, person))
    return render("parcel.html", sheet=sheet, role=person.role.value)


def result_bands(sheet: ResultSheet) -> list[dict[str, Any]]:
    """Return the bands of what a result found, those of the watch list told apart."""
    return [
        {"substance": one.substance, "watch_list": one.watch_list, "at": band}
        for one in sheet.components
        if one.role == "content"
        for band in one.bands_cm1
    ]
