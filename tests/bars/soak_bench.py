"""A bench of the soak: emulators with faults, a bench that scans, an archive that keeps."""

import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from emulated import Emulated
from guardian_watch import GuardianWatch

from instrument.config import bench_config
from instrument.errors import InstrumentError
from instrument.guardian import stop_guardian
from instrument.raman_bench import RamanBench, guardian_socket
from service.archive.journal import Archive
from spectra.values import Scan

#: Speed of the spectrometers, device seconds per second, and exposure of a frame, device s.
SPEED, EXPOSURE_S = 50.0, 0.5
#: Faults of the replies, a hundredth of them in all; short, so that two thousand scans take minutes.
SPECTROMETER_FAULTS = {
    "drop": "",
    "delay": ":0.2",
    "fragment": "",
    "garbage": "",
    "garbage_inside": "",
    "corrupt": "",
    "bad_footer": "",
    "truncate": "",
    "wrong_type": "",
    "duplicate": "",
    "stale": "",
    "nack": "",
    "disconnect": ":0.1",
    "power_cut": ":0.1",
}
LASER_FAULTS = {**SPECTROMETER_FAULTS, "interlock": ":0.2"}
FAULT_SHARE = 0.01


def fault_spec(kinds: dict[str, str]) -> str:
    """Return a fault specification whose probabilities add up to `FAULT_SHARE`."""
    return ",".join(f"{kind}:{FAULT_SHARE / len(kinds):.6f}{value}" for kind, value in kinds.items())


@dataclass(slots=True)
class Tally:
    """What became of the scans, over all benches."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    begun: int = 0
    complete: int = 0
    aborted: int = 0
    """Ended in a named error, with an aborted record in the archive."""
    frameless: int = 0
    """Ended in a named error before the first frame."""
    unnamed: list[str] = field(default_factory=list)
    """Ended in anything else."""
    errors: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)
    """The first message of each kind of error."""
    archived: set[str] = field(default_factory=set)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    """Duration of each scan, s, and what it ended in."""

    def note(self, outcome: str, kept: str, taken_s: float) -> None:
        """Count a scan."""
        with self.lock:
            self.slowest = sorted([*self.slowest, (round(taken_s, 2), outcome)], reverse=True)[:20]
            if kept:
                self.archived.add(kept)
            if outcome.startswith("unnamed"):
                self.unnamed.append(outcome)
            elif outcome == "complete":
                self.complete += 1
            else:
                self.errors[outcome] += 1
                self.aborted += bool(kept)
                self.frameless += not kept


#: Which laser each of the benches has, in turn; a Ventana contains its own.
LASERS = ("cobolt", "ips", "cobolt", "ventana", "cobolt", "ips")


class SoakBench:
    """A bench with its emulators."""

    def __init__(self, number: int, archive: Archive) -> None:
        self._archive = archive
        self._runtime = Path(tempfile.mkdtemp(prefix="opioscan-bar-"))
        light = self._runtime / "light.log"
        light.touch()
        seed = ("--seed", str(1000 + number))
        kind = LASERS[number % len(LASERS)]
        model = "VENTANA" if kind == "ventana" else "STS"
        spectrometer = Emulated("obp", "--model", model, *seed, "--speed", f"{SPEED:g}", light=light)
        self._devices = [spectrometer]
        common = "laser_nm=785&power_mw=50&warning_s=0"
        if kind == "ventana":
            owned = url = f"obp+serial://{spectrometer.link}?model=Ventana&{common}"
        else:
            laser = Emulated(kind, *seed, light=light)
            self._devices.append(laser)
            owned = _laser_url(kind, laser)
            url = f"obp+serial://{spectrometer.link}?model=STS&{common}&laser={quote(owned, safe='')}"
        self._guardian = guardian_socket(self._runtime, owned)
        self._watch = GuardianWatch(self._guardian)
        self._bench = RamanBench.open(bench_config(url, Path(os.devnull)), self._runtime)
        spectrometer.control(faults=fault_spec(SPECTROMETER_FAULTS))
        for device in self._devices[1:]:
            device.control(faults=fault_spec(LASER_FAULTS))

    @property
    def guardian_pid(self) -> int:
        """Process of its guardian."""
        return self._watch.pid

    def scan(self, item: str, tally: Tally) -> None:
        """Take one scan and put it into the archive, as the bench agent does."""
        plan = self._bench.plan(exposure_s=EXPOSURE_S, accumulations=1, item=item)
        began, outcome, kept = time.monotonic(), "complete", ""
        try:
            try:
                kept = self._keep(self._bench.scan(plan))
            except InstrumentError as error:
                outcome = type(error).__name__
                tally.words.setdefault(outcome, str(error)[:200])
                kept = self._keep(error.scan) if error.scan is not None else ""
        # Whatever else comes out is what is looked for here.
        except Exception as error:
            outcome = f"unnamed {type(error).__name__}: {error}"[:300]
        tally.note(outcome, kept, time.monotonic() - began)

    def _keep(self, scan: Scan) -> str:
        return self._archive.put(scan, self._bench.last_transcript).scan_id

    def faults(self) -> Counter[str]:
        """Return how often each fault happened."""
        states = [device.control()["faults_injected"] for device in self._devices]
        return sum((Counter(state) for state in states), Counter())

    def calm(self) -> None:
        """Let no more faults happen."""
        for device in self._devices:
            device.control(faults="")

    def close(self) -> None:
        """Let go of everything, the guardian among it."""
        self._bench.close()
        self._watch.close()
        stop_guardian(self._guardian)
        for device in self._devices:
            device.stop()
        shutil.rmtree(self._runtime, ignore_errors=True)


def _laser_url(kind: str, laser: Emulated) -> str:
    if kind == "cobolt":
        return f"cobolt+serial://{laser.link}?pause_ms=0"
    return f"visa://ASRL{laser.link}::INSTR?driver=ips&max_ma=600&max_mw=350&threshold_ma=60"
