"""Talking to the bench agent of this home, which is started when none runs."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from instrument.errors import LaserMayBeOn

from ..errors import AgentRefused, AgentUnreachable
from ..problems import error_of
from ..settings import Settings
from .interrupts import signals_interrupt
from .lock import LOCK_NAME, lock_is_free
from .spawn import has_ended, spawn_agent

#: Time an agent may take from its start to its first answer, s.
START_WITHIN_S = 20.0
#: Time the slowest request may take: a method's first fit, then a scan at the longest exposure, s.
SCAN_WITHIN_S = 900.0
#: Time an abort may take: the promise to the officer is two seconds in all, s.
ABORT_WITHIN_S = 1.7

Answer = dict[str, Any]


class BenchClient:
    """One agent, known by its address and token.

    Parameters
    ----------
    address
        ``http://127.0.0.1:PORT``.
    token
        The agent's token, from ``bench.json``.
    pid
        Its process.
    lock
        File it holds locked while it lives.
    """

    def __init__(self, address: str, token: str, *, pid: int, lock: Path) -> None:
        self.address = address
        self.pid = pid
        self._lock = lock
        self._token = token
        # trust_env=False: a proxy of the environment has no business between this machine and itself.
        self._http = httpx.Client(
            base_url=f"{address}/bench/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(10.0),
            trust_env=False,
        )

    @classmethod
    def connect(cls, settings: Settings, *, start: bool = True, within_s: float = START_WITHIN_S) -> Self:
        """Return a client of this home's agent.

        Parameters
        ----------
        start
            Whether to start an agent when none answers.
        within_s
            Longest time to wait for a started agent, s.

        Raises
        ------
        AgentUnreachable
            None answers, or a started one does not come up.
        """
        found = cls._find(settings)
        if found is not None:
            return found
        if not start:
            raise AgentUnreachable("no bench agent runs for this home; start one with 'opioscan bench'")
        pid, ended = spawn_agent(settings), False
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            found = cls._find(settings)
            if found is not None:
                return found
            # Where ours ended but somebody holds the lock, another agent won the race and will answer.
            ended = ended or has_ended(pid)
            if ended and lock_is_free(settings.home / LOCK_NAME):
                break
            time.sleep(0.05)
        raise AgentUnreachable(f"the bench agent did not come up; see {settings.home / 'bench.log'}")

    @classmethod
    def _find(cls, settings: Settings) -> Self | None:
        try:
            card = json.loads(settings.bench_file.read_bytes())
            found = str(card["address"]), str(card["token"]), int(card["pid"])
            client = cls(*found[:2], pid=found[2], lock=settings.home / LOCK_NAME)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        try:
            client._call("GET", "/status", timeout=5.0)
        except (AgentUnreachable, AgentRefused):
            client.close()
            return None
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def twin(self) -> "BenchClient":
        """Return a client of the same agent with a connection of its own."""
        return BenchClient(self.address, self._token, pid=self.pid, lock=self._lock)

    def close(self) -> None:
        """Let go of the connection; the agent goes on."""
        self._http.close()

    def status(self) -> Answer:
        """Return devices, method, open screenings, blanks, outbox and server state."""
        return self._call("GET", "/status")

    def questions(self, device: str, item: str = "") -> Answer:
        """Return a device, with what a person has to be asked before it fires at an item.

        Parameters
        ----------
        device
            Name or URL.
        item
            Item identifier; its open screening may hold the answer.
        """
        return self._call("GET", "/questions", params={"device": device, "item": item})

    def visit(self, item: str) -> Answer:
        """Return spots, attempts and the combined finding of an item's open or last screening."""
        return self._call("GET", "/visit", params={"item": item})

    def scan(self, device: str, item: str, **options: Any) -> Answer:
        """Scan a sample and return the identification with what became of its record.

        Parameters
        ----------
        device
            Name or URL.
        item
            Item identifier; empty for a missing label.
        **options
            Fields of `service.bench.requests.ScanRequest`.
        """
        return self._fire("/scans", {"device": device, "item": item, **options})

    def blank(self, device: str, name: str, **options: Any) -> Answer:
        """Scan what is empty and keep it as a blank under a name.

        Parameters
        ----------
        device, name
            What measures, and what the blank will be called.
        **options
            Fields of `service.bench.requests.BlankRequest`.
        """
        return self._fire("/blanks", {"device": device, "name": name, **options})

    def blanks(self) -> list[Answer]:
        """Return every blank, also those that have expired."""
        return list(self._call("GET", "/blanks")["blanks"])

    def rename_blank(self, name: str, new_name: str) -> Answer:
        """Give a blank another name."""
        return self._call("POST", "/blanks/rename", {"name": name, "new_name": new_name})

    def retire_blank(self, name: str) -> Answer:
        """Use a blank no more; its scan stays in the archive."""
        return self._call("POST", "/blanks/retire", {"name": name})

    def verify(self, device: str, **options: Any) -> Answer:
        """Scan a standard and return the verification of the axis."""
        return self._fire("/verify", {"device": device, **options})

    def reference(self, device: str, substance: str, **options: Any) -> Answer:
        """Scan a known sample once and return where the scan is kept; no screening hears of it.

        Parameters
        ----------
        device, substance
            What measures, and what the sample is.
        **options
            Fields of `service.bench.requests.ReferenceRequest`.
        """
        return self._fire("/references", {"device": device, "substance": substance, **options})

    def ready_for_reference(self, device: str, *, training: bool = False) -> Answer:
        """Return which instrument a device is and how its axis was verified; nothing is fired.

        Raises `NotVerified` unless it is for a training library.
        """
        body = {"device": device, "training": training}
        return self._call("POST", "/references/ready", body, timeout=60.0)

    def impact(self, **query: str) -> Answer:
        """Return a page of the results of this bench that depend on a thing.

        Parameters
        ----------
        **query
            ``kind``, ``value``, ``since``, ``until``, ``cursor`` and ``limit``, as the server takes them.
        """
        return self._call("GET", "/impact", params=query, timeout=60.0)

    def impact_candidates(self, **query: str) -> Answer:
        """Return what a name (``value``, ``kind``) can stand for at this bench."""
        return self._call("GET", "/impact/candidates", params=query, timeout=60.0)

    def calibration_scan(self, device: str, name: str, *, light: str = "laser", **options: Any) -> Answer:
        """Scan a lamp or a standard once and return where the scan is kept; no screening hears of it.

        Parameters
        ----------
        device, name
            What measures, and what is measured.
        light
            ``off`` for a lamp: the laser stays off, and is read back as off.
        **options
            Fields of `service.bench.requests.CalibrationScanRequest`.
        """
        return self._fire("/calibrations/scan", {"device": device, "name": name, "light": light, **options})

    def complete(self, item: str) -> Answer:
        """Complete the open screening of an item."""
        return self._call("POST", "/screenings/complete", {"item": item}, timeout=30.0)

    def abort(self) -> Answer:
        """Stop every scan; returns once every laser was read back as off.

        Raises
        ------
        LaserMayBeOn
            One could not be.
        """
        return self._call("POST", "/abort", {}, timeout=ABORT_WITHIN_S)

    def stop_agent(self, *, within_s: float = 5.0) -> None:
        """Ask the agent to end, and wait until its process is gone; raises `AgentUnreachable`."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + within_s
        while not lock_is_free(self._lock):
            if time.monotonic() > deadline:
                raise AgentUnreachable(f"the bench agent (process {self.pid}) was asked to end and has not")
            time.sleep(0.02)

    def _fire(self, path: str, body: Answer) -> Answer:
        with signals_interrupt():
            try:
                return self._call("POST", path, body, timeout=SCAN_WITHIN_S)
            except KeyboardInterrupt:
                self._abandon()
                raise

    def _abandon(self) -> None:
        """Stop what was begun; Ctrl-C again does not hurry the laser's verification."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            # A connection of its own: the interrupted one is in an unknown state.
            with self.twin() as other:
                other.abort()
        except (AgentUnreachable, AgentRefused) as error:
            raise LaserMayBeOn(
                "the bench agent did not confirm that the laser is off; its guardian is turning it off"
            ) from error
        finally:
            signal.signal(signal.SIGINT, before)

    def _call(
        self,
        method: str,
        path: str,
        body: Answer | None = None,
        *,
        params: dict[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Answer:
        try:
            response = self._http.request(
                method, path, json=body, params=params, timeout=httpx.Timeout(timeout, connect=2.0)
            )
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise AgentUnreachable(f"the bench agent at {self.address} does not answer: {error}") from error
        if not isinstance(answer, dict):
            raise AgentUnreachable(f"what answers at {self.address} is no bench agent")
        if response.is_error:
            raise error_of(answer, default=AgentRefused)
        return answer
