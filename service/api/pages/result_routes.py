"""Routes of the pages of a result, a screening and a parcel, and of what can be taken away from there."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form
from fastapi.responses import JSONResponse, RedirectResponse, Response

from ..evidence.curves import curves_from
from ..evidence.gather import gather
from ..parcels.reader import reader_of
from ..parcels.repository import known_parcel
from ..permissions import allowed
from ..requests import TheFetcher, ThePerson, TheStore
from ..results.repository import existing_result
from ..reviews.marks import reviews_of
from ..reviews.repository import ask
from ..screenings.repository import existing_screening
from .render import FROM_OUR_PAGES, render
from .result import RANKED, ResultSheet, chart_words, result_sheet
from .visit import parcel_sheet, visit_sheet

router = APIRouter(include_in_schema=False)

#: What the page of a result offers to those who may do it.
_OFFERED = ("scan_file_of_result", "bundle_of_result", "ask_review_form")


@router.get("/results/{result_id}")
def result_page(person: ThePerson, store: TheStore, result_id: UUID) -> Response:
    """Show a result: verdict, next step, evidence, what could not be seen, and the curves."""
    with store.database.read() as session:
        result = existing_result(session, result_id)
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
def curves_file(person: TheFetcher, store: TheStore, result_id: UUID) -> Response:
    """Give the curves of a result to its page, with the bands of what was found.

    The page asks for them once it stands: they are computed again, and the verdict is not to wait.
    """
    with store.database.read() as session:
        result = existing_result(session, result_id)
        bands = result_bands(result_sheet(session, result))
        found = gather(session, store, result)
    told = curves_from(store, found).model_dump(mode="json")
    return JSONResponse({**told, "bands": bands}, headers={"Cache-Control": "no-store"})


@router.post("/results/{result_id}/reviews", dependencies=[FROM_OUR_PAGES])
def ask_review_form(
    person: ThePerson,
    store: TheStore,
    result_id: UUID,
    question: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Ask a technician to look at a result, from its page."""
    with store.database.write(person.actor) as change:
        result = existing_result(change.session, result_id)
        screening = existing_screening(change.session, result.screening_id)
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
    with store.database.read() as session:
        screening = existing_screening(session, screening_id)
        sheet = visit_sheet(session, screening, known_parcel(session, screening.parcel_id))
    return render("screening.html", sheet=sheet, role=person.role.value)


@router.get("/parcels/{parcel_id}")
def parcel_page(person: ThePerson, store: TheStore, parcel_id: UUID) -> Response:
    """Show a parcel: what all its screenings say, and each of them."""
    with store.database.read() as session:
        parcel = known_parcel(session, parcel_id)
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
