"""Wasatch XS handhelds (785 nm, laser inside) through the maker's package, an extra. Not tried on hardware.

URL: ``wasatch://usb``, or ``wasatch://SERIAL`` where several are attached. Source of every call and number:
Wasatch.PY (MIT), ``FeatureIdentificationDevice.py``.
"""

import math
import threading
import time
from typing import Any

import numpy as np

from spectra.values import DeviceInfo, FloatArray, Technique, frozen_array

from ..errors import (
    AcquisitionAborted,
    DeviceRefused,
    DeviceTimeout,
    InstrumentError,
    ProtocolError,
    SettingOutOfRange,
    UnknownSetting,
)
from ..interfaces import (
    Capability,
    Setting,
    SettingValue,
    SpectrometerLimits,
    SpectrometerStatus,
    StopCheck,
    never_stop,
)
from ..registry import DeviceURL, unit
from .wasatch_laser import WasatchLaser
from .wasatch_link import OpenFid, WasatchLink, usb_opener

#: 24 bits of milliseconds on the wire; the maker's Auto-Raman ends at 2 s, people go further.
EXPOSURE_S = (0.001, 60.0)
#: 16-bit converter.
FULL_SCALE = 65535.0
GAIN_DB = (0.0, 30.0)
#: No Raman spectrometer sees shorter wavelengths, nm.
SHORTEST_NM = 200.0
_STOP_INTERVAL_S = 0.04


class WasatchSpectrometer:
    """The detector of a handheld: raw counts of single exposures."""

    technique = Technique.RAMAN
    capabilities = frozenset({Capability.EXPOSURE, Capability.BATTERY, Capability.TEMPERATURES})

    def __init__(self, link: WasatchLink, *, url: str, emulated: bool) -> None:
        self._link = link
        self.transcript = link.transcript
        facts = link.settings
        self.info = DeviceInfo(
            str(facts.full_model()), link.serial, str(facts.microcontroller_firmware_version), url, emulated
        )
        facts.update_wavecal()
        self._axis = _axis(facts.wavelengths)
        self.limits = SpectrometerLimits(self._axis.size, *EXPOSURE_S, FULL_SCALE)
        self._gain_db = float(link.eeprom.detector_gain)
        self._exposure_s = 0.0
        self._worker: threading.Thread | None = None
        self._stale = True
        self.set_exposure(max(EXPOSURE_S[0], float(link.eeprom.startup_integration_time_ms) / 1000))

    def axis(self) -> FloatArray:
        """Return the wavelength of each pixel, nm, shape (pixels,), ascending, read-only."""
        return self._axis

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure, s, in whole milliseconds; raises `SettingOutOfRange`."""
        low, high = EXPOSURE_S
        if not low <= seconds <= high:
            raise SettingOutOfRange(f"{seconds} s of exposure; this device takes {low:g} to {high:g} s")
        milliseconds = max(1, round(seconds * 1000))
        self._link.call("set_integration_time_ms", milliseconds)
        read = self._link.call("get_integration_time_ms")
        if read is not None and int(read) != milliseconds:
            raise DeviceRefused(f"wasatch: asked for {milliseconds} ms of exposure, reads back {read} ms")
        self._stale = self._stale or milliseconds / 1000 != self._exposure_s
        self._exposure_s = milliseconds / 1000

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Expose once and return raw counts, shape (pixels,), read-only.

        The first frame after a change of exposure is thrown away, as the maker's software does. A frame
        given up is waited for before the next one, since it may still arrive.

        Raises
        ------
        AcquisitionAborted
            ``stop``, asked every 40 ms, said so.
        DeviceTimeout, ConnectionLost, ProtocolError
            No spectrum, no device, or not one of this detector.
        """
        if self._worker is not None:
            self._worker.join(8 * self._exposure_s + 12.0)
            self._worker = None
            self._stale = True
        if self._stale:
            self._frame(stop)
            self._stale = False
        return self._frame(stop)

    def available_settings(self) -> tuple[Setting, ...]:
        """Return exposure and gain, with limits and units."""
        return (
            Setting("exposure_s", "Exposure of one accumulation.", "s", *EXPOSURE_S),
            Setting("gain_db", "Gain of the detector.", "dB", *GAIN_DB),
        )

    def set(self, name: str, value: SettingValue) -> None:
        """Change a setting; raises `UnknownSetting` or `SettingOutOfRange`."""
        if name not in {"exposure_s", "gain_db"}:
            raise UnknownSetting(f"wasatch: no setting {name!r}")
        number = float(value) if isinstance(value, int | float) else math.nan
        if name == "exposure_s":
            self.set_exposure(number)
            return
        if not GAIN_DB[0] <= number <= GAIN_DB[1]:
            raise SettingOutOfRange(f"a gain of {value} dB; this device takes 0 to {GAIN_DB[1]:g} dB")
        self._link.call("set_detector_gain", number)
        self._gain_db, self._stale = number, True

    def status(self) -> SpectrometerStatus:
        """Ask for temperature and battery."""
        charge = float(self._link.call("get_battery_percentage") or 0.0) / 100.0
        return SpectrometerStatus(ready=True, battery=min(max(charge, 0.0), 1.0))

    def settings(self) -> dict[str, Any]:
        """Return a snapshot as JSON values."""
        return {
            "model": self.info.model,
            "serial": self.info.serial,
            "firmware": self.info.firmware,
            "exposure_s": self._exposure_s,
            "gain_db": self._gain_db,
            "driver": "maker's package; not tried on hardware",
        }

    def close(self) -> None:
        """Let go of the handheld; may be called twice."""
        self._link.close()

    def _frame(self, stop: StopCheck) -> FloatArray:
        """Have the maker's blocking call run beside us, so that a stop is heard."""
        found: list[Any] = []
        self._worker = threading.Thread(target=self._read, args=(found,), name="wasatch", daemon=True)
        self._worker.start()
        end = time.monotonic() + 8 * self._exposure_s + 12.0
        while self._worker.is_alive():
            if stop():
                raise AcquisitionAborted("wasatch: stopped during an exposure")
            if time.monotonic() > end:
                raise DeviceTimeout("wasatch: no spectrum in time; check battery and cable")
            self._worker.join(_STOP_INTERVAL_S)
        self._worker = None
        (answer,) = found
        if isinstance(answer, Exception):
            raise answer
        counts = np.asarray(answer if answer is not None else (), dtype=np.float64)
        if counts.shape != (self.limits.pixels,):
            raise ProtocolError(f"wasatch: a spectrum of {counts.size} pixels, not {self.limits.pixels}")
        return frozen_array(counts, name="counts")

    def _read(self, found: list[Any]) -> None:
        try:
            found.append(self._link.call("get_spectrum"))
        except InstrumentError as error:
            found.append(error)


class WasatchUnit:
    """A handheld: detector and laser over one link."""

    def __init__(self, open_fid: OpenFid, *, url: str = "", emulated: bool = False) -> None:
        link = WasatchLink(open_fid)
        try:
            self.laser = WasatchLaser(link, url=url, emulated=emulated)
            self.spectrometer = WasatchSpectrometer(link, url=url, emulated=emulated)
        except BaseException:
            link.close()
            raise
        self._link = link

    def close(self) -> None:
        """Let go of the handheld; may be called twice. Does not switch the laser."""
        self._link.close()


def _axis(wavelengths: Any) -> FloatArray:
    axis = frozen_array(wavelengths if wavelengths is not None else (), name="axis")
    # Without a calibration the maker's code counts pixels from 0.
    if axis.size < 2 or axis[0] < SHORTEST_NM or not (np.diff(axis) > 0).all():
        raise ProtocolError("wasatch: the handheld's calibration gives no ascending axis")
    return axis


@unit("wasatch")
def open_wasatch(url: DeviceURL) -> WasatchUnit:
    """Open a Wasatch handheld on USB by its serial number, ``usb`` for the only one."""
    serial = "" if url.target == "usb" else url.target
    return WasatchUnit(usb_opener(serial), url=url.text, emulated=url.emulated)
