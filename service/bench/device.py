"""One device of the bench: opened when needed, one scan at a time, stoppable from any thread."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instrument.acquisition import Enough, ScanPlan
from instrument.config import BenchConfig
from instrument.errors import AcquisitionAborted, InstrumentError
from instrument.guardian import LaserState
from instrument.interfaces import Capability, StopCheck, never_stop
from spectra.values import DeviceInfo

from .notes import instrument_key
from .ports import Ports, Reconnected, unheard
from .refusals import DeviceBusy, ShuttingDown
from .taken import Taken, noted


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
        self.config = config
        self.remarks = dict(remarks or {})
        self._keep_open = keep_open
        self._busy = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._stop = threading.Event()
        self._gone = never_stop
        self._ending = False
        self._ports = Ports(config, runtime_dir)
        self._stage = ""
        self._seen: DeviceInfo | None = None
        self.last_transcript = b""
        """What went over the wires during the last scan, also a failed one."""

    @property
    def has_laser(self) -> bool:
        """Whether it has a laser that we switch."""
        return self.config.has_laser

    @property
    def laser_alarm(self) -> str:
        """Why its laser may be on; empty while it was last read back as off."""
        return self._ports.watch.alarm

    @property
    def laser_state(self) -> LaserState | None:
        """What its guardian says of the laser; None without a laser, and before anybody used it."""
        return self._ports.watch.state

    @property
    def stage(self) -> str:
        """What a scan under way does now; empty without one."""
        state = self.laser_state
        left_s = state.warning_left_s if state is not None and self.busy else 0.0
        return f"warning {left_s:.0f} s" if left_s > 0 else self._stage

    @property
    def busy(self) -> bool:
        """Whether somebody has claimed it."""
        return not self._idle.is_set()

    @property
    def emulated(self) -> bool:
        """Whether its data are labelled as emulated, as far as is known before a scan."""
        opened = self.opened
        return self.config.emulated or (opened is not None and opened.emulated)

    @property
    def opened(self) -> DeviceInfo | None:
        """Which instrument it is; None while its ports are closed."""
        bench = self._ports.bench
        return None if bench is None else bench.spectrometer.info

    @property
    def trouble(self) -> str:
        """What is wrong with it: its laser, or what its last error said; empty for nothing."""
        return self.laser_alarm or self._ports.trouble

    @property
    def seen(self) -> DeviceInfo | None:
        """Which instrument it was when it was last open; None before."""
        return self._seen

    @property
    def by_files(self) -> bool:
        """Whether its instrument is known only by the files it gives; to be asked while it is claimed."""
        return Capability.FILES in self._ports.capabilities

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
            It cannot be opened, or was stopped before.
        """
        if not self._busy.acquire(blocking=False):
            raise DeviceBusy(f"a scan is under way on {self.config.name}; wait for it or stop it")
        # A stop counts from the moment on at which the device is seen to be busy.
        self._stop.clear()
        self._gone = stop
        self._idle.clear()
        try:
            if stop():
                raise AcquisitionAborted("stopped before it began; nothing was fired")
            if self._ending:
                raise ShuttingDown("the bench agent is ending; start it again")
            with self._ports.watched():
                info = self._ports.opened().spectrometer.info
            # What is known by its files says its serial number with a scan only.
            self._seen = info if info.serial else self._seen or info
            identity = instrument_key(info.model, info.serial)
            if self._ports.went_away:
                self._reconnected(identity, self._ports.went_away)
                self._ports.went_away = ""
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
        said = {**self.remarks, **remarks}
        try:
            with self._ports.watched():
                bench = self._ports.opened()
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
                error.scan = noted(error.scan, said)
            raise
        noted_scan = noted(scan, said)
        self._seen = noted_scan.device
        if Capability.FILES not in bench.spectrometer.capabilities:
            return Taken(noted_scan, self.last_transcript)
        sidecars = tuple(getattr(bench.spectrometer, "last_sidecars", ()))
        return Taken(noted_scan, self.last_transcript, bench.last_original, sidecars)

    def stop(self) -> None:
        """Ask a scan to end, and turn the laser off at once; raises `LaserMayBeOn` where it is not."""
        self._stop.set()
        self._ports.laser_off()

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
        self._ports.force_off()

    def end(self) -> None:
        """Start nothing new from here on."""
        self._ending = True

    def close(self) -> None:
        """Let go of the ports; the guardian sees to it that the laser is off, and its watch goes on."""
        self._ports.close()

    def release(self) -> None:
        """Close, and let the guardian go too, so that another program may have the laser.

        A guardian that cannot read its laser back as off stays, and keeps trying; `laser_alarm` says so.
        """
        self._ports.release()

    def _asked_to_stop(self) -> bool:
        return self._stop.is_set() or self._gone()

    def _progress(self, stage: str, fraction: float) -> None:
        self._stage = f"{stage} {fraction:.0%}"
