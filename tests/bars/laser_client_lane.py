"""Trials on a bench process of ours (`laser_client`): any laser, any cause that can be put into a process."""

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench_process import Client
from emulated import Emulated
from guardian_watch import GuardianWatch, end_guardian
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
from light_log import LightLog
from station import wait_until

from instrument.raman_bench import guardian_socket

#: So long the laser's port stays away, s: longer than anybody may take to say so.
AWAY_S = 3.0
POWER_MW = 50


class ClientLane:
    """A laser, a spectrometer and a bench process, one trial after another.

    Parameters
    ----------
    laser
        ``cobolt``, ``ips`` or ``ventana``.
    seed
        Of the emulators.
    """

    def __init__(self, laser: str, seed: int) -> None:
        self.name = f"{laser}, own process"
        self._kind, self._seed = laser, seed
        self._runtime = Path(tempfile.mkdtemp(prefix="opioscan-bar-"))
        self._light_path = self._runtime / "light.log"
        self._light_path.touch()
        self.light = LightLog(self._light_path)
        self._tty = self._runtime / "spectrometer"
        self._laser: Emulated | None = None
        self._spectrometer: Emulated | None = None
        self._client: Client | None = None
        self._start_devices()
        self._watch = GuardianWatch(guardian_socket(self._runtime, self._owned_url()))

    def trial(self, cause: str, rng: random.Random) -> Trial:
        """Scan, let something happen while the laser is on, and see it go dark."""
        client = self._ready_client()
        links = [device.link for device in (self._laser, self._spectrometer) if device is not None]
        wait_until(lambda: all(link.is_symlink() for link in links), LIGHT_WITHIN_S, "all ports are there")
        client.tell(do="scan", exposure_s=EXPOSURE_S, accumulations=ACCUMULATIONS)
        wait_lit(self.light, client.is_idle)
        causes: dict[str, Callable[[Client, random.Random], Trial]] = {
            "SIGKILL of the bench": self._kill,
            "exception": self._raise,
            "time-out": self._time_out,
            "interlock": self._interlock,
            "spectrometer's port": self._lose_spectrometer,
            "laser's port": self._lose_laser,
            "SIGKILL of the guardian": self._kill_guardian,
            "SIGKILL of guardian and bench": self._kill_both,
        }
        return causes[cause](client, rng)

    def context(self) -> str:
        """Return what may tell why a trial could not be taken."""
        log = self._runtime / "client.log"
        if self._client is not None:
            self._client.explain()
        said = log.read_text("utf-8", "replace")[-2500:] if log.exists() else ""
        return f"guardian {self._watch.pid} {self._watch.state}; {said}"

    def close(self) -> None:
        """End everything, the guardian among it."""
        if self._client is not None:
            self._client.stop()
        self._watch.close()
        if self._watch.pid:
            end_guardian(self._watch.pid)
        for device in (self._laser, self._spectrometer):
            if device is not None:
                device.stop()
        shutil.rmtree(self._runtime, ignore_errors=True)

    def _result(self, cause: str, moment_ns: int, said: str, **more: Any) -> Trial:
        dark_s = went_dark(self.light, moment_ns)
        if not self.light.was_on_at(moment_ns):
            raise NotLit(cause)
        return Trial(cause, self.name, True, dark_s, said, **more)

    def _kill(self, client: Client, rng: random.Random) -> Trial:
        sleep_within(rng)
        moment = client.kill()
        return self._result("SIGKILL of the bench", moment, "")

    def _raise(self, client: Client, rng: random.Random) -> Trial:
        sleep_within(rng)
        caught = rng.random() < 0.7
        client.tell(do="raise" if caught else "die")
        raised = client.wait_for("raised", "done")
        said = client.wait_for("failed", "done", "ended")
        return self._result("exception", raised["ns"], str(said.get("error", said["event"])))

    def _time_out(self, client: Client, rng: random.Random) -> Trial:
        spectrometer = self._device()
        sleep_within(rng, WINDOW_S - 0.5)
        before = spectrometer.control(once="drop", on="data")["faults_injected"].get("drop", 0)

        def dropped() -> bool:
            return spectrometer.control()["faults_injected"].get("drop", 0) > before

        wait_until(dropped, LIGHT_WITHIN_S, "an answer was dropped")
        due = time.monotonic_ns()
        # The unit's spectrometer is in the guardian: what the bench sees is the failed request.
        failed = client.wait_for("acquire_failed", "done")
        said = client.wait_for("failed", "done")
        dark = went_dark(self.light, failed["ns"])
        missing_s = dark + (failed["ns"] - due) / 1e9
        if not self.light.was_on_at(due):
            raise NotLit("time-out")
        return Trial("time-out", self.name, True, dark, str(said.get("error", "")), missing_s=missing_s)

    def _interlock(self, client: Client, rng: random.Random) -> Trial:
        sleep_within(rng)
        assert self._laser is not None
        moment = time.monotonic_ns()
        self._laser.control(once="interlock")
        said = client.wait_for("failed", "done")
        result = self._result("interlock", moment, str(said.get("error", said["event"])))
        self._laser.control(interlock="closed", **({"fault": 0} if self._kind == "cobolt" else {}))
        return result

    def _lose_spectrometer(self, client: Client, rng: random.Random) -> Trial:
        sleep_within(rng)
        spectrometer = self._device()
        spectrometer.kill()
        moment = time.monotonic_ns()
        if self._kind == "ventana":
            raise NotLit("the unit's port is its laser's too")
        said = client.wait_for("failed", "done")
        spectrometer.stop()
        self._spectrometer = self._new_spectrometer()
        return self._result("spectrometer's port", moment, str(said.get("error", said["event"])))

    def _lose_laser(self, client: Client, rng: random.Random) -> Trial:
        sleep_within(rng, WINDOW_S / 2)
        laser = self._laser
        assert laser is not None
        laser.control(once=f"disconnect:{AWAY_S:g}")
        # The cut comes with the next answer, whoever asks; its link is gone from then on.
        moment = cut_moment(laser, client.is_idle)
        lit = self.light.was_on_at(moment)
        wait_until(laser.link.is_symlink, LIGHT_WITHIN_S, "the port came back", every_s=0.002)
        back = time.monotonic_ns()
        dark_s = went_dark(self.light, back)
        said = client.wait_for("failed", "done", "ended")
        if not lit:
            raise NotLit("laser's port")
        shouted = self._watch.shouted_after(moment)
        shout_s = None if shouted is None else (shouted - moment) / 1e9
        words = str(said.get("error", said["event"]))
        return Trial("laser's port", self.name, True, dark_s, words, shout_s=shout_s)

    def _kill_guardian(self, client: Client, rng: random.Random) -> Trial:
        sleep_within(rng)
        pid = self._watch.pid
        moment = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        dark_s = went_dark(self.light, moment)
        said = client.wait_for("failed", "done", "ended")
        restarted = self._watch.pid not in {0, pid}
        if not self.light.was_on_at(moment):
            raise NotLit("SIGKILL of the guardian")
        words = str(said.get("error", said["event"]))
        return Trial("SIGKILL of the guardian", self.name, True, dark_s, words, restarted=restarted)

    def _kill_both(self, client: Client, rng: random.Random) -> Trial:
        sleep_within(rng)
        os.kill(self._watch.pid, signal.SIGKILL)
        client.kill()
        was_on = self.light.is_on
        # Nobody is left who could do anything: the next program that opens the bench forces the laser off.
        begun = time.monotonic_ns()
        self._ready_client()
        dark_s = went_dark(self.light, begun)
        return Trial("SIGKILL of guardian and bench", self.name, was_on, dark_s)

    def _ready_client(self) -> Client:
        if self._client is None or self._client.has_ended:
            if self._client is not None:
                self._client.stop()
            self._client = Client(self._bench_url(), self._runtime)
        return self._client

    def _device(self) -> Emulated:
        device = self._laser if self._kind == "ventana" else self._spectrometer
        assert device is not None
        return device

    def _start_devices(self) -> None:
        seed = ("--seed", str(self._seed))
        if self._kind == "ventana":
            self._laser = Emulated("obp", "--model", "VENTANA", *seed, light=self._light_path)
            return
        self._laser = Emulated(self._kind, *seed, light=self._light_path)
        self._spectrometer = self._new_spectrometer()

    def _new_spectrometer(self) -> Emulated:
        return Emulated(
            "obp",
            *("--model", "STS", "--seed", str(self._seed)),
            light=self._light_path,
            link=self._tty,
        )

    def _owned_url(self) -> str:
        """Return the URL a guardian is started for."""
        assert self._laser is not None
        if self._kind == "cobolt":
            return f"cobolt+serial://{self._laser.link}?pause_ms=10"
        if self._kind == "ips":
            return f"visa://ASRL{self._laser.link}::INSTR?driver=ips&max_ma=600&max_mw=350&threshold_ma=60"
        return self._bench_url()

    def _bench_url(self) -> str:
        assert self._laser is not None
        common = f"laser_nm=785&power_mw={POWER_MW}&warning_s=0"
        if self._kind == "ventana":
            return f"obp+serial://{self._laser.link}?model=Ventana&baud=115200&{common}"
        laser = quote(self._owned_url(), safe="")
        return f"obp+serial://{self._tty}?model=STS&baud=115200&{common}&laser={laser}"
