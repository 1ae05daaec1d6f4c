"""Fills a database with simulated results for bars: rows as the server writes them, put in by plain statements.

Every row is there that a list, a parcel or a screening looks at. No events tell of them: such a database is
good for reading only.
"""

import json
import uuid
from collections.abc import Iterator
from itertools import islice
from typing import Any

from load_server import result_body
from sqlalchemy import Connection, insert

from service.api.clock import utc_now
from service.api.database import Database
from service.api.events import chain
from service.api.tables import (
    Parcel,
    Result,
    ResultPerson,
    ResultUse,
    ScanFile,
    Screening,
    table_of,
)
from service.uses import uses_of
from spectra.digest import bytes_digest

#: Results of a parcel, and rows of a transaction.
EACH, _BATCH = 2, 5_000
_TABLES = tuple(map(table_of, (Parcel, Screening, ScanFile, Result, ResultPerson, ResultUse)))


def fill(database: Database, first: int, last: int) -> list[str]:
    """Put results of the numbers ``first`` to ``last`` in, and return some of their parcels."""
    source, parcels = _results(first, last), []
    while batch := list(islice(source, _BATCH)):
        with database.write("bar") as change:
            _insert(change.session.connection(), batch)
        parcels.append(batch[0]["parcels"]["parcel_id"])
    return parcels


def _insert(connection: Connection, batch: list[dict[str, Any]]) -> None:
    for table in _TABLES:
        rows = [one[table.name] for one in batch if table.name in one]
        flat = [row for one in rows for row in one] if table.name == "result_uses" else rows
        if flat:
            connection.execute(insert(table), flat)


def _results(first: int, last: int) -> Iterator[dict[str, Any]]:
    now, body = utc_now(), json.loads(result_body())
    found, device = body["identification"], body["device"]
    uses, device_text = uses_of(found, device), chain.canonical(device)
    text = chain.canonical(found)
    parcel = screening = ""
    for number in range(first, last):
        rows: dict[str, Any] = {}
        if number % EACH == 0:
            parcel, screening = _uuid(number, 1), _uuid(number, 2)
            rows["parcels"] = _parcel(parcel, number, now)
            rows["screenings"] = _screening(screening, parcel, number, now)
        scan, result = bytes_digest(f"scan {number}".encode()), _uuid(number, 3)
        rows["scans"] = _scan(scan, screening, number, now)
        rows["results"] = {
            "row": number + 1,
            "result_id": result,
            "screening_id": screening,
            "parcel_id": parcel,
            "scan_id": scan,
            "verdict": "no_alarm",
            "training": True,
            "emulated": True,
            "late": False,
            "identification": text.replace("@SCAN@", scan),
            "device": device_text,
            "record_digest": "0" * 64,
            "received_at": now,
        }
        rows["result_people"] = {"result_id": result, "operator": "simulated", "salt": b"simulated"}
        at = f"2026-11-21T12:00:00.{number % 10**6:06d}Z"
        rows["result_uses"] = [
            {"kind": use.kind, "value": use.value, "at": at, "result_row": number + 1, "part": use.part}
            for use in uses[:6]
        ]
        yield rows


def _uuid(number: int, kind: int) -> str:
    # Scattered like those that benches make.
    return str(uuid.UUID(bytes=bytes.fromhex(bytes_digest(f"{kind} {number}".encode()))[:16], version=4))


def _parcel(parcel: str, number: int, now: str) -> dict[str, Any]:
    item = f"SIMULATED{number:09d}"
    return {
        "parcel_id": parcel,
        "item_id": item,
        "item_key": item,
        "item_id_type": "carrier",
        "label_problem": "",
        "salt": b"simulated",
        "created_at": now,
        "sandbox": False,
    }


def _screening(screening: str, parcel: str, number: int, now: str) -> dict[str, Any]:
    return {
        "screening_id": screening,
        "parcel_id": parcel,
        "bench": f"bench-{number % 30}",
        "body_digest": "",
        "state": "open" if number % 100 == 0 else "complete",
        "opened_at": now,
        "completed_at": now,
        "finding": None if number % 100 == 0 else FINDING,
        "site": f"site-{number % 5}",
    }


def _scan(scan: str, screening: str, number: int, now: str) -> dict[str, Any]:
    return {
        "scan_id": scan,
        "size": 400_000,
        "role": "sample",
        "screening_id": screening,
        "spot": 1,
        "attempt": number % EACH + 1,
        "emulated": True,
        "taken_at": now,
        "received_at": now,
        "blank_id": "",
    }


FINDING = chain.canonical(
    {
        "verdict": "no_alarm",
        "outward": "no_hold_requested",
        "reasons": [],
        "techniques": ["raman"],
        "substances": [],
        "presumptive": True,
        "provisional": False,
        "training": True,
        "emulated": True,
    }
)
