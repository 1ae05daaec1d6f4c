"""From the trigger at the bench to the result readable by the parcel system, without the light's own time.

A program asks the resident agent for a scan with an exposure of 2 s; a parcel system follows the server's
stream of events and reads the parcel. The light's own time is taken off: each frame's exposure, signal and
dark, and the laser's warning. The emulated device sits behind a pseudo-terminal, which carries bytes at once:
there is no line time to take off. What is left is ours: questions, planning, opening and reading the wire,
archive, identification, outbox, network, server, database. Four devices of the agent scan at the same time,
so that a hundred scans end within minutes: what one does is in the others' figures.
"""

import argparse
import json
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from figures import Sheet, progress, run
from light_log import LightLog
from station import Station, ended, shipped_sample

from instrument.config import DEFAULT_WARNING_S, BenchConfig, save_device
from service.bench.client import BenchClient
from service.errors import AgentUnreachable

SCANS, COLD = 100, 3
EXPOSURE_S = 2.0
LIMIT_S = 1.0
DEVICES = ("b1", "b2", "b3", "b4")
_TICKS = os.sysconf("SC_CLK_TCK")


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
        self._http.close()

    def _follow(self) -> None:
        """Read the parcel of each accepted result, as soon as the stream tells of it."""
        with self._http.stream("GET", "/events/stream", timeout=None) as stream:
            for line in stream.iter_lines():
                if self._over.is_set():
                    return
                if line.startswith("data:"):
                    event = json.loads(line.removeprefix("data:"))
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
        for name in DEVICES:
            save_device(station.settings.devices_path, _device(station, sheet.work, name))
        station.start_server()
        station.start_agent()
        station.wait_ready()
        system = ParcelSystem(station.server_url, station.token("parcel-system"))
        try:
            _resident(sheet, station, system)
            _cold(sheet, station, system)
        finally:
            system.close()


def _device(station: Station, work: Path, name: str) -> BenchConfig:
    """Start an emulated spectrometer with its laser, lit by nothing else, and return it as configured.

    A configured device's ports stay open. An emulated laser needs no pause between commands; a Cobolt's is
    part of the line time.
    """
    station.light = LightLog(work / f"{name}.log")
    station.light.path.touch()
    laser = station.start_laser()
    spectrometer = station.start_spectrometer(shipped_sample(work, "ibuprofen"))
    url = f"obp+serial://{spectrometer.about['address']}?model=STS"
    return BenchConfig(name, url, laser=f"{laser}?pause_ms=2", laser_nm=785.0, emulated=True)


def _resident(sheet: Sheet, station: Station, system: ParcelSystem) -> None:
    each = sheet.given.scans // len(DEVICES)
    agent = station.agent
    assert agent is not None
    used = _processor_s(agent.process.pid)
    with ThreadPoolExecutor(len(DEVICES)) as pool:
        lanes = list(pool.map(lambda name: _lane(station, system, name, each + 1), DEVICES))
    used = _processor_s(agent.process.pid) - used
    # The first scan of a device opens it and meets cold caches: told apart.
    done = [one for lane in lanes for one in lane[1:]]
    ours = [whole - light for whole, _, light in done]
    p95 = statistics.quantiles(ours, n=20, method="inclusive")[-1]
    sheet.at_most(f"software share of trigger to readable, p95 of {len(ours)} scans", LIMIT_S, p95)
    sheet.tell("the same, median and longest", f"{statistics.median(ours):.2f} s, {max(ours):.2f} s")
    firsts = ", ".join(f"{lane[0][0] - lane[0][2]:.2f} s" for lane in lanes)
    sheet.tell("the same, first scan of each device, which opens it", firsts)
    sheet.tell("taken off: light of a scan", f"{statistics.median(light for _, _, light in done):.2f} s")
    whole, answered = (statistics.median(one[k] for one in done) for k in (0, 1))
    sheet.tell("trigger to readable with the light's time, median", f"{whole:.2f} s")
    sheet.tell("trigger to the agent's own answer, median", f"{answered:.2f} s")
    count = sum(map(len, lanes))
    sheet.tell("processor time of the agent for a scan", f"{1e3 * used / count:.0f} ms")
    sheet.tell("load average at the end", f"{os.getloadavg()[0]:.1f}")
    sheet.facts["software_s"] = [round(one, 3) for one in ours]


def _lane(
    station: Station, system: ParcelSystem, device: str, count: int
) -> list[tuple[float, float, float]]:
    """Scan one after the other; return what each took until readable, until answered, and its light, s."""
    taken = []
    with BenchClient.connect(station.settings, start=False) as client:
        for number in range(count):
            began = time.monotonic()
            answer = client.scan(device, f"{device}-{number}", exposure_s=EXPOSURE_S, accumulations=1)
            answered = time.monotonic() - began
            whole = system.read_at(answer["result_id"]) - began
            light = _light_s(station, answer["scan_id"])
            taken.append((whole, answered, light))
            share = f"{whole:.2f} s, ours {whole - light:.2f} s"
            progress(f"{device} {number}/{count - 1}: {share}, {answer['posted']}")
    return taken


def _processor_s(pid: int) -> float:
    """Return the processor time a process has used, s (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _light_s(station: Station, scan_id: str) -> float:
    """Return what the light itself took: every frame, and the warning before the laser goes on."""
    scan = station.archive.get(scan_id)
    frames = len(scan.counts) + (0 if scan.dark is None else len(scan.dark))
    return frames * scan.exposure_s + DEFAULT_WARNING_S


def _cold(sheet: Sheet, station: Station, system: ParcelSystem) -> None:
    """Time the command where no agent runs: it starts one, which loads its method."""
    taken = []
    for number in range(sheet.given.cold):
        with suppress(AgentUnreachable), BenchClient.connect(station.settings, start=False) as client:
            client.stop_agent()
        began = time.monotonic()
        options = ("--exposure", f"{EXPOSURE_S:g}", "--accumulations", "1")
        out, errors = ended(station.scan(DEVICES[0], f"COLD-{number}", *options), 120)
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
