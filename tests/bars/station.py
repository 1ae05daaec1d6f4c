"""A bench of emulated devices with its server and agent, each a program of its own, as the bars use it."""

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from figures import opioscan
from light_log import LightLog

from library.starter import starter_entries
from service.archive.journal import Archive
from service.bench.client import BenchClient
from service.bench.outbox import Outbox
from service.errors import AgentUnreachable
from service.settings import Settings
from spectra.formats import encode_jcamp
from spectra.values import Technique

START_WITHIN_S = 60.0
END_WITHIN_S = 15.0
#: Nothing is taken from, or sent to, whatever else runs on this machine.
_FOREIGN = ("OPIOSCAN_HOME", "OPIOSCAN_SERVER", "OPIOSCAN_TOKEN", "OPIOSCAN_SHARED")


class Program:
    """A program of ours whose first line of output is a JSON object."""

    def __init__(self, *arguments: str, env: dict[str, str], log: Path) -> None:
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [opioscan(), *arguments],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_WITHIN_S)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            raise RuntimeError(f"opioscan {' '.join(arguments)} did not start; see {log}")
        self.about: dict[str, Any] = json.loads(line)

    def kill(self) -> None:
        """End it without a warning, and collect it."""
        self.process.kill()
        self.process.wait()
        self._close()

    def stop(self) -> None:
        """Ask it to end, and make sure."""
        self.process.terminate()
        try:
            self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()


class Station:
    """A home in a folder, a coupled pair of emulators, a server and an agent.

    Parameters
    ----------
    folder
        Empty folder for all of it.
    speed
        Device seconds per second of the spectrometer emulator.
    """

    def __init__(self, folder: Path, *, speed: float = 1.0) -> None:
        self.folder = folder
        self.speed = speed
        self.light = LightLog(folder / "light.log")
        self.light.path.touch()
        self.settings = Settings(home=folder / "home")
        self.settings.ensure_home()
        # Any free port: agents and servers of others may be on this machine.
        self.settings.config_path.write_text("bench_port = 0\nserver_port = 0\n")
        self.env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        self.env |= {"OPIOSCAN_HOME": str(self.settings.home), "NO_COLOR": "1", "COLUMNS": "200"}
        self.log = folder / "programs.log"
        self.agent: Program | None = None
        self._officer = ""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.agent is not None:
            self.agent.stop()
        self._stack.close()
        shutil.rmtree(self.settings.runtime_dir, ignore_errors=True)

    def program(self, *arguments: str) -> Program:
        """Start a program that is stopped with the station."""
        started = Program(*arguments, env=self.env, log=self.log)
        self._stack.callback(started.stop)
        return started

    def start_laser(self) -> str:
        """Start the emulated laser and return its device URL."""
        laser = self.program("emulate", "cobolt", "--pty", "--light", str(self.light.path))
        return f"cobolt+serial://{laser.about['address']}"

    def start_spectrometer(self, sample: Path) -> Program:
        """Start an emulated spectrometer with a sample before the probe."""
        return self.program(
            *("emulate", "obp", "--model", "STS", "--pty", "--light", str(self.light.path)),
            *("--speed", f"{self.speed:g}", "--sample", str(sample)),
        )

    def start_server(self) -> None:
        """Start a server and let this station's agents post to it."""
        server = self.program("serve", "--port", "0", "--json")
        self.server_url = str(server.about["address"])
        self.env |= {"OPIOSCAN_SERVER": self.server_url, "OPIOSCAN_TOKEN": self.token("bench")}
        self._officer = self.token("officer")

    def start_agent(self) -> Program:
        """Start a bench agent."""
        self.agent = Program("bench", "--port", "0", "--json", env=self.env, log=self.log)
        return self.agent

    def wait_ready(self, within_s: float = 60.0) -> float:
        """Wait until the agent is ready and has nothing left to send; return how long it took, s."""
        began = time.monotonic()
        with BenchClient.connect(self.settings, start=False) as client:

            def is_ready() -> bool:
                status = client.status()
                return bool(status["ready"]) and not (self._officer and status["outbox"]["pending"])

            wait_until(is_ready, within_s, "the agent became ready and its outbox empty")
        return time.monotonic() - began

    def scan(self, device: str, item: str, *options: str) -> "subprocess.Popen[str]":
        """Start ``opioscan scan --json`` of an item."""
        command = [opioscan(), "scan", "--device", device, "--parcel", item, "--json", *options]
        return subprocess.Popen(
            command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def results(self) -> list[dict[str, Any]]:
        """Return every result on the server."""
        found: list[dict[str, Any]] = []
        headers = {"Authorization": f"Bearer {self._officer}"}
        with httpx.Client(base_url=f"{self.server_url}/api/v1", headers=headers, timeout=20.0) as http:
            cursor = ""
            while True:
                answer = http.get("/results", params={"limit": "200", "cursor": cursor})
                answer.raise_for_status()
                page = answer.json()
                found += page["items"]
                cursor = page["next_cursor"] or ""
                if not cursor:
                    return found

    @property
    def archive(self) -> Archive:
        """The bench's archive."""
        return Archive(self.settings.archive_dir)

    @property
    def outbox(self) -> Outbox:
        """The bench's outbox."""
        return Outbox(self.settings.outbox_path)

    def token(self, role: str) -> str:
        """Return a token of a role."""
        made = subprocess.run(
            [opioscan(), "token", "create", "--role", role, "--json"],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=START_WITHIN_S,
            check=True,
        )
        return str(json.loads(made.stdout)["token"])


def bench_url(spectrometer: Program, laser: str) -> str:
    """Return one device URL for a whole bench."""
    address = spectrometer.about["address"]
    return f"obp+serial://{address}?model=STS&laser_nm=785&power_mw=100&laser={quote(laser, safe='')}"


def shipped_sample(folder: Path, name: str) -> Path:
    """Write the shipped Raman reference of a substance as a file to put before the probe."""
    for entry in starter_entries():
        if entry.technique is Technique.RAMAN and entry.substance.name.casefold() == name:
            path = folder / f"{name}.jdx"
            path.write_bytes(encode_jcamp(entry.spectrum, name))
            return path
    raise LookupError(f"no Raman reference of {name} ships")


def wait_until(true: Callable[[], bool], within_s: float, what: str, *, every_s: float = 0.02) -> None:
    """Wait for something, and say what did not come true in time."""
    deadline = time.monotonic() + within_s
    while True:
        with suppress(AgentUnreachable):
            if true():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"within {within_s:g} s it did not come true that {what}")
        time.sleep(every_s)


def ended(process: "subprocess.Popen[str]", within_s: float) -> tuple[str, str]:
    """Wait for a program's end and return what it wrote; one that hangs is killed and raises."""
    try:
        return process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        raise
