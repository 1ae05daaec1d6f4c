"""A drifting bench is caught before a line is 2 cm⁻¹ off, a stable one never fails, and a verdict is quick.

Emulated instruments, real agents and commands. The hours of the drift are simulated: between two verifications
the emulator's axis is moved at once by what it would have drifted until the next one is due, and when that is
is what ``verify`` answered. The agent's own clock goes on by seconds, so that it sees no rate of drift and has
to rely on the worst that is to be caught; seen rates only shorten its intervals (tests/calibration/test_due.py).
"""

import json
import socket
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from figures import Sheet, opioscan, progress, run
from station import Program, Station, shipped_sample

from calibration.limits import BOUND_CM1
from instrument.config import BenchConfig, save_device
from library.methods import training_method
from service.bench.client import BenchClient

SPEED = 20.0
RATE_CM1_H = 0.5
#: Where the axis is when a drift begins, cm⁻¹; each with both signs of the drift.
STARTS = (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9)
STABLE = 500
#: Signal-to-noise ratio of the stable verifications: none below, and about where the middle is to be.
SNR = (50.0, 80.0)
VERDICT_S = 20.0
#: No drift takes more steps than this until it is caught, or something is wrong.
_MOST_STEPS = 40


@dataclass
class Emulated:
    """A spectrometer with its laser, and what is before the probe."""

    name: str
    control: Path
    spectrometer: Program

    def tell(self, **message: Any) -> None:
        """Change what is before the probe, or where the axis is."""
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(5)
            sock.connect(str(self.control))
            sock.sendall(json.dumps(message).encode() + b"\n")
            with sock.makefile("r") as answers:
                answer = json.loads(answers.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])


def emulated(station: Station, name: str, seed: int, *, warning_s: float) -> Emulated:
    """Start a coupled pair of emulators and give the station a device of that name."""
    light, control = station.folder / f"{name}.light", station.folder / f"{name}.ctl"
    light.touch()
    laser = station.program("emulate", "cobolt", "--pty", "--light", str(light))
    spectrometer = station.program(
        *("emulate", "obp", "--model", "STS", "--pty", "--light", str(light), "--control", str(control)),
        *("--speed", f"{station.speed:g}", "--seed", str(seed), "--serial", f"DRIFT-{name}"),
        *("--sample", str(station.folder / "polystyrene.jdx")),
    )
    config = BenchConfig(
        name=name,
        spectrometer=f"obp+serial://{spectrometer.about['address']}?model=STS&baud=115200",
        # In a hurry the emulated laser needs no pause between commands.
        laser=f"cobolt+serial://{laser.about['address']}{'?pause_ms=2' if station.speed > 1 else ''}",
        laser_nm=785.0,
        emulated=True,
        warning_s=warning_s,
    )
    save_device(station.settings.devices_path, config)
    return Emulated(name, control, spectrometer)


def measure(sheet: Sheet) -> None:
    """Drift, stand still, and be timed."""
    for name, speed in (("drift", SPEED), ("timing", 1.0)):
        folder = sheet.work / name
        folder.mkdir()
        with Station(folder, speed=speed) as station:
            training_method(station.settings.home)
            for sample in ("polystyrene", "ibuprofen"):
                shipped_sample(folder, sample)
            (_drifts if name == "drift" else _timing)(sheet, station)


def _drifts(sheet: Sheet, station: Station) -> None:
    one = emulated(station, "one", 1, warning_s=0.0)
    other = emulated(station, "other", 2, warning_s=0.0)
    station.start_agent()
    station.wait_ready()
    with BenchClient.connect(station.settings, start=False) as client:
        quick = {"exposure_s": 1.0, "accumulations": 1}
        # Of the other instrument, and never to be flagged.
        other.tell(sample=str(station.folder / "ibuprofen.jdx"))
        foreign = client.scan("other", "OTHER-1", **quick)["result_id"]
        rows, late, wrong = [], [], []
        for start in STARTS:
            for sign in (-1.0, 1.0):
                found = _drift(client, one, start, sign, station.folder, quick)
                rows.append(found)
                progress(f"drift {len(rows)}/{2 * len(STARTS)} caught at {found['off']:+.2f} cm⁻¹")
                what = f"from {start:+.1f} at {sign * RATE_CM1_H:+.1f}/h"
                if not found["caught"] or abs(found["off"]) >= BOUND_CM1:
                    late.append(f"{what}: {found['off']:+.2f}")
                if found["flagged"] != found["since_pass"] or foreign in found["flagged"]:
                    wrong.append(what)
        sheet.all_of(
            f"drifts of {RATE_CM1_H} cm⁻¹/h caught before a line is {BOUND_CM1:g} cm⁻¹ off (hours simulated)",
            len(rows) - len(late),
            len(rows),
            want=2 * len(STARTS),
        )
        sheet.tell("farthest off when caught", f"{max(abs(row['off']) for row in rows):.2f} cm⁻¹")
        sheet.tell(
            "simulated until caught",
            f"{min(r['hours'] for r in rows):.1f}–{max(r['hours'] for r in rows):.1f} h",
        )
        sheet.none_of("failures that flag anything but the results since the last pass", wrong)
        sheet.table(
            ("start", "drift", "verified", "off when caught", "after", "flagged"),
            [
                (
                    *(f"{row['start']:+.1f}", f"{row['sign'] * RATE_CM1_H:+.1f}/h", str(row["steps"])),
                    *(f"{row['off']:+.2f}", f"{row['hours']:.1f} h", str(len(row["flagged"]))),
                )
                for row in rows
            ],
        )
        _stable(sheet, client, one, station.folder)
    _chart(sheet, station)


def _drift(
    client: BenchClient, one: Emulated, start: float, sign: float, folder: Path, quick: dict[str, Any]
) -> dict[str, Any]:
    """Let the axis drift from a state that passes, scanning and verifying when it is due, until it fails."""
    off, hours, since_pass = start, 0.0, []
    found: dict[str, Any] = {"start": start, "sign": sign, "caught": False, "flagged": [], "since_pass": []}
    for step in range(_MOST_STEPS):
        one.tell(axis_shift_cm1=off, sample=str(folder / "polystyrene.jdx"))
        answer = client.verify(one.name, **quick)
        found |= {"steps": step + 1, "off": off, "hours": hours}
        if not answer["passed"]:
            caught = answer["verdict"] == "failed" and step > 0
            flagged = answer["flagged"]["result_ids"]
            return found | {"caught": caught, "flagged": flagged, "since_pass": since_pass}
        one.tell(sample=str(folder / "ibuprofen.jdx"))
        # What was scanned before this pass is not in doubt any more.
        since_pass = [client.scan(one.name, f"P{number}", **quick)["result_id"] for number in range(2)]
        taken = datetime.fromisoformat(answer["verification"]["at"])
        interval = (datetime.fromisoformat(answer["due"]["at"]) - taken).total_seconds() / 3600.0
        hours += interval
        off += sign * RATE_CM1_H * interval
    return found


def _stable(sheet: Sheet, client: BenchClient, one: Emulated, folder: Path) -> None:
    one.tell(axis_shift_cm1=0.0, sample=str(folder / "polystyrene.jdx"))
    # At full light first: the baseline of width and intensity is from the drifts before.
    exposure = _exposure_of(client, one)
    began, snr, bad = time.monotonic(), [], []
    for number in range(STABLE):
        answer = client.verify(one.name, exposure_s=exposure)
        snr.append(answer["verification"]["snr"])
        if not answer["passed"]:
            bad.append(f"{number}: {answer['verdict']}, {answer['verification']['why']}")
        if (number + 1) % 100 == 0:
            progress(f"{number + 1}/{STABLE} verifications of a stable bench")
    seconds = time.monotonic() - began
    low, middle, high = (float(value) for value in np.percentile(snr, [0, 50, 100]))
    sheet.none_of(f"of {STABLE} verifications of a stable bench not passed", bad)
    sheet.add(
        "signal-to-noise ratio of these, least, median and largest",
        f"≥ {SNR[0]:g}",
        f"{low:.0f}, {middle:.0f}, {high:.0f}",
        passed=low >= SNR[0],
    )
    sheet.tell("these took, emulator at 20 times its speed", f"{seconds:.0f} s")
    sheet.facts["snr"] = snr


def _chart(sheet: Sheet, station: Station) -> None:
    """Draw the control chart of all that was verified, to be looked at."""
    picture = station.folder / "chart.png"
    command = [opioscan(), "calibration", "chart", "one", "--png", str(picture)]
    done = subprocess.run(command, env=station.env, capture_output=True, text=True, timeout=120)
    drawn = picture.read_bytes() if picture.is_file() else b""
    sheet.add(
        "control chart of these verifications",
        "a picture",
        f"{len(drawn)} bytes in {picture}" if drawn else done.stderr[-300:],
        passed=done.returncode == 0 and drawn.startswith(b"\x89PNG"),
    )


def _exposure_of(client: BenchClient, one: Emulated) -> float:
    """Return the exposure at which the strongest line has the wanted signal-to-noise ratio."""
    exposure, wanted = 0.2, SNR[1]
    for _ in range(8):
        seen = [client.verify(one.name, exposure_s=exposure)["verification"]["snr"] for _ in range(5)]
        ratio = float(np.median(seen)) / wanted
        if 0.93 < ratio < 1.07:
            break
        exposure = float(np.clip(exposure / ratio, 0.002, 5.0))
    return exposure


def _timing(sheet: Sheet, station: Station) -> None:
    # As instruments are: in real time, with the usual warning before light and automatic exposure.
    emulated(station, "one", 3, warning_s=BenchConfig.__dataclass_fields__["warning_s"].default)
    for what in ("cold, the command starts the agent", "with a running agent"):
        began = time.monotonic()
        command = [opioscan(), "verify", "--device", "one", "--json"]
        done = subprocess.run(
            command, env=station.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
        )
        seconds = time.monotonic() - began
        passed = done.returncode == 0 and json.loads(done.stdout)["passed"]
        sheet.add(
            f"opioscan verify to verdict, exposure included, {what}",
            f"≤ {VERDICT_S:g} s",
            f"{seconds:.1f} s" + ("" if passed else f", exit {done.returncode}: {done.stderr[-200:]}"),
            passed=bool(passed) and seconds <= VERDICT_S,
        )
    with BenchClient.connect(station.settings, start=False) as client:
        client.stop_agent()


if __name__ == "__main__":
    run(measure)
