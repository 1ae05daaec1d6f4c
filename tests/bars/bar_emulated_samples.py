"""The panel's bare samples put before an emulated probe and scanned over a pseudo-terminal.

The full path: counts of a detector, automatic exposure, laser through its guardian, axis from the
device's coefficients, the archive; then the archived scan against the real library.
"""

import json
from typing import Any

from figures import Sheet, progress, run
from panel import first, import_library, rows, same
from station import Station, bench_url, ended

from calibration.apply import spectrum_of
from library.methods import fit_method
from library.store import read_library
from service.bench.client import BenchClient
from spectra.identification import identify
from spectra.method import Method

SPEED = 10.0
SCAN_WITHIN_S = 120.0
_NOW = "2026-11-21T12:00:00Z"


def measure(sheet: Sheet) -> None:
    """Scan the eight bare samples and count the right first components."""
    shared, library = sheet.needs_shared(), sheet.work / "raman785.h5"
    import_library(sheet.work / "importing", shared, library)
    method = fit_method(read_library(library))
    right, lines, wanted = 0, [], rows(shared, "bare")
    with Station(sheet.work, speed=SPEED) as station:
        laser = station.start_laser()
        station.start_agent()
        station.wait_ready()
        for number, row in enumerate(wanted):
            line = _scan(station, laser, method, row, f"BAR-{number}")
            lines.append(line)
            right += same(line["first"]) == same(row["truth"])
            progress(f"{row['file'].name}: {line['first'] or 'nothing'}, should be {row['truth']}")
        with BenchClient.connect(station.settings, start=False) as client:
            sheet.facts["laser_alarm"] = client.status()["laser_alarm"]
    sheet.facts["scans"] = lines
    sheet.all_of("bare samples through emulator and pty: right first component", right, len(wanted), want=8)


def _scan(station: Station, laser: str, method: Method, row: dict[str, Any], item: str) -> dict[str, Any]:
    spectrometer = station.start_spectrometer(row["file"])
    out, err = ended(station.scan(bench_url(spectrometer, laser), item), SCAN_WITHIN_S)
    spectrometer.stop()
    if not out:
        raise RuntimeError(f"opioscan scan of {row['file'].name}: {err[-1000:]}")
    shown = json.loads(out)
    scan = station.archive.get(shown["scan_id"])
    found = identify(spectrum_of(scan), method, scan_id=shown["scan_id"], now=_NOW).to_json()
    return {
        "file": row["file"].name,
        "truth": row["truth"],
        "first": first(found),
        "components": [(one["substance"], one["hqi"], one["shift_cm1"]) for one in found["components"]],
        "snr": found["quality"]["snr"],
        "exposure_s": scan.exposure_s,
        "verdict_of_training_method": shown["verdict"],
        "first_of_training_method": first(shown),
    }


if __name__ == "__main__":
    run(measure)
