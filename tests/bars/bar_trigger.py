"""From the trigger at the bench to the result readable by the parcel system, without the light's own time.

A program asks the resident agent for a scan with an exposure of 2 s; a parcel system follows the server's events.
The light's own time is taken off: each frame's exposure, signal and dark, and the laser's warning. The
emulated device sits behind a pseudo-terminal, which carries bytes at once: there is no line time to take off.
What is left is ours: questions, planning, opening and reading the wire, archive, identification, outbox,
network, server, database.
"""

import argparse
import statistics
import threading
import time
from contextlib import suppress
from typing import Any

import httpx
from figures import Sheet, progress, run
from station import Station, ended, shipped_sample

from instrument.config import DEFAULT_WARNING_S, BenchConfig, save_device
from service.bench.client import BenchClient
from service.errors import AgentUnreachable

SCANS, COLD = 100, 3
EXPOSURE_S = 2.0
LIMIT_S = 1.0
#: How often the parcel system asks for events, s; half of it is in every figure.
EVERY_S = 0.02


class ParcelSystem:
    """Follows the events of a server and notes when it could read which result."""

    def __init__(self, address: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=20)
        self._over = threading.Event()
        self._news = threading.Condition()
        self._read_at: dict[str, float] = {}
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def read_at(self, result_id: str, within_s: float = 20.0) -> float:
        """Return when the parcel of a result was read with it, monotonic time, s."""
        with self._news:
            if not self._news.wait_for(lambda: result_id in self._read_at, within_s):
                raise TimeoutError(f"the parcel system never saw {result_id}")
            return self._read_at[result_id]

    def close(self) -> None:
        """Stop following."""
        self._over.set()
        self._thread.join(5)
        self._http.close()

    def _follow(self) -> None:
        after = 0
        while not self._over.wait(EVERY_S):
            page = self._http.get("/events", params={"after": after, "limit": 200}).json()
            after = page["next_after"]
            for event in page["items"]:
                if event["type"] == "result.accepted":
                    self._read(event["data"])

    def _read(self, data: dict[str, Any]) -> None:
        parcel = self._http.get(f"/parcels/{data['parcel_id']}")
        parcel.raise_for_status()
        with self._news:
            self._read_at[data["result_id"]] = time.monotonic()
            self._news.notify_all()


def measure(sheet: Sheet) -> None:
    """Scan many times with the resident agent, and a few times with none running."""
    with Station(sheet.work) as station:
        laser = station.start_laser()
        spectrometer = station.start_spectrometer(shipped_sample(sheet.work, "ibuprofen"))
        # Configured, as a bench's devices are: its ports stay open. An emulated laser needs no pause
        # between commands; a Cobolt's is part of the line time.
        url = f"obp+serial://{spectrometer.about['address']}?model=STS"
        device = "b1"
        config = BenchConfig(device, url, laser=f"{laser}?pause_ms=2", laser_nm=785.0, emulated=True)
        save_device(station.settings.devices_path, config)
        station.start_server()
        station.start_agent()
        station.wait_ready()
        system = ParcelSystem(station.server_url, station.token("parcel-system"))
        try:
            _resident(sheet, station, system, device)
            _cold(sheet, station, system, device)
        finally:
            system.close()


def _resident(sheet: Sheet, station: Station, system: ParcelSystem, device: str) -> None:
    ours, wholes, answers = [], [], []
    with BenchClient.connect(station.settings, start=False) as client:
        for number in range(sheet.given.scans + 1):
            began = time.monotonic()
            answer = client.scan(device, f"TRIGGER-{number}", exposure_s=EXPOSURE_S, accumulations=1)
            answered = time.monotonic() - began
            whole = system.read_at(answer["result_id"]) - began
            share = whole - _light_s(station, answer["scan_id"])
            progress(f"{number}/{sheet.given.scans}: {whole:.2f} s, ours {share:.2f} s, {answer['posted']}")
            # The first one opens the device and meets cold caches.
            if number:
                ours.append(share)
                wholes.append(whole)
                answers.append(answered)
    p95 = statistics.quantiles(ours, n=20, method="inclusive")[-1]
    sheet.at_most(f"software share of trigger to readable, p95 of {len(ours)} scans", LIMIT_S, p95)
    sheet.tell("the same, median and longest", f"{statistics.median(ours):.2f} s, {max(ours):.2f} s")
    sheet.tell("trigger to readable with the light's time, median", f"{statistics.median(wholes):.2f} s")
    sheet.tell("trigger to the agent's own answer, median", f"{statistics.median(answers):.2f} s")
    sheet.facts["software_s"] = [round(one, 3) for one in ours]


def _light_s(station: Station, scan_id: str) -> float:
    """Return what the light itself took: every frame, and the warning before the laser goes on."""
    scan = station.archive.get(scan_id)
    frames = len(scan.counts) + (0 if scan.dark is None else len(scan.dark))
    return frames * scan.exposure_s + DEFAULT_WARNING_S


def _cold(sheet: Sheet, station: Station, system: ParcelSystem, device: str) -> None:
    """Time the command where no agent runs: it starts one, which loads its method."""
    taken = []
    for number in range(sheet.given.cold):
        with suppress(AgentUnreachable), BenchClient.connect(station.settings, start=False) as client:
            client.stop_agent()
        began = time.monotonic()
        options = ("--exposure", f"{EXPOSURE_S:g}", "--accumulations", "1")
        out, errors = ended(station.scan(device, f"COLD-{number}", *options), 120)
        if not out:
            raise RuntimeError(errors)
        result_id = errors.partition("result ")[2].partition(":")[0]
        taken.append(system.read_at(result_id) - began)
        progress(f"cold {number}: {taken[-1]:.2f} s")
    words = ", ".join(f"{one:.1f} s" for one in taken)
    sheet.tell("cold: opioscan scan without an agent, to readable, with the light's time", words)
    with suppress(AgentUnreachable), BenchClient.connect(station.settings, start=False) as client:
        client.stop_agent()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scans", type=int, default=SCANS)
    parser.add_argument("--cold", type=int, default=COLD)


if __name__ == "__main__":
    run(measure, _options)
