"""A server with a day's work in it, for looking at its pages: real scans of emulated detectors, real answers."""

import math
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from emulated_bench import LASER_NM, POWER_MW, DetectorBench

from calibration.in_force import InForce
from calibration.outcomes import ResolutionOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed
from instrument.acquisition import take_scan
from instrument.scan_plan import ScanPlan
from library.methods import training_method
from library.starter import starter_entries
from service.api.permissions import Role
from service.api.s10 import check_digit
from service.archive.journal import Archive
from service.bench import operations
from service.looking import look_at
from service.method_file import file_id_of, method_file
from spectra.answer import InstrumentState
from spectra.method import Method
from spectra.values import Technique

#: What lies on the bench, how bright it is and how it fluoresces: an alarm, two negatives, one nobody can judge.
PARCELS = (
    ("Metamizole", 1.0, 0.0),
    ("Ibuprofen", 1.0, 0.1),
    ("Ketoprofen", 0.3, 0.2),
    ("Caffeine", 0.6, 0.3),
    ("", 0.0, 0.0),
)
DEVICE = {"model": "STS", "serial": "STS00123", "firmware": "1.0", "url": "", "emulated": True}
STANDARD, FIRST = "polystyrene", datetime(2026, 9, 1, 7, 30, tzinfo=UTC)
#: A method is rebuilt before it counts, s.
_PATIENCE_S = 120.0
LINES = (620.9, 1001.4, 1031.8, 1155.3, 1602.3)


@dataclass
class Filled:
    """What was put into the server."""

    results: dict[str, str]
    """Result by substance."""
    items: dict[str, str]
    """Item identifier by substance."""
    screenings: dict[str, str]
    parcels: dict[str, str]
    method: Method


def fill(api: Callable[..., httpx.Response], home: Path) -> Filled:
    """Put a day's work into a server.

    Parameters
    ----------
    api
        Sends a request: method, path under ``/api/v1``, role, and what `httpx` takes.
    home
        Folder for the method and the bench's archive.
    """
    method = training_method(home)
    data = method_file(method, None, {})
    done(api("PUT", f"/methods/{file_id_of(data)}", content=data))
    filled = Filled({}, {}, {}, {}, method)
    archive = Archive(home / "bench-archive")
    for number, (substance, brightness, fluorescence) in enumerate(PARCELS):
        _screen(api, archive, filled, number, substance, brightness, fluorescence)
    _verify(api)
    _flag(api, filled)
    _report(api, method)
    return filled


def done(answer: httpx.Response) -> dict[str, Any]:
    """Return what a server answered; fails where it refused."""
    assert answer.status_code in {200, 201, 202}, answer.text
    told: dict[str, Any] = answer.json() if answer.content else {}
    return told


def _screen(
    api: Callable[..., httpx.Response],
    archive: Archive,
    filled: Filled,
    number: int,
    substance: str,
    brightness: float,
    fluorescence: float,
) -> None:
    serial = f"{47312482 + number}"
    item, screening_id = f"RB{serial}{check_digit(serial)}US", str(uuid.uuid4())
    opening = {"item_id": item, "item_id_type": "s10", "bench": "bench-1"}
    told = done(api("PUT", f"/screenings/{screening_id}", json=opening))
    entry = next(
        (
            one
            for one in starter_entries()
            if one.substance.name == substance and one.technique is Technique.RAMAN
        ),
        None,
    )
    for spot in (1, 2) if substance == "Ibuprofen" else (1,):
        bench = DetectorBench(
            entry.spectrum if entry else None,
            brightness=brightness,
            fluorescence=fluorescence,
            seed=number + spot,
            cosmic_rate=0.0,
        )
        scan = take_scan(bench, bench.beam, ScanPlan(accumulations=5, power_mw=POWER_MW, laser_nm=LASER_NM))
        scan = replace(scan, item=item, screening_id=screening_id, spot=spot)
        scan_id = archive.put(scan).scan_id
        done(api("PUT", f"/scans/{scan_id}", content=archive.read_bytes(scan_id)))
        found = look_at(
            scan,
            filled.method,
            records=InForce(),
            blank=None,
            state=InstrumentState(),
            scan_id=scan_id,
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        ).to_json()
        result_id = str(uuid.uuid4())
        body = {"screening_id": screening_id, "scan_id": scan_id, "identification": found, "device": DEVICE}
        done(api("PUT", f"/results/{result_id}", json={**body, "operator": "A. Jansen"}))
        filled.results[substance] = result_id
    if substance != "Caffeine":
        done(api("POST", f"/screenings/{screening_id}/complete", json={}))
    filled.items[substance], filled.screenings[substance] = item, screening_id
    filled.parcels[substance] = told["parcel_id"]


def _verify(api: Callable[..., httpx.Response]) -> None:
    """Tell of a calibration and of forty verifications, the last ones drifting until one fails."""
    rng = random.Random(7)
    outcome = ResolutionOutcome("calcite", 1085.9, "voigt", 12.1, 0.1, 11.6, 2.4)
    record = CalibrationRecord(
        kind=Kind.RESOLUTION,
        device_serial=DEVICE["serial"],
        device_model="STS",
        outcome=outcome,
        standards=(StandardUsed("calcite"),),
        scans=("a" * 64,),
        made_at="2026-09-01T07:00:00Z",
        emulated=True,
    )
    done(api("PUT", f"/calibrations/{record.record_id}", json=record.to_json()))
    for number in range(40):
        drift = 0.25 * max(0, number - 32)
        lines = [{"expected_cm1": at, "found_cm1": at + rng.gauss(0, 0.12) + drift} for at in LINES]
        worst = max(abs(one["found_cm1"] - one["expected_cm1"]) for one in lines)
        body = {
            "device": f"STS/{DEVICE['serial']}",
            "standard": STANDARD,
            "passed": worst <= 2.0,
            "at": (FIRST + timedelta(days=2 * number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "outcome": {
                "schema": "opioscan.verification/1",
                "passed": worst <= 2.0,
                "worst_cm1": worst,
                "limit_cm1": 2.0,
                "lines": lines,
                "resolution_cm1": 12.0 + rng.gauss(0, 0.1),
                "intensity": 4100 * math.exp(rng.gauss(0, 0.02)),
                "snr": 180 + rng.gauss(0, 8),
            },
            "bench": "bench-1",
        }
        done(api("PUT", f"/verifications/{f'{number:064x}'}", json=body))


def _flag(api: Callable[..., httpx.Response], filled: Filled) -> None:
    op = operations.flag(
        str(uuid.uuid4()),
        device="STS/STS00123",
        verification="f" * 64,
        since="2026-11-17T07:30:00Z",
        until="2026-11-22T07:30:00Z",
        result_ids=[filled.results["Ketoprofen"], str(uuid.uuid4())],
    )
    done(api(op.method, op.path, json=dict(op.json)))


def _report(api: Callable[..., httpx.Response], method: Method) -> None:
    verification = {
        "state": "verified",
        "verified_at": "2026-11-22T08:00:00Z",
        "due_at": "2101-01-01T00:00:00Z",
    }
    device = {
        "name": "b1",
        "model": "STS",
        "serial": "STS00123",
        "emulated": True,
        "verification": verification,
    }
    library = {"name": method.library_name, "digest": method.library_digest}
    body = {
        "sent_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "software": "0.1.0",
        "clock": "synchronised",
        "method": {
            "name": method.name,
            "version": method.version,
            "digest": method.digest,
            "training": True,
            "library": library,
        },
        "release": None,
        "devices": [
            device,
            {
                **device,
                "name": "ftir",
                "model": "IR-1",
                "serial": "7",
                "verification": {**verification, "state": "overdue", "due_at": "2026-11-21T08:00:00Z"},
            },
        ],
        "outbox": {"pending": 2, "refused": 1, "oldest_s": 4000.0},
    }
    done(api("PUT", "/benches/bench-1", json=body))


def api_of(served: Any) -> Callable[..., httpx.Response]:
    """Return how a bench of a served store (tests/service/api/conftest.py) talks to it."""
    return partial(_sent, served)


def _sent(served: Any, method: str, path: str, role: Role = Role.BENCH, **options: Any) -> httpx.Response:
    answer: httpx.Response = served.api(method, path, role, timeout=_PATIENCE_S, **options)
    return answer
