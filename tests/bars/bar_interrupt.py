"""Ctrl-C during an exposure: the laser is off and read back, and the command ends, within two seconds."""

import random
import re
import signal
import time
from dataclasses import dataclass

from figures import Sheet, progress, run
from station import Station, bench_url, ended, shipped_sample, wait_until

from service.bench.client import BenchClient

TIMES = 10
LIMIT_S = 2.0
INTERRUPTED = 130
#: What the command has to say; one that could not read the laser back says something else.
TOLD = re.compile(r"Ctrl-C; the laser (?:is|was read back as) off")
EXPOSURE_S = 3.0
ACCUMULATIONS = 2
#: From the laser's switching on, signal frames take so long at least, s.
WINDOW_S = EXPOSURE_S * ACCUMULATIONS - 0.5


@dataclass(frozen=True, slots=True)
class Interrupted:
    """One scan that was interrupted."""

    exit_s: float
    """From the signal to the end of the command."""
    dark_s: float | None
    """From the signal to the laser's going off by its own log; None if it was on at the command's end."""
    was_on: bool
    """Whether the laser was on at the signal."""
    code: int
    """Exit code."""
    said: str
    """What the command said."""


def measure(sheet: Sheet) -> None:
    """Interrupt ten scans at random moments of their exposure."""
    moments = random.Random(20261121)
    with Station(sheet.work) as station:
        laser = station.start_laser()
        device = bench_url(station.start_spectrometer(shipped_sample(sheet.work, "ibuprofen")), laser)
        station.start_agent()
        station.wait_ready()
        found = []
        for number in range(TIMES):
            found.append(_interrupt(station, device, f"SIGINT-{number}", moments.uniform(0.0, WINDOW_S)))
            progress(f"{number + 1}/{TIMES}: {found[-1]}")
    sheet.facts["interrupted"] = [repr(one) for one in found]
    sheet.tell("interrupted while the laser was on", f"{sum(one.was_on for one in found)}/{TIMES}")
    sheet.at_most("SIGINT to the command's end, longest", LIMIT_S, max(one.exit_s for one in found))
    dark = [one.dark_s for one in found if one.dark_s is not None]
    sheet.at_most("SIGINT to laser off by its own log, longest", LIMIT_S, max(dark, default=float("inf")))
    sheet.all_of("laser off when the command ended", len(dark), TIMES, want=TIMES)
    right = sum(one.code == INTERRUPTED for one in found)
    sheet.all_of(f"exit code {INTERRUPTED}", right, TIMES, want=TIMES)
    told = sum(TOLD.search(one.said) is not None for one in found)
    sheet.all_of("the command says that the laser is off", told, TIMES, want=TIMES)


def _interrupt(station: Station, device: str, item: str, delay_s: float) -> Interrupted:
    fixed = ("--exposure", f"{EXPOSURE_S:g}", "--accumulations", f"{ACCUMULATIONS}")
    process = station.scan(device, item, *fixed)
    wait_until(lambda: station.light.is_on or process.poll() is not None, 30.0, "the laser fired")
    time.sleep(delay_s)
    pressed_ns = time.monotonic_ns()
    process.send_signal(signal.SIGINT)
    _, said = ended(process, 30.0)
    exit_s = (time.monotonic_ns() - pressed_ns) / 1e9
    dark_s = station.light.dark_after(pressed_ns)
    was_on = station.light.was_on_at(pressed_ns)
    with BenchClient.connect(station.settings, start=False) as client:
        wait_until(lambda: not client.status()["devices"][0]["busy"], 30.0, "the device became free")
    return Interrupted(exit_s, dark_s, was_on, process.returncode, said.strip())


if __name__ == "__main__":
    run(measure)
