"""A closed handheld, by way of the folder or drive its exports appear in: ``folder:///mnt/export``.

No public protocol exists for such devices and none is claimed: an acquisition waits for the next file that is
exported, and takes it. What lay in the folder before is never taken, and of several new spectra none is:
which of them belongs to the item at the bench, nobody could tell.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from spectra.values import DeviceInfo, FloatArray, Technique, frozen_array

from ..drop_folder.answers import is_report
from ..drop_folder.arrivals import Arrival, ArrivedFile, arrival_scans
from ..drop_folder.keeping import digest_of, plain_name
from ..drop_folder.listing import Entry
from ..drop_folder.scans import FileScan
from ..drop_folder.source import PARAMS, Source
from ..drop_folder.watch import FolderWatch, Group
from ..errors import (
    AcquisitionAborted,
    ConnectionLost,
    DeviceNotReady,
    DeviceTimeout,
    FileRefused,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
    UnknownSetting,
)
from ..interfaces import (
    Capability,
    OriginalFile,
    Setting,
    SettingValue,
    SpectrometerLimits,
    SpectrometerStatus,
    StopCheck,
    never_stop,
)
from ..registry import DeviceURL, spectrometer

#: What stands for the model before the first file has told it.
MODEL = "drop folder"
#: Longest wait between two looks at the stop question, s.
_STOP_S = 0.02
#: Pause between two looks into the folder, s: chosen; a look costs a drive some reading.
_LOOK_S = 0.2
#: With one file finished, others that are still being written are waited for so many settling times.
_PATIENCE = 5.0
_LIMITS = {"settle_s": (0.05, 60.0), "wait_s": (0.1, 3600.0)}


class FolderSpectrometer:
    """The files of a closed handheld as a spectrometer that cannot be asked, only waited for.

    Parameters
    ----------
    source
        The folder, and what a person stated of the device.
    clock
        Monotonic time, s.
    """

    axis_unit = "cm-1"
    capabilities = frozenset({Capability.FILES})

    def __init__(self, source: Source, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._set: dict[str, float] = {"settle_s": source.settle_s, "wait_s": source.wait_s}
        self._watch = FolderWatch(source, clock=clock)
        self._old: set[tuple[tuple[str, ...], int, int]] = set()
        self._contents: set[str] = set()
        self._found: FileScan | None = None
        self._closed = False
        self.limits = SpectrometerLimits(0, 0.0, 0.0, None)
        self.technique = source.technique or Technique.RAMAN
        self.info = DeviceInfo(source.model or MODEL, source.serial, "", source.url, source.emulated)
        self.laser_nm = source.laser_nm
        self.last_original: OriginalFile | None = None
        """The file of the last spectrum; None before the first."""
        self.last_sidecars: tuple[OriginalFile, ...] = ()
        """Reports beside it."""

    def axis(self) -> FloatArray:
        """Return the axis of the last file, cm⁻¹, shape (pixels,); before the first: `ProtocolError`."""
        if self._found is None:
            raise ProtocolError("no file was taken from the folder yet")
        return self._found.scan.axis

    def set_exposure(self, seconds: float) -> None:
        """Refuse: a closed handheld times itself."""
        raise SettingOutOfRange(f"{seconds} s of exposure: a closed handheld times itself")

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Wait for the next exported file and return its spectrum, shape (pixels,), read-only.

        Raises
        ------
        AcquisitionAborted
            ``stop``, asked at least every 50 ms, said so.
        DeviceTimeout
            No new file in ``wait_s``.
        PortNotFound
            The folder was not there all that time.
        FileRefused
            The new file is no spectrum, or several came at once.
        """
        self._check_open()
        self._remember_what_lies_there()
        began = self._clock()
        finished_since: float | None = None
        while True:
            look = self._watch.look()
            groups = [group for group in look.groups if not self._was_there(group)]
            now = self._clock()
            finished_since = (finished_since or now) if groups else None
            patient = finished_since is None or now - finished_since < _PATIENCE * self._set["settle_s"]
            if groups and not (look.unfinished and patient) and (taken := self._taken(groups)) is not None:
                return frozen_array(taken.scan.counts[0], name="counts")
            if now - began > self._set["wait_s"]:
                raise self._in_vain(look.present, look.unfinished)
            self._pause(stop)

    def available_settings(self) -> tuple[Setting, ...]:
        """Return how long files have to rest, and how long the next one is waited for."""
        return (
            Setting("settle_s", "How long a file must not have changed.", "s", *_LIMITS["settle_s"]),
            Setting("wait_s", "How long an acquisition waits for the next file.", "s", *_LIMITS["wait_s"]),
        )

    def set(self, name: str, value: SettingValue) -> None:
        """Change how long is waited; raises `UnknownSetting` or `SettingOutOfRange`."""
        if name not in _LIMITS:
            raise UnknownSetting(f"a folder has no setting {name!r}; it has {', '.join(_LIMITS)}")
        low, high = _LIMITS[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= float(value) <= high:
            raise SettingOutOfRange(f"{name} of {value!r}; write {low:g} to {high:g} s")
        self._set[name] = float(value)
        self._watch.settle_s = self._set["settle_s"]

    def status(self) -> SpectrometerStatus:
        """Tell whether the folder is there."""
        self._check_open()
        look = self._watch.look()
        return SpectrometerStatus(look.present, look.words)

    def settings(self) -> dict[str, Any]:
        """Return what is set; after a file, also what it says of the measurement."""
        held = {"model": self.info.model, "serial": self.info.serial, "firmware": self.info.firmware}
        said = {} if self._found is None else dict(self._found.scan.settings)
        return {**held, "folder": str(self._source.root), **self._set, **said}

    def close(self) -> None:
        """Look no more; between two looks nothing is held open."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectionLost(f"{self._source.root}: closed; open the device again")

    def _remember_what_lies_there(self) -> None:
        """Count everything that lies in the folder now as measured before."""
        self._old |= {_mark(entry) for entry in self._watch.everything()}

    def _was_there(self, group: Group) -> bool:
        if any(_mark(entry) not in self._old for entry in group.entries):
            return False
        self._watch.done(group)
        return True

    def _taken(self, groups: list[Group]) -> FileScan | None:
        """Return the one new spectrum of some groups; None where a file could not be had yet."""
        try:
            arrivals = [self._arrival(group) for group in groups]
        except (DeviceNotReady, ConnectionLost):
            return None
        for group in groups:
            self._watch.done(group)
            self._old |= {_mark(entry) for entry in group.entries}
        sorted_ = [arrival_scans(arrival, self._source) for arrival in arrivals]
        scans = [scan for one in sorted_ for scan in one.scans]
        # A report may come before its spectrum: it is no reason to give up waiting.
        refused = [why for one in sorted_ for file, why in one.refused if not is_report(file.name)]
        self._contents |= {file.sha256 for arrival in arrivals for file in arrival.files}
        if len(scans) > 1:
            names = ", ".join(sorted({scan.original.name for scan in scans})[:8])
            raise FileRefused(
                f"{len(scans)} new spectra came at once ({names}): which is of this item, nobody can tell; "
                "export one at a time"
            )
        if scans:
            return self._keep(scans[0])
        if refused:
            raise FileRefused(f"{refused[0]}; the file was left where it is")
        return None

    def _arrival(self, group: Group) -> Arrival:
        files = []
        for entry in group.entries:
            data = self._watch.read(entry)
            digest = digest_of(data)
            is_new = _mark(entry) not in self._old and digest not in self._contents
            files.append(ArrivedFile(plain_name(entry.name), digest, data, entry.mtime_ns, is_new))
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Arrival("", tuple(files), now)

    def _keep(self, found: FileScan) -> FileScan:
        self._found = found
        self.last_original, self.last_sidecars = found.original, found.sidecars
        self.info, self.technique = found.scan.device, found.scan.technique
        self.laser_nm = found.scan.laser_nm
        self.limits = SpectrometerLimits(found.scan.axis.size, 0.0, 0.0, None)
        return found

    def _in_vain(self, present: bool, unfinished: int) -> DeviceTimeout | PortNotFound:
        if not present:
            return PortNotFound(f"{self._source.root} is not there: plug the device in, or mount the folder")
        words = f"{unfinished} file(s) are still being written" if unfinished else "no new file came"
        return DeviceTimeout(f"{self._source.root}: {words} in {float(self._set['wait_s']):g} s")

    def _pause(self, stop: StopCheck) -> None:
        until = self._clock() + min(_LOOK_S, self._set["settle_s"] / 2)
        while True:
            if stop():
                raise AcquisitionAborted("stopped while waiting for a file")
            rest = until - self._clock()
            if rest <= 0:
                return
            time.sleep(min(_STOP_S, rest))


def _mark(entry: Entry) -> tuple[tuple[str, ...], int, int]:
    """Return what tells a file from another one of its name, also after the drive was mounted anew."""
    return entry.parts, entry.size, entry.mtime_ns


@spectrometer("folder", params=PARAMS, technique=None)
def open_folder(url: DeviceURL) -> FolderSpectrometer:
    """Open the folder a ``folder:///…`` URL names; it need not be there yet.

    Raises
    ------
    DeviceURLError
        The path is not absolute, or a parameter is out of range.
    """
    return FolderSpectrometer(Source.of(url))
