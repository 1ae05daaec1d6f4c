"""A thread for each watched folder: a drive that hangs must not hold up the others."""

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instrument.config import BenchConfig
from instrument.device_url import DeviceURL
from instrument.drop_folder import Intake, PassReport, Source

from ..clock import clock_state
from .drop_import import FAILURES, run_pass
from .drop_queue import DropQueue

if TYPE_CHECKING:
    from .agent import Bench

_log = logging.getLogger(__name__)

#: Pause between two looks into a folder, s: chosen; files rest for two seconds anyway.
POLL_S = 0.5


def is_folder(config: BenchConfig) -> bool:
    """Whether a configured device is a watched folder."""
    return config.spectrometer.startswith("folder:")


def source_of(config: BenchConfig) -> Source:
    """Return the folder of a configured device; raises `DeviceURLError`."""
    source = Source.of(DeviceURL.parse(config.spectrometer))
    laser = config.laser_nm if config.laser_nm is not None else source.laser_nm
    return replace(source, laser_nm=laser, emulated=source.emulated or config.emulated)


class FolderWatcher:
    """Looks after one folder until it is ended.

    Parameters
    ----------
    bench
        What archives and identifies.
    queue
        Where scans wait.
    home
        Folder of the journal, the copies and the quarantine.
    config
        The device.
    """

    def __init__(self, bench: "Bench", queue: DropQueue, home: Path, config: BenchConfig) -> None:
        self.config = config
        self._bench = bench
        self._queue = queue
        self._home = home
        self._intake: Intake | None = None
        self._report: PassReport | None = None
        self._trouble = ""
        self._ending = threading.Event()
        # A daemon: a look into a network folder that is gone can hang for minutes.
        self._thread = threading.Thread(target=self._run, name=f"drop-{config.name}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ending.set()

    def wait_ended(self, seconds: float) -> None:
        """Wait until the last look is over, at most so long."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def described(self) -> dict[str, Any]:
        """Return what programs and pages are told of it."""
        report = self._report
        return {
            "device": self.config.name,
            "folder": self.config.spectrometer,
            "present": report is not None and report.present,
            "unfinished": report.unfinished if report is not None else 0,
            "more": report.more if report is not None else 0,
            "words": self._trouble or (report.words if report is not None else ""),
        }

    def retry(self) -> int:
        """Let what is in quarantine arrive again; return how many files do."""
        return self._intake.retry() if self._intake is not None else 0

    def look(self) -> None:
        """Make one pass; what fails is noted and tried again at the next."""
        try:
            if self._intake is None:
                source = source_of(self.config)
                self._intake = Intake(self._home, source, name=self.config.name, clock_state=clock_state)
            self._report = run_pass(self._bench, self._intake, self._queue)
        except FAILURES as error:
            if str(error) != self._trouble:
                _log.warning("folder of %s: %s", self.config.name, error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    def _run(self) -> None:
        while not self._ending.wait(POLL_S):
            if self._in_use():
                # Somebody scans with it: the file that comes now is for that scan.
                continue
            try:
                self.look()
            except Exception:
                # A thread has nobody to tell, and the folder must be looked at again.
                _log.exception("folder of %s", self.config.name)
                self._trouble = "something unexpected happened; see the log"

    def _in_use(self) -> bool:
        """Whether somebody scans with this folder, under this or another name."""
        return any(
            device.busy and is_folder(device.config) and _target(device.config) == _target(self.config)
            for device in self._bench.devices.known()
        )


def _target(config: BenchConfig) -> str:
    return DeviceURL.parse(config.spectrometer).target
