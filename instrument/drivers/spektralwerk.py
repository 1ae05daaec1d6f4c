"""Silicann Spektralwerk Core, an SCPI spectrometer, through PyVISA.

URL: ``visa://TCPIP0::192.168.1.20::5025::SOCKET?driver=spektralwerk``, optional ``backend=``. Sources: the
maker's documentation (en.silicann.com/spektralwerk-core-scpi-api-docs) and client
``spektralwerk_scpi_client`` (MIT).

As opened it gives raw single exposures, which pass none of its other settings and come as decimal words.
Averages, binning, region, references or trigger make it send processed spectra in the format that is set.
"""

import time
from dataclasses import replace
from typing import Any

from spectra.values import FloatArray, Technique, frozen_array

from ..errors import (
    AcquisitionAborted,
    InstrumentError,
    SettingOutOfRange,
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
from ..registry import DeviceURL, spectrometer
from ..transport.visa_line import VisaLine
from .setting_values import no_setting
from .spektralwerk_clock import StampClock
from .spektralwerk_device import Identity, read_axis, read_facts, read_identity
from .spektralwerk_formats import StampedSpectrum, size_limit
from .spektralwerk_link import SpektralwerkLink
from .spektralwerk_reference import read_reference, take_reference
from .spektralwerk_setup import (
    EXPOSURE,
    Setup,
    changed,
    setup_settings,
    setup_snapshot,
)
from .spektralwerk_state import SetupState

_FULL = frozenset({Capability.EXPOSURE, Capability.AVERAGES, Capability.BINNING, Capability.TRIGGER})
#: Longest wait for a trigger, s; chosen.
TRIGGER_WAIT_S = 30.0


class Spektralwerk:
    """A Spektralwerk Core.

    It closes the connection after every line, so there is none to lose: after any failure, and with every
    spectrum, identity and settings are read back, and a device that was restarted is set anew.

    Parameters
    ----------
    line
        Question and answer, one line a connection.
    url, emulated
        Written into `info`.

    Raises
    ------
    ProtocolError
        Something answers, but no Spektralwerk.
    """

    technique = Technique.RAMAN

    def __init__(self, line: VisaLine, *, url: str = "", emulated: bool = False) -> None:
        self._link = SpektralwerkLink(line)
        self.transcript = line.transcript
        identity = read_identity(self._link)
        self.info = identity.info(url, emulated)
        self._facts = read_facts(self._link)
        self._pixel_axis = read_axis(self._link, self._facts.pixels)
        self._clock = StampClock()
        self._state = SetupState(self._link, identity, self._facts)
        self._state.write_first()
        self.limits = self._limits()
        self.capabilities = _FULL if self._facts.full else frozenset({Capability.EXPOSURE})

    def axis(self) -> FloatArray:
        """Return the wavelength of each pixel, nm, shape (pixels,), ascending, read-only.

        Joined pixels have the mean of their wavelengths.
        """
        setup = self._state.setup
        first, width, count = setup.roi[0], setup.binning, setup.sent_pixels()
        part = self._pixel_axis[first : first + count * width]
        return frozen_array(part.reshape(count, width).mean(axis=1), name="axis")

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure, s, and read it back.

        Raises
        ------
        SettingOutOfRange
            Outside `limits` (nothing was sent), or the device says so.
        DeviceRefused
            The device said no, or reads back another exposure.
        """
        low, high = self.limits.exposure_min_s, self.limits.exposure_max_s
        if not low <= seconds <= high:
            raise SettingOutOfRange(f"{seconds} s of exposure; this device takes {low:g} to {high:g} s")
        self._change(replace(self._state.setup, exposure_us=round(seconds * 1e6)))

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Return one spectrum, raw counts where nothing else is set, shape (pixels,), read-only.

        Raises
        ------
        AcquisitionAborted
            ``stop``, asked at least every 50 ms, said so; the connection was closed.
        DeviceTimeout
            Nothing came in exposure + margin; not repeated.
        ProtocolError
            A damaged spectrum, one that is not new, or another device.
        ConnectionLost
            The device was restarted or set by somebody else; it is set anew before the next spectrum.
        """
        if self._state.settle_doubt():
            self._clock.forget()
        asked_at = time.monotonic()
        try:
            found = self._raw_spectrum(stop) if self._raw else self._processed_spectrum(stop)
            self._clock.check(
                found.stamp_us,
                asked_at=asked_at,
                got_at=time.monotonic(),
                slack_s=self._state.duration_s,
            )
        except AcquisitionAborted:
            raise
        except InstrumentError:
            self._state.doubt()
            raise
        return found.values

    def available_settings(self) -> tuple[Setting, ...]:
        """Return what can be set, and what the device states of itself."""
        low, high = self._facts.exposure_us
        return (
            Setting("exposure_s", "Exposure of one accumulation.", "s", low / 1e6, high / 1e6),
            *(setup_settings(self._facts.setup_limits) if self._facts.full else ()),
            Setting("count", "Spectra sent for each question.", writable=False),
            Setting("peak", "Counts at which the detector saturates.", "counts", writable=False),
            Setting("resolution_nm", "Mean resolution the device states.", "nm", writable=False),
        )

    def set(self, name: str, value: SettingValue) -> None:
        """Change a setting and read all of them back.

        Raises
        ------
        UnknownSetting, SettingOutOfRange
            No such setting, or not to be set to this; nothing was sent.
        DeviceRefused
            The device said no, has no such reference, or reads back something else.
        """
        if name == "exposure_s":
            if isinstance(value, bool | str):
                raise SettingOutOfRange(f"exposure_s: {value!r} is no number")
            self.set_exposure(value)
            return
        if not self._facts.full:
            raise no_setting(name, ["exposure_s"])
        wanted = changed(self._state.setup, name, value, self._facts.setup_limits)
        if (wanted.dark or wanted.light) and wanted.layout.endswith("int16"):
            raise SettingOutOfRange(
                f"{name}: whole numbers cannot hold a spectrum with references; set format to base64_float"
            )
        for kind, on in (("dark", wanted.dark), ("light", wanted.light)):
            if on and name == f"{kind}_reference":
                # The device has to have one: without it it would send what was never referred to anything.
                self.reference(kind)
        self._change(wanted)

    def status(self) -> SpectrometerStatus:
        """Ask whether it is there and set as it should be."""
        self._state.settle_doubt()
        self._state.refuse_other(read_identity(self._link))
        return SpectrometerStatus(ready=True)

    def settings(self) -> dict[str, Any]:
        """Return identity and everything that is set, as JSON values."""
        return {
            "driver": "spektralwerk",
            "model": self.info.model,
            "serial": self.info.serial,
            "firmware": self.info.firmware,
            "exposure_s": self._state.setup.exposure_us / 1e6,
            "spectrum": "raw" if self._raw else "processed",
            **(setup_snapshot(self._state.setup) if self._facts.full else {}),
            "count": 1,
            "peak": self._facts.peak,
            "resolution_nm": self._facts.resolution_nm,
        }

    def take_reference(self, kind: str, averages: int = 1) -> None:
        """Let the device take its ``dark`` or ``light`` reference from what is before it now.

        Raises
        ------
        SettingOutOfRange
            Another kind, or not 1 to `MAX_REFERENCE` exposures.
        DeviceRefused
            The device said no.
        """
        self._state.settle_doubt()
        take_reference(self._link, kind, averages, exposure_s=self._state.setup.exposure_us / 1e6)

    def reference(self, kind: str) -> FloatArray:
        """Return the device's ``dark`` or ``light`` reference, one value a pixel, read-only."""
        return read_reference(self._link, kind, self._facts.pixels)

    def close(self) -> None:
        """Ask no more; between two questions there is no connection to let go of."""
        self._link.close()

    @property
    def _raw(self) -> bool:
        return self._state.setup.raw(self._facts.pixels)

    def _raw_spectrum(self, stop: StopCheck) -> StampedSpectrum:
        """Return a raw spectrum; who took it, and how, comes on the same line."""
        pixels = self._facts.pixels
        who, exposure, counts = self._link.ask(
            "*IDN?",
            f"{EXPOSURE}?",
            "MEASure:SPECtrum:REQuest:RAW?",
            extra_s=self._state.duration_s,
            limit=size_limit("human", pixels),
            stop=stop,
        )
        self._state.refuse_other(Identity.parse(who, self._link.name))
        self._state.refuse_changed_exposure(exposure)
        return self._link.decoded(counts.encode(), "human", pixels)

    def _processed_spectrum(self, stop: StopCheck) -> StampedSpectrum:
        """Return a processed spectrum; who took it, and how, is asked afterwards."""
        setup = self._state.setup
        waiting_s = TRIGGER_WAIT_S if setup.trigger != "none" else 0.0
        found = self._link.stream_one(
            setup.layout, setup.sent_pixels(), extra_s=self._state.duration_s + waiting_s, stop=stop
        )
        self._state.refuse_changed()
        return found

    def _change(self, wanted: Setup) -> None:
        self._state.write(wanted)
        self.limits = self._limits()

    def _limits(self) -> SpectrometerLimits:
        low, high = self._facts.exposure_us
        pixels = self._state.setup.sent_pixels()
        return SpectrometerLimits(pixels, low / 1e6, high / 1e6, self._facts.peak)


@spectrometer("visa/spektralwerk", params=("backend",))
def open_spektralwerk(url: DeviceURL) -> Spektralwerk:
    """Open a Spektralwerk Core by its VISA resource."""
    line = VisaLine(url.target, backend=url.params.get("backend", ""))
    return Spektralwerk(line, url=url.text, emulated=url.emulated)
