"""Ocean Optics spectrometers with the Ocean Binary Protocol: STS, Spark, QE Pro, FX, HDX.

How they are opened: `obp_open`. The Ventana, which contains a laser, has a driver of its own: `obp_unit`.

OBP2 (protocol version 0x2000: SR2, HR2, ST and their families) is spoken over USB only and not supported.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from spectra.values import DeviceInfo, FloatArray, Technique

from ..errors import ProtocolError, SettingOutOfRange, UnknownSetting
from ..interfaces import Capability, Setting, SettingValue, SpectrometerStatus, StopCheck, never_stop
from ..obp_frames import MessageType
from .obp_facts import polynomial_axis, wavelength_coefficients
from .obp_host import HostSide
from .obp_models import ObpModel
from .obp_panel import ObpPanel
from .obp_reading import ObpReader
from .obp_refusals import ABSENT
from .obp_session import ObpSession


class ObpSpectrometer:
    """A spectrometer that speaks OBP, returning raw counts of single exposures.

    On opening, averaging, smoothing, binning and triggering inside the device are set to none, and the host
    corrects nothing: the record is to hold what the detector saw. Who changes that by `set` finds it in
    `settings`.

    A port that vanished is opened again by the next operation, and the device brought back to its settings;
    the operation under way fails. After each spectrum the exposure is read back, so that a spectrum taken
    after the device lost its settings is never returned.

    Parameters
    ----------
    session
        The device; owned and closed by the driver.
    model
        What is at the other end; a device with another number of pixels is refused.
    url, emulated
        Written into `info`.

    Raises
    ------
    ProtocolError
        The device answers, but is not this model.
    """

    technique = Technique.RAMAN

    def __init__(
        self, session: ObpSession, model: ObpModel, *, url: str = "", emulated: bool = False
    ) -> None:
        self._session = session
        self._link = session.link
        self._model = model
        self.limits = model.limits
        self.transcript = self._link.transcript
        self._panel = ObpPanel(session, model)
        self._reader = ObpReader(self._link, model, self._panel)
        self._host = HostSide(self._link, model)
        try:
            session.ensure()
            self.info = self._identify(url, emulated)
            self._coefficients = wavelength_coefficients(self._link)
            self._axis = polynomial_axis(self._coefficients, model.pixels)
            self._panel.make_plain()
            self._check_pixels()
            self.capabilities = self._known_capabilities()
            session.on_doubt(self._panel.restore)
        except BaseException:
            session.close()
            raise

    def axis(self) -> FloatArray:
        """Return the wavelength of each pixel, nm, shape (pixels,), ascending, read-only."""
        return self._axis

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure of one accumulation, s, in steps of 1 µs (Ventana: 1 ms), and read it back.

        Raises
        ------
        SettingOutOfRange
            Outside `limits`; nothing was sent.
        DeviceRefused
            The device said no, or reads back another one.
        """
        self._panel.set("exposure_s", seconds)

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Expose once and return counts, shape (pixels,), read-only.

        Parameters
        ----------
        stop
            Asked at least every 50 ms.

        Raises
        ------
        AcquisitionAborted
            ``stop`` said so. A spectrum that still arrives is thrown away.
        DeviceTimeout
            Nothing came in exposure + line time + margin; not repeated.
        ProtocolError
            What came was damaged, or is no spectrum of the exposure asked for.
        """
        with self._link.lock:
            self._session.ensure()
            return self._host.corrected(self._reader.one(stop, trigger_wait_s=self._host.trigger_wait_s))

    def acquire_many(self, count: int, *, stop: StopCheck = never_stop) -> FloatArray:
        """Take spectra one after the other into the device's buffer and return them.

        Returns
        -------
        FloatArray
            Counts, shape (count, pixels), read-only.

        Raises
        ------
        UnknownSetting
            The device has no buffer.
        InstrumentError
            As `acquire`; none of the spectra is returned.
        """
        with self._link.lock:
            self._session.ensure()
            if Capability.BUFFER not in self.capabilities:
                raise UnknownSetting(f"{self._link.name}: this device has no buffer for spectra")
            spectra = self._reader.many(count, stop, trigger_wait_s=self._host.trigger_wait_s)
            found = np.array([self._host.corrected(counts) for counts in spectra])
        found.setflags(write=False)
        return found

    def available_settings(self) -> tuple[Setting, ...]:
        """Return what can be set or read, with limits and units; asks the device what it has."""
        self._session.ensure()
        return (*self._panel.available(), *self._host.available())

    def set(self, name: str, value: SettingValue) -> None:
        """Change a setting, read back; raises `UnknownSetting`, `SettingOutOfRange` or `DeviceRefused`."""
        with self._link.lock:
            if self._host.knows(name):
                self._host.set(name, value, binning=self._panel.binning)
                return
            if name == "binning" and value and self._host.needs_every_pixel:
                raise SettingOutOfRange(
                    f"{self._link.name}: dark pixels are corrected; switch that off first"
                )
            self._panel.set(name, value)
            if name == "binning":
                self._take_binning()

    def status(self) -> SpectrometerStatus:
        """Ask for temperatures, and whether the cooler, if it is on, has reached its temperature."""
        with self._link.lock:
            self._session.ensure()
            found = self._host.temperatures()
            cooler = self._panel.value("cooler_temperature_c")
            if cooler is not None:
                found["detector"] = round(cooler, 3)
            if not self._panel.value("cooler") or self._panel.value("cooler_stable") is not False:
                return SpectrometerStatus(True, temperatures_c=found)
            words = f"the detector is cooling to {self._panel.value('cooler_setpoint_c'):g} °C; wait"
            return SpectrometerStatus(False, words, found)

    def settings(self) -> dict[str, Any]:
        """Return everything that is set, what the device knows of itself, and its temperatures."""
        with self._link.lock:
            self._session.ensure()
            known: dict[str, Any] = {
                "model": self._model.name,
                "serial": self.info.serial,
                "firmware": self.info.firmware,
                **self._panel.values(),
                **self._host.values(),
                "wavelength_coefficients": list(self._coefficients),
                "checksum": self._session.checksum,
            }
            if self._link.baud is not None:
                known |= {"baud": self._link.baud, "line": self._session.line.words}
            return known

    def close(self) -> None:
        """Set the line back to its speed at power-up and let go of the port; may be called twice."""
        self._session.close()

    def _known_capabilities(self) -> frozenset[Capability]:
        own = {Capability.CHECKSUM} if self._link.md5 else set()
        return frozenset(own | self._panel.capabilities() | self._host.capabilities())

    def _take_binning(self) -> None:
        binning = self._panel.binning
        self._axis = polynomial_axis(self._coefficients, self._model.pixels, binning=binning)
        self.limits = replace(self._model.limits, pixels=self._model.pixels >> binning)

    def _identify(self, url: str, emulated: bool) -> DeviceInfo:
        maker = self._link.find(MessageType.ORIGINAL_MANUFACTURER, size=64, absent=ABSENT)
        revision = self._link.find(MessageType.FIRMWARE_REVISION, absent=ABSENT)
        # u16, binary-coded decimal: 0x0123 is 1.23.
        firmware = f"{revision[1]:x}.{revision[0]:02x}" if revision and len(revision) == 2 else ""
        emulated = emulated or b"emulator" in (maker or b"")
        return DeviceInfo(self._model.name, self._session.serial, firmware, url, emulated)

    def _check_pixels(self) -> None:
        answer = self._link.find(MessageType.PIXEL_COUNT, absent=ABSENT)
        # u16 by the vendor's library, which notes that a device answers u32.
        pixels = int.from_bytes(answer, "little") if answer is not None else self._model.pixels
        if pixels != self._model.pixels:
            raise ProtocolError(
                f"{self._link.name}: the device has {pixels} pixels, {self._model.name} has "
                f"{self._model.pixels}; write its real model= in the URL"
            )
