"""The report of a result, made in a process beside the server."""

import base64
import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...report.facts import ReportFacts
from ..flags.marks import is_open, marks_of
from ..problems import Problem
from ..tables import Event, ResultPerson, ScanFile
from .curves import curves_from
from .gather import Gathered, Keeps


def facts_of(store: Keeps, found: Gathered, *, people: bool) -> ReportFacts:
    """Return what a report tells; no connection to the database waits for its curves.

    Parameters
    ----------
    people
        Whether the reader may know who made the result.
    """
    curves = curves_from(store, found).model_dump(mode="json")
    with store.database.read() as session:
        return _facts(session, found, curves, people=people)


def _facts(session: Session, found: Gathered, curves: dict[str, Any], *, people: bool) -> ReportFacts:
    result, screening = found.result, found.screening
    event = accepted_event(session, result.result_id)
    scan = session.scalars(select(ScanFile).where(ScanFile.scan_id == result.scan_id)).one()
    person = session.get(ResultPerson, result.result_id) if people else None
    return ReportFacts(
        result_id=result.result_id,
        record_digest=result.record_digest,
        event_seq=0 if event is None else event.seq,
        event_hash="" if event is None else event.hash,
        item_id=found.parcel.item_id,
        screening_id=screening.screening_id,
        bench=screening.bench,
        site=screening.site,
        spot=scan.spot,
        attempt=scan.attempt,
        taken_at=scan.taken_at,
        received_at=result.received_at,
        identification=found.identification,
        device=json.loads(result.device),
        curves=curves,
        operator="" if person is None else person.operator,
        training=result.training,
        emulated=result.emulated,
        sandbox=found.parcel.sandbox,
        late=result.late,
        under_review=is_open(marks_of(session, [result.result_id]).get(result.result_id, [])),
    )


def accepted_event(session: Session, result_id: str) -> Event | None:
    """Return the event that tells of a result; None for one of before there was a chain."""
    wanted = select(Event).where(Event.subject == f"results/{result_id}", Event.type == "result.accepted")
    return session.scalars(wanted.order_by(Event.seq)).first()


def report_of(store: Keeps, facts: ReportFacts) -> bytes:
    """Return the report as PDF; equal facts give equal bytes.

    Raises
    ------
    Problem
        Too many results are being looked at.
    """
    try:
        answer = store.looker.ask({"do": "report", "facts": facts.to_json()})
    except TimeoutError as error:
        raise Problem("not_ready", str(error), headers={"Retry-After": "5"}) from error
    return base64.b64decode(answer["pdf"], validate=True)
