"""One device of the bench: opened when needed, one scan at a time, stoppable from any thread."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instrument.acquisition import Enough, ScanPlan
from instrument.config import BenchConfig
from instrument.errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceTimeout,
    InstrumentError,
    LaserMayBeOn,
    PortNotFound,
)
from instrument.guardian import LaserState
from instrument.interfaces import Capability, OriginalFile, StopCheck, never_stop
from instrument.raman_bench import RamanBench, start_bench_guardian
from spectra.values import DeviceInfo, Scan

from .laser_watch import LaserWatch
from .notes import instrument_key
from .refusals import DeviceBusy, ShuttingDown

#: Told which instrument came back, and what was said when it went away.
Reconnected = Callable[[str, str], None]

#: Errors after which a device may have been switched off and on: no driver can tell, and one behind a serial
#: adapter merely falls silent.
_GONE = (ConnectionLost, DeviceTimeout, PortNotFound)


def unheard(_identity: str, _words: str) -> None:
    """Tell nobody."""


#: How long the end of an agent waits for a guardian to end, s.
_RELEASE_S = 0.3


@dataclass(frozen=True, slots=True)
class Taken:
    """What a device gave."""

    scan: Scan
    """The scan."""
    transcript: bytes
    """What went over the wires for it."""
    original: OriginalFile | None = None
    """The file the device wrote for it; None where its spectra do not come as files."""
    sidecars: tuple[OriginalFile, ...] = ()
    """Reports that came with that file."""


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
    reconnected
        Told the instrument's identity when it is back after it went away: it may have been switched off.
    """

    def __init__(
        self,
        config: BenchConfig,
        runtime_dir: Path,
        *,
        remarks: Mapping[str, Any] | None = None,
        keep_open: bool = True,
        reconnected: Reconnected = unheard,
    ) -> None:
        self._reconnected = reconnected
        self._went_away = ""
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
        self._trouble = ""
        self._seen: DeviceInfo | None = None
        self._watch = LaserWatch(config, runtime_dir)
        self.last_transcript = b""
        """What went over the wires during the last scan, also a failed one."""

    @property
    def has_laser(self) -> bool:
        """Whether it has a laser that we switch."""
        return self.config.has_laser

    @property
    def laser_alarm(self) -> str:
        """Why its laser may be on; empty while it was last read back as off."""
        return self._watch.alarm

    @property
    def laser_state(self) -> LaserState | None:
        """What its guardian says of the laser; None without a laser, and before anybody used it."""
        return self._watch.state

    @property
    def stage(self) -> str:
        """What a scan under way does now; empty without one."""
        state = self._watch.state
        left_s = state.warning_left_s if state is not None and self.busy else 0.0
        return f"warning {left_s:.0f} s" if left_s > 0 else self._stage

    @property
    def busy(self) -> bool:
        """Whether somebody has claimed it."""
        return not self._idle.is_set()

    @property
    def emulated(self) -> bool:
        """Whether its data are labelled as emulated, as far as is known before a scan."""
        bench = self._bench
        opened = bench.spectrometer.info.emulated if bench is not None else False
        return self.config.emulated or opened

    @property
    def seen(self) -> DeviceInfo | None:
        """Which instrument it was when it was last open; None before."""
        return self._seen

    @property
    def by_files(self) -> bool:
        """Whether its instrument is known only by the files it gives; to be asked while it is claimed."""
        bench = self._bench
        return bench is not None and Capability.FILES in bench.spectrometer.capabilities

    def described(self) -> dict[str, Any]:
        """Return what programs and pages are told of it."""
        bench, state = self._bench, self.laser_state
        info = bench.spectrometer.info if bench is not None else None
        return {
            "name": self.config.name,
            "model": info.model if info else "",
            "serial": info.serial if info else "",
            "open": info is not None,
            "busy": self.busy,
            "stage": self.stage,
            "has_laser": self.has_laser,
            "laser_nm": self.config.laser_nm,
            "laser_state": str(state.state) if state else "",
            "warning_left_s": round(state.warning_left_s, 1) if state else 0.0,
            "laser_may_be_on": bool(self.laser_alarm),
            "trouble": self.laser_alarm or self._trouble,
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
            # What is known by its files says its serial number with a scan only.
            self._seen = info if info.serial else self._seen or info
            identity = instrument_key(info.model, info.serial)
            if self._went_away:
                self._reconnected(identity, self._went_away)
                self._went_away = ""
            yield identity
        finally:
            self._stage = ""
            try:
                if not self._keep_open or self._ending:
                    self.close()
            finally:
                self._idle.set()
                self._busy.release()

    def take(self, plan: ScanPlan, remarks: Mapping[str, Any], *, enough: Enough | None = None) -> Taken:
        """Take a scan; to be called by whoever has claimed the device.

        Parameters
        ----------
        plan
            What to measure.
        remarks
            Written into the scan's settings; ``safety`` among them is what the guardian is told.
        enough
            Judges the scan so far; see `take_scan`.

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
                    scan = bench.scan(
                        plan,
                        safety=remarks.get("safety"),
                        stop=self._asked_to_stop,
                        progress=self._progress,
                        enough=enough,
                    )
                finally:
                    self.last_transcript = bench.last_transcript
        except InstrumentError as error:
            if error.scan is not None:
                error.scan = _noted(error.scan, noted)
            raise
        noted_scan = _noted(scan, noted)
        self._seen = noted_scan.device
        if Capability.FILES not in bench.spectrometer.capabilities:
            return Taken(noted_scan, self.last_transcript)
        sidecars = tuple(getattr(bench.spectrometer, "last_sidecars", ()))
        return Taken(noted_scan, self.last_transcript, bench.last_original, sidecars)

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
            bench = self._bench
            if bench is not None and bench.laser is not None:
                bench.laser.off()

    def end(self) -> None:
        """Start nothing new from here on."""
        self._ending = True

    def close(self) -> None:
        """Let go of the ports; the guardian sees to it that the laser is off, and its watch goes on."""
        bench, self._bench = self._bench, None
        if bench is None:
            return
        try:
            bench.close()
        except LaserMayBeOn as error:
            self._watch.shout(error)
        except InstrumentError as error:
            self._trouble = str(error)

    def release(self) -> None:
        """Close, and let the guardian go too, so that another program may have the laser.

        A guardian that cannot read its laser back as off stays, and keeps trying; `laser_alarm` says so.
        """
        self.close()
        self._watch.release(_RELEASE_S)

    def _opened(self) -> RamanBench:
        if self.laser_alarm:
            self.close()
        if self._bench is None:
            self._watch.start()
            self._bench = RamanBench.open(self.config, self._runtime_dir)
        return self._bench

    def _asked_to_stop(self) -> bool:
        return self._stop.is_set() or self._gone()

    def _progress(self, stage: str, fraction: float) -> None:
        self._stage = f"{stage} {fraction:.0%}"

    @contextmanager
    def _watched(self, *, lose: bool = True) -> Iterator[None]:
        """Keep in mind what the device's errors say; ``lose``: open the ports afresh after one."""
        self._watch.start()
        try:
            yield
        except LaserMayBeOn as error:
            self._watch.shout(error)
            raise
        except AcquisitionAborted:
            self._watch.all_clear()
            raise
        except InstrumentError as error:
            self._trouble = str(error)
            if isinstance(error, _GONE):
                self._went_away = str(error)
            if lose:
                self.close()
            raise
        self._watch.all_clear()
        self._trouble = ""


def _noted(scan: Scan, remarks: Mapping[str, Any]) -> Scan:
    return replace(scan, settings={**scan.settings, **remarks})
