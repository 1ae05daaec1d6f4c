"""One bench of the store-and-forward bar: results are made up, outbox, uplink and flusher are the real ones."""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from service.archive.journal import Archive
from service.bench import operations
from service.bench.flusher import Flusher
from service.bench.outbox import Outbox
from service.settings import Settings
from spectra.values import DeviceInfo, Scan, Technique

SPOTS = 4
#: Generated faster than they can be sent, but not all at once.
_PAUSE_EVERY, _PAUSE_S = 40, 0.2
_LONGEST_S = 600.0


def identification(scan_id: str, number: int) -> dict[str, object]:
    """Return a made-up answer of the contract, marked as training and simulated."""
    return {
        "schema": "opioscan.identification/1",
        "source": "simulated for a bar",
        "scan_id": scan_id,
        "technique": "raman",
        "laser_nm": 785.0,
        "training": True,
        "verdict": "inconclusive" if number % 50 == 0 else "no_alarm",
        "reasons": ["weak_signal"] if number % 50 == 0 else [],
        "components": [],
        "ranking": [],
        "classes": [],
        "not_excluded": [],
        "quality": {
            "snr": 100.0,
            "saturated": False,
            "fluorescence_ratio": 1.0,
            "coverage_cm1": [400.0, 1800.0],
            "explained": 0.9,
        },
        "provenance": {
            "method": {"name": "training", "version": 1, "digest": "a" * 64},
            "library": {"name": "starter", "digest": "b" * 64},
            "recipe": {"name": "raman-default", "digest": "c" * 64},
            "calibration": {"id": "", "verified_at": ""},
            "false_alarm_rate": 0.01,
            "null_count": 3000,
            "software": "bar",
            "build": "",
        },
        "created_at": "2026-11-21T12:00:00Z",
    }


def scan_of(bench: str, number: int, screening: str, item: str) -> Scan:
    """Return a small made-up scan, labelled as emulated."""
    counts = np.random.default_rng([number, *bench.encode()]).poisson(500, (1, 64))
    return Scan(
        technique=Technique.RAMAN,
        counts=counts,
        device=DeviceInfo("SIMULATED", bench, emulated=True),
        exposure_s=0.1,
        taken_at="2026-11-21T12:00:00Z",
        axis=np.linspace(790, 940, 64),
        laser_nm=785.0,
        item=item,
        screening_id=screening,
        spot=number % SPOTS + 1,
    )


def fill(archive: Archive, outbox: Outbox, bench: str, results: int, flusher: Flusher) -> list[str]:
    """Put results into the outbox as a bench does, and return their ids in order."""
    ids = []
    for number in range(results):
        item = f"{bench}-{number // SPOTS:05d}".upper()
        screening = outbox.open_screening(item)
        archived = archive.put(scan_of(bench, number, screening, item), b"")
        last = number % SPOTS == SPOTS - 1 or number == results - 1
        told = operations.Told(bench)
        ops = operations.telling(archived, identification(archived.scan_id, number), told, complete=last)
        outbox.add(ops, closes=item if last else "")
        ids.append(operations.result_id(archived.scan_id))
        if number % _PAUSE_EVERY == 0:
            flusher.kick(wait_s=0.0)
            time.sleep(_PAUSE_S)
    return ids


def main() -> None:
    """Fill and empty one outbox, and say what was in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--results", type=int, required=True)
    parser.add_argument("--server", required=True)
    given = parser.parse_args()
    token = sys.stdin.readline().strip()
    settings = Settings(given.home, server_url=given.server, server_token=token)
    settings.ensure_home()
    archive, outbox = Archive(settings.archive_dir), Outbox(settings.outbox_path)
    flusher = Flusher(settings, archive, outbox)
    began = time.monotonic()
    flusher.start()
    ids = fill(archive, outbox, given.bench, given.results, flusher)
    filled = time.monotonic() - began
    while outbox.counts()["pending"] and time.monotonic() - began < _LONGEST_S:
        # As the next scan would.
        flusher.kick(wait_s=1.0)
    counts = outbox.counts()
    told = {"ids": ids, "filled_s": filled, "sent_s": time.monotonic() - began, "counts": counts}
    told["refusals"] = [f"{one.status} {one.op.path}: {one.detail}" for one in outbox.refused()[:3]]
    flusher.end()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
