"""Trials on the bench agent and its command, as an officer has them: ``opioscan bench``, ``opioscan scan``."""

import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from emulated import Emulated
from laser_trials import (
    ACCUMULATIONS,
    EXPOSURE_S,
    LIGHT_WITHIN_S,
    WINDOW_S,
    NotLit,
    Trial,
    cut_moment,
    sleep_within,
    wait_lit,
    went_dark,
)
from station import Station, ended, wait_until

from service.bench.client import BenchClient

#: So long the laser's port stays away, s.
AWAY_S = 3.0
_ENDED_WITHIN_S = 60.0
_DEAD_S = 2.2


class AgentLane:
    """A station with its agent, one trial after another; its laser is a Cobolt.

    Parameters
    ----------
    folder
        Empty folder.
    seed
        Of the emulators.
    """

    name = "cobolt, bench agent"

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # A lane that had to be made anew finds the folder of the one before it.
        self._station = Station(Path(tempfile.mkdtemp(dir=folder)))
        self.light = self._station.light
        self._number = 0
        options = ("--seed", str(seed))
        path = self.light.path
        self._laser = Emulated("cobolt", *options, light=path)
        self._spectrometer = Emulated("obp", "--model", "STS", *options, light=path)
        laser = quote(f"cobolt+serial://{self._laser.link}?pause_ms=10", safe="")
        self._device = (
            f"obp+serial://{self._spectrometer.link}?model=STS&baud=115200&laser_nm=785&power_mw=50"
            f"&warning_s=0&laser={laser}"
        )
        self._start_agent()

    def trial(self, cause: str, rng: random.Random) -> Trial:
        """Scan, let something happen while the laser is on, and see it go dark."""
        self._number += 1
        links = (self._laser.link, self._spectrometer.link)
        wait_until(lambda: all(link.is_symlink() for link in links), LIGHT_WITHIN_S, "all ports are there")
        fixed = ("--exposure", f"{EXPOSURE_S:g}", "--accumulations", f"{ACCUMULATIONS}")
        process = self._station.scan(self._device, f"DARK-{self._number}", *fixed)
        causes: dict[str, Callable[[subprocess.Popen[str], random.Random], Trial]] = {
            "SIGKILL of the bench": self._kill_agent,
            "SIGKILL of the command": self._kill_command,
            "SIGINT": self._interrupt,
            "interlock": self._interlock,
            "spectrometer's port": self._lose_spectrometer,
            "laser's port": self._lose_laser,
        }
        try:
            wait_lit(self.light, lambda: process.poll() is not None)
            return causes[cause](process, rng)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def context(self) -> str:
        """Return what may tell why a trial could not be taken."""
        return self._station.log.read_text("utf-8", "replace")[-600:]

    def close(self) -> None:
        """End everything."""
        self._station.__exit__(None, None, None)
        for device in (self._laser, self._spectrometer):
            device.stop()

    def _result(self, cause: str, moment_ns: int, said: str) -> Trial:
        dark_s = went_dark(self.light, moment_ns)
        if not self.light.was_on_at(moment_ns):
            raise NotLit(cause)
        return Trial(cause, self.name, True, dark_s, said)

    def _kill_agent(self, process: "subprocess.Popen[str]", rng: random.Random) -> Trial:
        agent = self._station.agent
        assert agent is not None
        sleep_within(rng)
        moment = time.monotonic_ns()
        agent.kill()
        # Only the guardian is left to do something.
        time.sleep(_DEAD_S)
        result = self._result("SIGKILL of the bench", moment, self._said(process))
        self._start_agent()
        return result

    def _kill_command(self, process: "subprocess.Popen[str]", rng: random.Random) -> Trial:
        sleep_within(rng)
        moment = time.monotonic_ns()
        process.kill()
        result = self._result("SIGKILL of the command", moment, self._said(process))
        self._wait_free()
        return result

    def _interrupt(self, process: "subprocess.Popen[str]", rng: random.Random) -> Trial:
        sleep_within(rng)
        moment = time.monotonic_ns()
        process.send_signal(signal.SIGINT)
        result = self._result("SIGINT", moment, self._said(process))
        self._wait_free()
        return result

    def _interlock(self, process: "subprocess.Popen[str]", rng: random.Random) -> Trial:
        sleep_within(rng)
        moment = time.monotonic_ns()
        self._laser.control(once="interlock")
        said = self._said(process)
        self._laser.control(interlock="closed", fault=0)
        return self._result("interlock", moment, said)

    def _lose_spectrometer(self, process: "subprocess.Popen[str]", rng: random.Random) -> Trial:
        sleep_within(rng, WINDOW_S / 2)
        moment = self._cut(self._spectrometer, process)
        return self._result("spectrometer's port", moment, self._said(process))

    def _lose_laser(self, process: "subprocess.Popen[str]", rng: random.Random) -> Trial:
        sleep_within(rng, WINDOW_S / 2)
        moment = self._cut(self._laser, process)
        lit, shouted = self.light.was_on_at(moment), None
        with BenchClient.connect(self._station.settings, start=False) as client:
            while not self._laser.link.is_symlink():
                if shouted is None and client.status()["laser_alarm"]:
                    shouted = time.monotonic_ns()
                time.sleep(0.02)
        back = time.monotonic_ns()
        dark_s = went_dark(self.light, back)
        said = self._said(process)
        self._wait_free()
        if not lit:
            raise NotLit("laser's port")
        shout_s = None if shouted is None else (shouted - moment) / 1e9
        return Trial("laser's port", self.name, True, dark_s, said, shout_s=shout_s)

    def _cut(self, device: Emulated, process: "subprocess.Popen[str]") -> int:
        """Pull a plug, and return when it came out, ns."""
        device.control(once=f"disconnect:{AWAY_S:g}")
        return cut_moment(device, lambda: process.poll() is not None)

    def _said(self, process: "subprocess.Popen[str]") -> str:
        """Return exit code and last words of the command."""
        _, words = ended(process, _ENDED_WITHIN_S)
        last = (words.strip().splitlines() or [""])[-1]
        return f"exit {process.returncode}: {last[:200]}"

    def _start_agent(self) -> None:
        self._station.start_agent()
        self._station.wait_ready()

    def _wait_free(self) -> None:
        with BenchClient.connect(self._station.settings, start=False) as client:

            def free() -> bool:
                return not any(device["busy"] for device in client.status()["devices"])

            wait_until(free, _ENDED_WITHIN_S, "the device became free")
