"""The part of the chain that tells of a result: its events, and those between them where they are few."""

import json
from typing import Any

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...evidence.events import MAX_EVENTS
from ...evidence.inputs import cited_records
from ..events import chain
from ..tables import Event
from .gather import Gathered


def segment_of(session: Session, found: Gathered) -> dict[str, bytes]:
    """Return the members ``chain/events.jsonl`` and ``chain/segment.json`` of a bundle."""
    wanted = select(Event).where(Event.subject.in_(_subjects(found))).order_by(Event.seq).limit(MAX_EVENTS)
    events = list(session.scalars(wanted))
    first, last = (events[0].seq, events[-1].seq) if events else (0, 0)
    own = [one.seq for one in events]
    contiguous = last - first < MAX_EVENTS
    if contiguous:
        between = select(Event).where(Event.seq >= first, Event.seq <= last).order_by(Event.seq)
        events = list(session.scalars(between))
    seq, head = chain.head(session)
    told: dict[str, Any] = {
        "events": [one.seq for one in events],
        "of_this_screening": own,
        "contiguous": contiguous,
        "head_seq": seq,
        "head_hash": head,
    }
    lines = [rfc8785.dumps(chain.as_json(one)) + b"\n" for one in events]
    return {"chain/events.jsonl": b"".join(lines), "chain/segment.json": json.dumps(told).encode()}


def _subjects(found: Gathered) -> list[str]:
    result = found.result
    scans = [result.scan_id, *([found.blank_id] if found.blank_id else [])]
    checked = [] if found.verification is None else [f"verifications/{found.verification.scan_id}"]
    return [
        f"results/{result.result_id}",
        f"screenings/{result.screening_id}",
        f"parcels/{result.parcel_id}",
        *(f"scans/{one}" for one in scans),
        *(f"calibrations/{one}" for one in cited_records(found.identification).values()),
        *(f"methods/{row.file_id}" for row, _ in found.methods[:1]),
        *checked,
    ]
