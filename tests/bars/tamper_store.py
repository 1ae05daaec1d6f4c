"""A database made by a real server from real requests, to be tampered with; everything in it is emulated."""

import importlib.util
import itertools
import json
import random
import sqlite3
import sys
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from figures import progress

from calibration.outcomes import ResolutionOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed

ROOT = Path(__file__).resolve().parents[2]

#: Benches report after this many screenings, and get a signed head each time.
REPORT_EVERY = 20


@dataclass(frozen=True, slots=True)
class Store:
    """What a server left when it was stopped."""

    folder: Path
    """The server's folder, with key, heads and hashes."""
    db: Path
    """The database as one file, its triggers dropped as whoever tampers would."""
    copies: Path
    """Signed heads a bench was given."""
    facts: dict[str, int]
    """Rows by table."""


def make_store(work: Path, results: int, seed: int) -> Store:
    """Run a server and have it screen parcels until there are so many results."""
    kit = _kit()
    copies = work / "bench-heads.jsonl"
    with kit.serving(work) as served:
        _fill(kit, served, work, results, random.Random(seed), copies)
    folder, db = work / "server", work / "base.sqlite3"
    with closing(sqlite3.connect(folder / "opioscan.sqlite3")) as raw:
        raw.execute("VACUUM INTO ?", (str(db),))
    with closing(sqlite3.connect(db)) as raw, raw:
        triggers = raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        facts = {name: raw.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    return Store(folder, db, copies, facts)


def _fill(kit: ModuleType, served: Any, work: Path, results: int, rng: random.Random, copies: Path) -> None:
    from service.archive.journal import Archive

    archive = Archive(work / "bench")

    def scan_file(screening_id: str = "", **options: Any) -> tuple[str, bytes]:
        scan_id = archive.put(kit.make_scan(screening_id, **options)).scan_id
        return scan_id, archive.read_bytes(scan_id)

    bench = kit.Bench(served, scan_file, itertools.count())
    paths = served.api("GET", "/openapi.json", None).json()["paths"]
    done: list[str] = []
    number = 0
    while len(done) < results:
        number += 1
        screening = bench.open(kit.fresh_item())
        verdicts = rng.choices(["no_alarm", "alarm_named", "inconclusive"], [6, 1, 1], k=rng.randint(1, 2))
        done += [bench.result(screening, verdict, spot=spot + 1) for spot, verdict in enumerate(verdicts)]
        if rng.random() < 0.9:
            bench.complete(screening)
        _around(kit, served, paths, screening, done, rng)
        if number % REPORT_EVERY == 0:
            _report(kit, served, number, copies)
            progress(f"{len(done)} results")


def _around(
    kit: ModuleType, served: Any, paths: dict[str, Any], screening: str, done: list[str], rng: random.Random
) -> None:
    """Do now and then what people do with results: flag, review, hold, dispose, calibrate."""
    parcel = served.api("GET", f"/screenings/{screening}").json()["parcel_id"]
    if rng.random() < 0.1:
        hold = served.api("PUT", f"/parcels/{parcel}/hold", kit.Role.ADMIN, json={"why": "Case 1, emulated"})
        assert hold.status_code == 201, hold.text
    if rng.random() < 0.1:
        _flag(kit, served, rng.sample(done, min(3, len(done))), reviewed=rng.random() < 0.5)
    if rng.random() < 0.1:
        _verification(served, rng)
        _calibration(served)
    if rng.random() < 0.3 and "/api/v1/parcels/{parcel_id}/dispositions" in paths:
        body = {
            "decision": "held",
            "compliant": False,
            "decided_at": "2026-11-22T12:00:00Z",
            "reference": "emulated",
            "note": "emulated",
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        served.api(
            "POST", f"/parcels/{parcel}/dispositions", kit.Role.PARCEL_SYSTEM, json=body, headers=headers
        )
    if rng.random() < 0.2 and "/api/v1/results/{result_id}/reviews" in paths:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        body = {"question": "emulated"}
        served.api("POST", f"/results/{done[-1]}/reviews", json=body, headers=headers)


def _flag(kit: ModuleType, served: Any, results: list[str], *, reviewed: bool) -> None:
    flag_id = str(uuid.uuid4())
    body = {
        "flag_id": flag_id,
        "reason": "verification_failed",
        "device": "STS/S1",
        "verification": uuid.uuid4().hex * 2,
        "since": "",
        "until": "2026-11-22T08:00:00Z",
        "result_ids": results,
    }
    answer = served.api("PUT", f"/flags/{flag_id}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    if reviewed:
        words = {"note": "looked at, emulated"}
        answer = served.api("POST", f"/flags/{flag_id}/reviewed", kit.Role.TECHNICIAN, json=words)
        assert answer.status_code == 200, answer.text


def _verification(served: Any, rng: random.Random) -> None:
    scan = uuid.UUID(int=rng.getrandbits(128)).hex * 2
    body = {
        "device": "STS/S1",
        "standard": "polystyrene",
        "passed": True,
        "at": "2026-11-22T12:00:00Z",
        "outcome": {"emulated": True},
        "bench": "bench-1",
    }
    answer = served.api("PUT", f"/verifications/{scan}", json=body)
    assert answer.status_code in {200, 201}, answer.text


def _calibration(served: Any) -> None:
    made = CalibrationRecord(
        kind=Kind.RESOLUTION,
        device_serial=uuid.uuid4().hex,
        device_model="STS",
        outcome=ResolutionOutcome("calcite", 1085.9, "voigt", 12.1, 0.1, 11.6, 2.4),
        standards=(StandardUsed("calcite"),),
        scans=("a" * 64,),
        made_at="2026-11-22T08:00:00Z",
        emulated=True,
    )
    answer = served.api("PUT", f"/calibrations/{made.record_id}", json=made.to_json())
    assert answer.status_code == 201, answer.text


def _report(kit: ModuleType, served: Any, number: int, copies: Path) -> None:
    from service.bench.head_copies import keep_head

    report = {
        "sent_at": "2026-11-22T12:00:00Z",
        "software": f"0.1.{number}",
        "clock": "synchronised",
        "method": None,
        "release": None,
        "devices": [],
        "outbox": {"pending": 0, "refused": 0, "oldest_s": None},
    }
    answer = served.api("PUT", "/benches/bench-1", json=json.loads(json.dumps(report)))
    assert answer.status_code in {200, 201}, answer.text
    assert keep_head(copies, answer.json()), "the answer to a report carries a signed head"


def _kit() -> ModuleType:
    """Return the tests' server and bench, so that bars and tests make the same requests."""
    spec = importlib.util.spec_from_file_location("api_kit", ROOT / "tests/service/api/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    kit = importlib.util.module_from_spec(spec)
    sys.modules["api_kit"] = kit
    spec.loader.exec_module(kit)
    return kit
