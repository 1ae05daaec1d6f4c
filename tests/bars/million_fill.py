"""Fills a database with simulated results for bars: rows as the server writes them, made by the database itself.

Every row is there that a list, a parcel, a screening or a page of events looks at. Ids are scattered as benches'
are. Events have hashes that only look like hashes, and not every change has one: such a database is good for
reading only. What is kept for correcting the measures (`measured_screenings`) is left out, since no reading asks
for it.
"""

import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from load_server import result_body

from service.api.clock import utc_now
from service.api.events.chain import canonical
from service.api.parcels.advance import ADVANCE_EXAMPLE
from service.api.screenings.models import FindingView
from service.contract import Identification
from service.uses import uses_of
from spectra.finding import combine

#: Results of a visit; visits of a day (30 benches, 40 each); of ten parcels screened one more waits.
EACH, BENCHES, A_DAY, WAITING = 2, 30, 1200, 10
FIRST_DAY = date(2025, 10, 1)
#: Every how many-th of them: results under review, visits reviewed, parcels with a disposition, rare events.
FLAGGED, REVIEWED, DISPOSED, RARELY = 1000, 50, 10, 5000

USUAL = ("parcel.registered", "screening.opened", "scan.stored", "result.accepted", "screening.completed")
RARE = ("result.flagged", "calibration.stored", "disposition.recorded")

_USES = 4
#: A number's id of some kind: a multiplication scatters (Knuth, TAOCP 3, 6.4).
_ID = "printf('%08x-{kind}-4000-8000-%012x', ({n} * 2654435761) & 4294967295, {n})"


def uuid_of(kind: int, number: int) -> str:
    """Return the id of a parcel (1), screening (2) or result (3) of a number."""
    return f"{number * 2654435761 & 0xFFFFFFFF:08x}-{kind:04d}-4000-8000-{number:012x}"


def _id(kind: int, number: str) -> str:
    return _ID.format(kind=f"{kind:04d}", n=number)


def _scan(number: str) -> str:
    return f"printf('%08x%056x', ({number} * 2654435761) & 4294967295, {number})"


def _at(visit: str) -> str:
    # A visit every 24 s from eight o'clock on, so that a day's visits fit into its working hours.
    day, second = f"{visit} / {A_DAY}", f"28800 + {visit} % {A_DAY} * 24"
    shift = f"'+' || ({day}) || ' days', '+' || ({second}) || ' seconds'"
    return f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', '{FIRST_DAY.isoformat()}', {shift})"


#: What a visit `n` makes: table, columns with their SQL, and where.
_PARCEL_ROW = f"n + n / {WAITING} + 1"
_VISITS: tuple[tuple[str, dict[str, str], str], ...] = (
    (
        "parcels",
        {
            "row": _PARCEL_ROW,
            "parcel_id": _id(1, "n"),
            "item_id": "printf('SIMULATED%09d', n)",
            "item_key": "printf('SIMULATED%09d', n)",
            "item_id_type": "'carrier'",
            "label_problem": "''",
            "salt": "x'00'",
            "created_at": _at("n"),
            "sandbox": "0",
            "risk_score": "0.82",
            "known_shipper": "0",
        },
        "",
    ),
    (
        "parcels",
        {
            "row": f"n + n / {WAITING} + 2",
            "parcel_id": _id(1, "(1000000000 + n)"),
            "item_id": "printf('WAITING%09d', n)",
            "item_key": "printf('WAITING%09d', n)",
            "item_id_type": "'carrier'",
            "label_problem": "''",
            "salt": "x'00'",
            "created_at": ":now",
            "sandbox": "0",
            "risk_score": "(n * 7919 % 1000) / 1000.0",
            "known_shipper": "0",
        },
        f"n % {WAITING} = {WAITING - 1}",
    ),
    (
        "parcel_queue",
        {
            "parcel_row": f"n + n / {WAITING} + 2",
            "rank": "2 * (1000000 - n * 7919 % 1000 * 1000)",
            "site": f"'site-' || (n / {WAITING} % 5)",
            "created_at": ":now",
        },
        f"n % {WAITING} = {WAITING - 1}",
    ),
    (
        "parcel_declarations",
        {"parcel_id": _id(1, "n"), "body": ":declared", "token_id": ":token", "updated_at": ":now"},
        "",
    ),
    (
        "parcel_declarations",
        {
            "parcel_id": _id(1, "(1000000000 + n)"),
            "body": ":declared",
            "token_id": ":token",
            "updated_at": ":now",
        },
        f"n % {WAITING} = {WAITING - 1}",
    ),
    (
        "parcel_advance",
        {
            "parcel_id": _id(1, "n"),
            "sender_name": "'Example Trading Ltd'",
            "sender_address": "'1 Harbour Road'",
            "salt": "x'00'",
            "token_id": ":token",
            "updated_at": ":now",
        },
        "",
    ),
    (
        "screenings",
        {
            "row": "n + 1",
            "screening_id": _id(2, "n"),
            "parcel_id": _id(1, "n"),
            "bench": f"'bench-' || (n % {BENCHES})",
            "body_digest": "''",
            "state": "iif(n % 100 = 0, 'open', 'complete')",
            "opened_at": _at("n"),
            "completed_at": f"iif(n % 100 = 0, NULL, {_at('n')})",
            "finding": "iif(n % 100 = 0, NULL, :finding)",
            "site": "'site-' || (n % 5)",
        },
        "",
    ),
    (
        "links",
        {
            "row": "n + 1",
            "link_id": _id(4, "n"),
            "screening_id": _id(2, "n"),
            "parcel_id": _id(1, "n"),
            "reference": "''",
            "why": "''",
            "salt": "x'00'",
            "made_by": "'token:x'",
            "made_at": _at("n"),
        },
        "",
    ),
    (
        "dispositions",
        {
            "disposition_id": _id(5, "n"),
            "parcel_id": _id(1, "n"),
            "decision": "'released'",
            "compliant": "1",
            "decided_at": _at("n"),
            "reference": "''",
            "note": "''",
            "salt": "x'00'",
            "token_id": ":token",
            "recorded_at": _at("n"),
        },
        f"n % {DISPOSED} = 0",
    ),
)
_REVIEWS = (
    "reviews",
    {
        "review_id": _id(6, "n"),
        "kind": "'negative_check'",
        "screening_id": _id(2, "n"),
        "site": "'site-' || (n % 5)",
        "training": "0",
        "emulated": "0",
        "asked_by": "'token:x'",
        "asked_at": _at("n"),
        "question": "''",
        "salt": "x'00'",
        "chance_ppm": "20000",
        "closed_at": f"iif(n % {REVIEWED * 10} = 0, NULL, {_at('n')})",
    },
    f"n % {REVIEWED} = 0",
)
#: What a result `n` makes.
_RESULTS: tuple[tuple[str, dict[str, str], str], ...] = (
    (
        "scans",
        {
            "row": "n + 1",
            "scan_id": _scan("n"),
            "size": "400000",
            "role": "'sample'",
            "screening_id": _id(2, f"(n / {EACH})"),
            "spot": "1",
            "attempt": f"n % {EACH} + 1",
            "emulated": "0",
            "taken_at": _at(f"(n / {EACH})"),
            "received_at": _at(f"(n / {EACH})"),
            "blank_id": "''",
        },
        "",
    ),
    (
        "results",
        {
            "row": "n + 1",
            "result_id": _id(3, "n"),
            "screening_id": _id(2, f"(n / {EACH})"),
            "parcel_id": _id(1, f"(n / {EACH})"),
            "scan_id": _scan("n"),
            "verdict": "'no_alarm'",
            "training": "0",
            "emulated": "0",
            "late": "0",
            "identification": f"replace(:identification, '@SCAN@', {_scan('n')})",
            "device": ":device",
            "record_digest": _scan("n"),
            "received_at": _at(f"(n / {EACH})"),
        },
        "",
    ),
    ("result_people", {"result_id": _id(3, "n"), "operator": "'A. Jansen'", "salt": "x'00'"}, ""),
    (
        "flagged_results",
        {"result_id": _id(3, "n"), "flag_row": f"n / {FLAGGED} / 100 + 1", "state": "'flagged'"},
        f"n % {FLAGGED} = 0",
    ),
    (
        "events",
        {
            "seq": ":before + n + 1",
            "type": f"iif(n % {RARELY} = 0, {{rare}}, {{usual}})",
            "at": _at(f"(n / {EACH})"),
            "actor": "'token:x'",
            "subject": "'things/' || (n / 5)",
            "data": ":data",
            "prev_hash": _scan("(n - 1)"),
            "hash": _scan("n"),
        },
        "",
    ),
)


def _case(number: str, names: tuple[str, ...]) -> str:
    cases = " ".join(f"WHEN {index} THEN '{name}'" for index, name in enumerate(names))
    return f"CASE {number} % {len(names)} {cases} END"


def fill(path: Path, first: int, last: int) -> None:
    """Put results of the numbers ``first`` to ``last`` in; both are numbers of whole visits."""
    with closing(sqlite3.connect(path)) as raw:
        # Nobody else reads it, and it is thrown away after a crash.
        raw.execute("PRAGMA journal_mode=OFF").fetchall()
        for pragma in ("synchronous=OFF", "cache_size=-1000000", "foreign_keys=OFF", "temp_store=MEMORY"):
            raw.execute(f"PRAGMA {pragma}")
        with raw:
            given = _given(raw, first)
            for flag in range(first // FLAGGED // 100, -(-last // FLAGGED // 100)):
                _flag(raw, given, flag + 1)
            for one in (*_VISITS, _REVIEWS):
                _insert(raw, one, first // EACH, last // EACH, given)
            for one in _RESULTS:
                _insert(raw, one, first, last, given)
            _uses(raw, first, last)
            head = raw.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
            raw.execute("UPDATE chain_head SET seq = ?, hash = ?", head)
        raw.execute("PRAGMA journal_mode=WAL").fetchall()


def _insert(
    raw: sqlite3.Connection,
    what: tuple[str, dict[str, str], str],
    first: int,
    last: int,
    given: dict[str, Any],
) -> None:
    table, columns, where = what
    values = ", ".join(columns.values())
    values = values.replace("{rare}", _case(f"n / {RARELY}", RARE)).replace("{usual}", _case("n", USUAL))
    names = [name for name in given if f":{name}" in values]
    raw.execute(
        f"WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last - 1}) "
        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) SELECT {values} FROM numbers "
        f"WHERE {where or 'true'}",
        {name: given[name] for name in names},
    )


def _uses(raw: sqlite3.Connection, first: int, last: int) -> None:
    body = json.loads(result_body())
    for use in uses_of(body["identification"], body["device"])[:_USES]:
        columns = {
            "kind": f"'{use.kind}'",
            "value": f"'{use.value}'",
            "at": _at(f"(n / {EACH})"),
            "result_row": "n + 1",
            "part": f"'{use.part}'",
        }
        _insert(raw, ("result_uses", columns, ""), first, last, {})


def _given(raw: sqlite3.Connection, first: int) -> dict[str, Any]:
    body = json.loads(result_body())
    found = {**body["identification"], "training": False}
    found["provenance"]["calibration"] |= {"verification": "e" * 64, "intensity": "f" * 64, "resolution": ""}
    Identification.model_validate(found)
    more = {"outward": "no_hold_requested", "provisional": False, "training": False, "emulated": False}
    finding = FindingView.model_validate({**combine([found]).to_json(), **more})
    declared = {name: value for name, value in ADVANCE_EXAMPLE.items() if name != "sender"}
    ((token,),) = raw.execute("SELECT token_id FROM tokens LIMIT 1").fetchall()
    ((seq,),) = raw.execute("SELECT seq FROM chain_head").fetchall()
    data = {"screening_id": uuid_of(2, 7), "rows": {"x/1": "a" * 64}, "more": "x" * 400}
    return {
        "now": utc_now(),
        "token": token,
        "declared": canonical(declared),
        "finding": canonical(finding.model_dump(mode="json")),
        "identification": canonical(found),
        "device": canonical({**body["device"], "emulated": False}),
        "data": canonical(data),
        # Those that were there before the first number; they are counted once only.
        "before": seq - first,
    }


def _flag(raw: sqlite3.Connection, given: dict[str, Any], row: int) -> None:
    body = {"reason": "verification_failed", "verification": "a" * 64, "since": "", "until": given["now"]}
    values = (row, uuid_of(7, row), "STS/S1", canonical(body), given["token"], given["now"], b"\0")
    raw.execute(
        "INSERT OR IGNORE INTO flags (row, flag_id, device, body, token_id, raised_at, salt) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def day_of(number: int) -> str:
    """Return the day of a number, counted from the first one."""
    return (FIRST_DAY + timedelta(days=number)).isoformat()
