"""An infrared spectrometer driven through its maker's program, which writes each spectrum into a folder."""

import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import replace
from typing import Any

from spectra.formats.opus import DIFFERS
from spectra.values import DeviceInfo, FloatArray, Technique, frozen_array

from ..errors import (
    ConnectionLost,
    DeviceRefused,
    FileRefused,
    InstrumentError,
    ProtocolError,
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
from .result_folder import FolderResult, ResultFolder
from .result_folder_facts import SETTINGS, facts_of, no_facts, start_of
from .result_folder_url import TIMEOUT_LIMITS_S, TIMEOUT_S
from .result_folder_wait import FILE_WAITS, LATE_WAITS, ResultWait, wait_for
from .setting_values import check_flag, check_number


class FileSpectrometer(ABC):
    """An infrared spectrometer whose spectra come as files; subclasses talk to its program.

    A measurement is started once and never repeated by itself. Its result is the one file with new content
    that is in the folder when the program says that it is done.

    Parameters
    ----------
    folder
        Where the program writes.
    model, station
        Model and serial number until the first file tells better ones.
    poll_s
        Time between two questions for the state, s.
    url, emulated
        Written into `info`.
    atr
        Whether the sample is pressed on an ATR crystal; None leaves it to the accessory the file names.
    timeout_s
        Longest time a measurement may take, s.
    processed
        Whether the program may have processed the absorbance; else one that is not the ratio of the single
        channels in the same file is refused.
    """

    technique = Technique.FTIR
    capabilities = frozenset({Capability.FILES, Capability.BACKGROUND})

    def __init__(
        self,
        folder: ResultFolder,
        *,
        model: str,
        station: str,
        poll_s: float,
        url: str = "",
        emulated: bool = False,
        atr: bool | None = None,
        timeout_s: float = TIMEOUT_S,
        processed: bool = False,
    ) -> None:
        self.info = DeviceInfo(model, station, "", url, emulated)
        # It times itself: the limits are those of a whole measurement.
        self.limits = SpectrometerLimits(0, 1e-3, timeout_s, None)
        self.last_original: OriginalFile | None = None
        self._folder = folder
        self._atr, self._timeout_s, self._processed = atr, timeout_s, processed
        self._axis: FloatArray | None = None
        self._facts = no_facts()
        self._serial = ""
        self._began: float | None = None
        self._poll_s = poll_s
        self._unfinished = self._closed = False
        self._late_until = 0.0
        self._lock = threading.RLock()

    @abstractmethod
    def status(self) -> SpectrometerStatus:
        """Ask the program how the instrument is."""

    @abstractmethod
    def _prepare(self, stop: StopCheck, *, unfinished: bool) -> None:
        """Have the instrument connected and idle; where ``unfinished``, end a measurement of ours first."""

    @abstractmethod
    def _start(self, stop: StopCheck) -> None:
        """Start a measurement; sent once."""

    @abstractmethod
    def _busy(self, stop: StopCheck) -> bool:
        """Ask whether the instrument is still measuring."""

    @abstractmethod
    def _cancel(self) -> None:
        """Ask for the end of a measurement."""

    def axis(self) -> FloatArray:
        """Return the wavenumbers of the last spectrum, cm⁻¹, ascending, read-only."""
        if self._axis is None:
            raise ProtocolError("only the first spectrum tells the axis: measure once")
        return self._axis

    def set_exposure(self, seconds: float) -> None:
        """Refuse: the instrument times itself."""
        raise UnknownSetting(f"{self.info.model} has no exposure; set scans in the maker's program")

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Measure once and return absorbance, shape (pixels,), read-only.

        Raises
        ------
        AcquisitionAborted
            ``stop``, asked at least every 50 ms, said so; the program was asked to cancel.
        FileRefused
            No new file, more than one, or one that is not the spectrum of this instrument.
        DeviceNotReady
            Somebody else is measuring, or the program is not connected to the instrument.
        DeviceRefused, DeviceTimeout, ConnectionLost, ProtocolError
            The program refused, was too slow, went away, or answered nonsense; not repeated.
        """
        with self._lock:
            self.refuse_closed()
            self._prepare(stop, unfinished=self._unfinished)
            if self._unfinished:
                # The result of the measurement before may still be on its way.
                limit_s = (FILE_WAITS + LATE_WAITS) * self._folder.settle_s
                wait_for(self._nothing_outstanding, stop, limit_s)
            self._folder.remember(stop=stop)
            return self._accept(self._measured(stop))

    def available_settings(self) -> tuple[Setting, ...]:
        """Return what can be set here, and what the last file told."""
        return SETTINGS

    def set(self, name: str, value: SettingValue) -> None:
        """Change ``atr`` (true or false) or ``timeout_s`` (s).

        Raises
        ------
        UnknownSetting
            Everything else is set in the maker's program.
        SettingOutOfRange
            Of another kind, or out of range.
        """
        if name == "atr":
            self._atr = check_flag(name, value)
        elif name == "timeout_s":
            self._timeout_s = check_number(name, value, *TIMEOUT_LIMITS_S)
        else:
            raise UnknownSetting(f"{name!r} cannot be set here; set it in the maker's program")

    def settings(self) -> dict[str, Any]:
        """Return model, what can be set, and what the last file says of its measurement."""
        return {
            "model": self.info.model,
            "serial": self.info.serial,
            "firmware": self.info.firmware,
            "folder": str(self._folder.path),
            "settle_s": self._folder.settle_s,
            "timeout_s": self._timeout_s,
            **self._facts,
            "atr": self._is_atr(),
        }

    def close(self) -> None:
        """Talk to the program no more; may be called twice."""
        self._closed = True

    def refuse_closed(self) -> None:
        """Raise `ConnectionLost` once closed."""
        if self._closed:
            raise ConnectionLost(f"{self.info.model}: already closed; open the device again")

    def note_emulation(self, words: str) -> None:
        """Label the data where the program says of itself that it is an emulator."""
        if "emulat" in words.lower():
            self.info = replace(self.info, emulated=True)

    def _is_atr(self) -> bool:
        if self._atr is not None:
            return self._atr
        return "ATR" in str(self._facts["accessory"] or "").upper()

    def _measured(self, stop: StopCheck) -> FolderResult:
        started = False
        try:
            self._unfinished = True
            self._start(stop)
            started = True
            wait = ResultWait(self._folder, lambda: self._busy(stop), poll_s=self._poll_s)
            result = wait.result(stop, timeout_s=self._timeout_s)
        except FileRefused:
            if not self._folder.anything_new:
                self._late_until = time.monotonic() + LATE_WAITS * self._folder.settle_s
            raise
        except DeviceRefused:
            # What was refused was not started; who else measures is not to be cancelled.
            self._unfinished = started
            if started:
                self._try_to_cancel()
            raise
        except BaseException:
            self._try_to_cancel()
            raise
        self._unfinished = False
        return result

    def _nothing_outstanding(self) -> bool:
        """Whether the folder is at rest, and a result that did not appear has come late or comes no more."""
        if not self._folder.at_rest():
            return False
        return self._folder.anything_new or time.monotonic() >= self._late_until

    def _try_to_cancel(self) -> None:
        with suppress(InstrumentError):
            # The next measurement begins by asking for the state, and cancels again where it has to.
            self._cancel()

    def _accept(self, result: FolderResult) -> FloatArray:
        meta, spectrum = result.decoded.meta, result.decoded.spectrum
        processed = [step for step in spectrum.history if step.startswith(DIFFERS)]
        if processed and not self._processed:
            raise FileRefused(
                f"{result.original.name}: {processed[0]}; have OPUS save what it measured, or add processed=1"
            )
        serial = meta.get("SRN", "")
        if self._serial and serial != self._serial:
            raise FileRefused(
                f"{result.original.name}: measured by instrument {serial or 'without a number'}, "
                f"and not by {self._serial}"
            )
        self._serial = serial
        model = meta.get("INS") or self.info.model
        self.info = replace(
            self.info, model=model, serial=serial or self.info.serial, firmware=meta.get("VSN", "")
        )
        self.note_emulation(model)
        self._facts = facts_of(result)
        began = start_of(meta)
        if began is not None and self._began is not None:
            # A hint only: the instrument's clock may have been set in between.
            self._facts["file"]["after_previous"] = began > self._began
        self._began = began
        self._axis = frozen_array(spectrum.axis, name="axis")
        self.limits = replace(self.limits, pixels=spectrum.axis.size)
        self.last_original = result.original
        return frozen_array(spectrum.intensity, name="absorbance")
