"""The demonstration's station: emulators, bench agent and server as processes of their own."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import tomli_w

import service
from library.starter import ensure_starter
from spectra.formats import encode_jcamp

from ..bench.client import BenchClient
from ..errors import AgentUnreachable, ServerUnreachable
from ..settings import Settings
from .parcels import sample_spectrum

#: How long a program of the station may take to say where it is, s.
START_WITHIN_S = 30.0
#: How long it may take to end by itself, s.
END_WITHIN_S = 8.0
#: Emulated time runs this much faster than the clock, so that the demonstration takes a minute.
SPEED = 20.0
#: Laser power of the emulated bench, mW.
POWER_MW = 100.0

_ROOT = Path(service.__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the station that runs."""

    process: subprocess.Popen[str]
    """Its process."""
    where: dict[str, Any]
    """What it said of itself on its first line."""

    def stop(self) -> None:
        """Ask the program to end, and make sure."""
        self.process.terminate()
        try:
            self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


class Station:
    """An emulated bench with its agent and a server, in a folder of their own.

    Parameters
    ----------
    home
        Folder for everything the demonstration keeps.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._stack = contextlib.ExitStack()
        self._env = {
            **os.environ,
            "OPIOSCAN_HOME": str(home),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")])),
        }
        for name in ("OPIOSCAN_SERVER", "OPIOSCAN_TOKEN"):
            self._env.pop(name, None)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        settings = Settings(home=self.home)
        self._runtime = settings.runtime_dir
        stack.callback(shutil.rmtree, self._runtime, ignore_errors=True)
        ensure_starter(settings.libraries_dir)
        light = self.home / "light.log"
        laser = self._program(
            stack, "instrument.emulators", "cobolt", "--with-parent", "--pty", "--light", str(light)
        )
        self._control = self._runtime / "sample.sock"
        detector = self._program(
            stack,
            "instrument.emulators",
            *("obp", "--with-parent", "--model", "STS", "--pty", "--light", str(light)),
            *("--cosmic-rate", "0"),
            *("--speed", str(SPEED), "--control", str(self._control)),
        )
        self._configure(settings, laser.where["address"], detector.where["address"])
        server = self._program(stack, "service.cli.start", "serve", "--port", "0", "--json")
        self.server_url: str = server.where["address"]
        self.token = self._token("parcel-system")
        self.page_token = self._token("officer")
        self._env |= {"OPIOSCAN_SERVER": self.server_url, "OPIOSCAN_TOKEN": self._token("bench")}
        agent = self._program(stack, "service.cli.start", "bench", "--port", "0", "--json")
        self.bench_url: str = agent.where["address"]
        self.bench = stack.enter_context(BenchClient.connect(settings, start=False))
        self.server = stack.enter_context(
            httpx.Client(
                base_url=f"{self.server_url}/api/v1",
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=10.0,
            )
        )

    def put(self, sample: dict[str, float] | None, *, brightness: float = 1.0) -> None:
        """Put a sample before the probe, as the officer's hand would.

        Raises
        ------
        AgentUnreachable
            The emulator does not do it.
        """
        message: dict[str, Any] = {"sample": None, "brightness": brightness}
        if sample is not None:
            path = self.home / "samples" / ("-".join(f"{n}_{s:g}" for n, s in sample.items()) + ".jdx")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode_jcamp(sample_spectrum(sample), f"derived: {', '.join(sample)}"))
            message["sample"] = str(path)
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5.0)
            line.connect(str(self._control))
            line.sendall(json.dumps(message).encode() + b"\n")
            answer = json.loads(line.makefile("rb").readline() or b'{"error": "no answer"}')
        if "error" in answer:
            raise AgentUnreachable(f"the emulator did not take the sample: {answer['error']}")

    def ask(self, path: str, **query: str) -> Any:
        """Read from the server as a parcel system would."""
        response = self.server.get(path, params=query)
        if response.is_error:
            raise ServerUnreachable(f"the server answered {response.status_code} to {path}")
        return response.json()

    def register(self, item: str) -> None:
        """Register a parcel in advance, as a parcel system would."""
        kind = {"item_id": item, "item_id_type": "s10"}
        response = self.server.post("/parcels", json=kind, headers={"Idempotency-Key": f"demo-{item}"})
        if response.is_error:
            raise ServerUnreachable(f"the server answered {response.status_code} to a new parcel")

    def _configure(self, settings: Settings, laser: str, detector: str) -> None:
        bench = {
            "spectrometer": f"obp+serial://{detector}?model=STS",
            # An emulated laser needs no pause between commands.
            "laser": f"cobolt+serial://{laser}?pause_ms=2",
            "laser_nm": 785.0,
            "power_mw": POWER_MW,
            "emulated": True,
        }
        settings.devices_path.write_text(tomli_w.dumps({"devices": {"demo": bench}}), "utf-8")

    def _token(self, role: str) -> str:
        made = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "service.cli.start", "token", "create", "--role", role, "--json"],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=START_WITHIN_S,
            check=True,
        )
        token: str = json.loads(made.stdout)["token"]
        return token

    def _program(self, stack: contextlib.ExitStack, module: str, *arguments: str) -> Program:
        with (self.home / "demo.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", module, *arguments],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C reaches the demonstration alone; it ends its programs in order.
                start_new_session=True,
            )
        program = Program(process, {})
        stack.callback(program.stop)
        assert process.stdout is not None
        with _time_limit(process):
            line = process.stdout.readline()
        try:
            return Program(process, json.loads(line))
        except ValueError:
            raise AgentUnreachable(f"{module} did not start; see {self.home / 'demo.log'}") from None


@contextlib.contextmanager
def _time_limit(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a program that does not say where it is in time; its pipe then ends."""
    import threading

    timer = threading.Timer(START_WITHIN_S, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
