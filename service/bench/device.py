"""One device of the bench: opened when needed, one scan at a time, stoppable from any thread."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instrument.acquisition import ScanPlan
from instrument.config import BenchConfig
from instrument.errors import AcquisitionAborted, InstrumentError, LaserMayBeOn
from instrument.guardian import stop_guardian
from instrument.interfaces import StopCheck, never_stop
from instrument.raman_bench import RamanBench, guardian_socket, start_bench_guardian
from spectra.values import Scan

from .notes import instrument_key
from .refusals import DeviceBusy, ShuttingDown

#: How long the end of an agent waits for a guardian to end, s.
_RELEASE_S = 0.3


@dataclass(frozen=True, slots=True)
class Taken:
    """What a device gave."""

    scan: Scan
    """The scan."""
    transcript: bytes
    """What went over the wires for it."""


class Device:
    """A spectrometer with its laser, if it has one.

    Parameters
    ----------
    config
        What it consists of.
    runtime_dir
        Private folder for the guardian's socket.
    remarks
        Settings to be written into each scan, such as a wavelength that was assumed.
    keep_open
        Whether the ports stay open between scans.
    """

    def __init__(
        self,
        config: BenchConfig,
        runtime_dir: Path,
        *,
        remarks: Mapping[str, Any] | None = None,
        keep_open: bool = True,
    ) -> None:
        self.config = config
        self.remarks = dict(remarks or {})
        self._keep_open = keep_open
        self._runtime_dir = runtime_dir
        self._busy = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._stop = threading.Event()
        self._gone = never_stop
        self._ending = False
        self._bench: RamanBench | None = None
        self._stage = ""
        self._alarm = ""
        self._trouble = ""
        self.last_transcript = b""
        """What went over the wires during the last scan, also a failed one."""

    @property
    def has_laser(self) -> bool:
        """Whether it has a laser that we switch."""
        return self.config.laser is not None

    @property
    def laser_alarm(self) -> str:
        """Why its laser may be on; empty while it was last read back as off."""
        return self._alarm

    @property
    def busy(self) -> bool:
        """Whether somebody has claimed it."""
        return not self._idle.is_set()

    @property
    def emulated(self) -> bool:
        """Whether its data are labelled as emulated, as far as is known before a scan."""
        opened = self._bench.spectrometer.info.emulated if self._bench is not None else False
        return self.config.emulated or opened

    def described(self) -> dict[str, Any]:
        """Return what programs and pages are told of it."""
        info = self._bench.spectrometer.info if self._bench is not None else None
        return {
            "name": self.config.name,
            "model": info.model if info else "",
            "serial": info.serial if info else "",
            "open": info is not None,
            "busy": self.busy,
            "stage": self._stage,
            "has_laser": self.has_laser,
            "laser_nm": self.config.laser_nm,
            "laser_may_be_on": bool(self._alarm),
            "trouble": self._alarm or self._trouble,
            "emulated": self.emulated,
        }

    @contextmanager
    def claimed(self, stop: StopCheck = never_stop) -> Iterator[str]:
        """Have the device alone and open, and learn its identity, ``model/serial``.

        Parameters
        ----------
        stop
            Asked often during a scan; true ends it, for example when the one who fired is gone.

        Raises
        ------
        DeviceBusy
            Somebody else has it.
        LaserMayBeOn
            The laser cannot be read back as off.
        InstrumentError
            It cannot be opened.
        """
        if not self._busy.acquire(blocking=False):
            raise DeviceBusy(f"a scan is under way on {self.config.name}; wait for it or stop it")
        self._idle.clear()
        self._stop.clear()
        self._gone = stop
        try:
            if self._ending:
                raise ShuttingDown("the bench agent is ending; start it again")
            with self._watched():
                info = self._opened().spectrometer.info
            yield instrument_key(info.model, info.serial)
        finally:
            self._stage = ""
            if not self._keep_open or self._ending:
                self.close()
            self._idle.set()
            self._busy.release()

    def take(self, plan: ScanPlan, remarks: Mapping[str, Any]) -> Taken:
        """Take a scan; to be called by whoever has claimed the device.

        Raises
        ------
        InstrumentError
            Its ``scan`` is what was measured until then, to be archived as an aborted scan.
        """
        noted = {**self.remarks, **remarks}
        try:
            with self._watched():
                bench = self._opened()
                try:
                    scan = bench.scan(plan, stop=self._asked_to_stop, progress=self._progress)
                finally:
                    self.last_transcript = bench.last_transcript
        except InstrumentError as error:
            if error.scan is not None:
                error.scan = _noted(error.scan, noted)
            raise
        return Taken(_noted(scan, noted), self.last_transcript)

    def stop(self) -> None:
        """Ask a scan to end, and turn the laser off at once without waiting for it.

        Raises
        ------
        LaserMayBeOn
            It could not be read back as off.
        """
        self._stop.set()
        bench = self._bench
        if bench is not None and bench.laser is not None:
            with self._watched(lose=False):
                bench.laser.off()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nobody has the device; return whether that came true."""
        return self._idle.wait(seconds)

    def force_off(self) -> None:
        """Read the laser back as off, through a guardian that is started when none runs.

        Raises
        ------
        LaserMayBeOn
            It could not be.
        InstrumentError
            The laser cannot be reached.
        """
        with self._watched(lose=False):
            start_bench_guardian(self.config, self._runtime_dir)
            if self._bench is not None and self._bench.laser is not None:
                self._bench.laser.off()

    def end(self) -> None:
        """Start nothing new from here on."""
        self._ending = True

    def close(self) -> None:
        """Let go of the ports; the guardian sees to it that the laser is off."""
        bench, self._bench = self._bench, None
        if bench is not None:
            with suppress(InstrumentError):
                bench.close()

    def release(self) -> None:
        """Close, and let the guardian go too, so that another program may have the laser."""
        self.close()
        if self.config.laser is not None:
            # One that cannot read its laser back as off stays, and keeps trying.
            stop_guardian(guardian_socket(self._runtime_dir, self.config.laser), timeout_s=_RELEASE_S)

    def _opened(self) -> RamanBench:
        if self._alarm:
            self.close()
        if self._bench is None:
            self._bench = RamanBench.open(self.config, self._runtime_dir)
        return self._bench

    def _asked_to_stop(self) -> bool:
        return self._stop.is_set() or self._gone()

    def _progress(self, stage: str, fraction: float) -> None:
        self._stage = f"{stage} {fraction:.0%}"

    @contextmanager
    def _watched(self, *, lose: bool = True) -> Iterator[None]:
        """Keep in mind what the device's errors say; ``lose``: open the ports afresh after one."""
        try:
            yield
        except LaserMayBeOn as error:
            self._alarm = str(error) or "it could not be read back as off"
            raise
        except AcquisitionAborted:
            self._alarm = ""
            raise
        except InstrumentError as error:
            self._trouble = str(error)
            if lose:
                self.close()
            raise
        self._alarm = self._trouble = ""


def _noted(scan: Scan, remarks: Mapping[str, Any]) -> Scan:
    return replace(scan, settings={**scan.settings, **remarks})
