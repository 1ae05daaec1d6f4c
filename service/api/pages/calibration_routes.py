"""Route of the page of calibrations."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..requests import ThePerson, TheStore
from .calibrations import TABLED, instrument_lines, record_lines, standard_charts
from .render import render

router = APIRouter(include_in_schema=False)

Device = Annotated[str, Query(max_length=513)]


@router.get("/calibrations")
def calibrations_page(person: ThePerson, store: TheStore, device: Device = "") -> Response:
    """Show the instruments and, of one of them, its records in force and its control charts."""
    with store.database.read() as session:
        lines = instrument_lines(session)
        chosen = device or (lines[0].device if lines else "")
        records = record_lines(session, chosen) if chosen else []
        charts = standard_charts(session, chosen) if chosen else []
    return render(
        "calibrations.html",
        charts=bool(charts),
        lines=lines,
        chosen=chosen,
        records=records,
        standards=charts,
        tabled=TABLED,
        role=person.role.value,
    )
