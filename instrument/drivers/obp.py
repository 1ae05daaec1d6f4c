"""Ocean Optics spectrometers with the Ocean Binary Protocol: STS, Spark, QE Pro, FX, HDX.

URLs: ``obp+serial:///dev/ttyUSB0?model=STS&baud=115200`` and ``obp+tcp://192.168.254.254:57357?model=FX``.
"""

import math
import struct
from typing import Any

import numpy as np

from spectra.values import DeviceInfo, FloatArray, Technique, frozen_array

from ..errors import AcquisitionAborted, ProtocolError, SettingOutOfRange
from ..interfaces import StopCheck, never_stop
from ..obp_frames import MessageType
from ..registry import DeviceURL, spectrometer
from ..transport.serial_port import SerialStream
from ..transport.tcp import TcpStream
from .obp_link import ObpLink, optional
from .obp_models import ObpModel, obp_model

#: Line speed after power-up (vendor sample ``demo-sts-api.c``), bits per second.
DEFAULT_BAUD = 9600
#: Port in the field (python-seabreeze, pull request 243).
DEFAULT_TCP_PORT = 57357
#: The devices hold four; more would be damage.
_MAX_COEFFICIENTS = 16
_U8, _U32, _F32 = struct.Struct("<B"), struct.Struct("<I"), struct.Struct("<f")


class ObpSpectrometer:
    """A spectrometer that speaks OBP, returning raw counts of single exposures.

    On opening, averaging, smoothing and triggering inside the device are set to none: the record is to hold
    what the detector saw.

    Parameters
    ----------
    link
        The conversation; owned and closed by the driver.
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

    def __init__(self, link: ObpLink, model: ObpModel, *, url: str = "", emulated: bool = False) -> None:
        self._link = link
        self._model = model
        self.limits = model.limits
        self.transcript = link.stream.transcript
        try:
            link.resync()
            self.info = self._identify(url, emulated)
            self._check_pixels()
            self._coefficients = self._read_coefficients()
            self._axis = self._polynomial_axis()
            self._make_plain()
            self._exposure_s = self._read_exposure()
        except BaseException:
            link.stream.close()
            raise

    def axis(self) -> FloatArray:
        """Return the wavelength of each pixel, nm, shape (pixels,), ascending, read-only.

        Pixel p has wavelength Σ cᵢ pⁱ with the coefficients of the device (SeaBreeze, ``OBPWaveCalFeature``).
        """
        return self._axis

    def set_exposure(self, seconds: float) -> None:
        """Set the exposure of one accumulation, s, in steps of 1 µs.

        Raises
        ------
        SettingOutOfRange
            Outside `limits`; nothing was sent.
        DeviceRefused
            The device said no.
        """
        low, high = self.limits.exposure_min_s, self.limits.exposure_max_s
        if not low <= seconds <= high:
            raise SettingOutOfRange(
                f"{seconds} s of exposure; {self._model.name} takes {low:g} to {high:g} s"
            )
        microseconds = round(seconds * 1e6)
        self._link.command(MessageType.SET_INTEGRATION_TIME, _U32.pack(microseconds))
        self._exposure_s = microseconds / 1e6

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Expose once and return raw counts, shape (pixels,), read-only.

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
        """
        model = self._model
        if model.buffered:
            # An older spectrum in the buffer would be taken for this one.
            self._link.command(MessageType.CLEAR_BUFFER)
        try:
            data = self._link.acquire(
                model.spectrum, exposure_s=self._exposure_s, size=model.spectrum_bytes, stop=stop
            )
        except AcquisitionAborted:
            self._link.abort()
            raise
        if len(data) != model.spectrum_bytes:
            raise ProtocolError(
                f"{self._link.stream.name}: a spectrum of {len(data)} bytes instead of {model.spectrum_bytes}"
            )
        pixels = np.frombuffer(data, dtype=model.pixel_dtype, offset=model.metadata_bytes)
        return frozen_array(pixels, name="counts")

    def settings(self) -> dict[str, Any]:
        """Return model, exposure, wavelength coefficients and, where the device has it, its temperature."""
        known: dict[str, Any] = {
            "model": self._model.name,
            "exposure_s": self._exposure_s,
            "averages": 1,
            "boxcar": 0,
            "trigger": "free running",
            "baud": self._link.baud,
            "wavelength_coefficients": list(self._coefficients),
        }
        answer = optional(lambda: self._link.query(MessageType.TEMPERATURES, size=32))
        if answer and len(answer) % 4 == 0:
            known["temperatures_c"] = [round(float(t), 3) for t in np.frombuffer(answer, dtype="<f4")]
        return known

    def close(self) -> None:
        """Let go of the port; may be called twice."""
        self._link.stream.close()

    def _identify(self, url: str, emulated: bool) -> DeviceInfo:
        maker = optional(lambda: self._link.query(MessageType.ORIGINAL_MANUFACTURER, size=64))
        emulated = emulated or b"emulator" in (maker or b"")
        serial = _ascii(self._link.query(MessageType.SERIAL_NUMBER, size=64), "serial number")
        revision = optional(lambda: self._link.query(MessageType.FIRMWARE_REVISION))
        # u16, binary-coded decimal: 0x0123 is 1.23.
        firmware = f"{revision[1]:x}.{revision[0]:02x}" if revision and len(revision) == 2 else ""
        return DeviceInfo(self._model.name, serial, firmware, url, emulated)

    def _check_pixels(self) -> None:
        answer = optional(lambda: self._link.query(MessageType.PIXEL_COUNT))
        # u16 by the vendor's library, which notes that a device answers u32.
        pixels = int.from_bytes(answer, "little") if answer is not None else self._model.pixels
        if pixels != self._model.pixels:
            raise ProtocolError(
                f"{self._link.stream.name}: the device has {pixels} pixels, {self._model.name} has "
                f"{self._model.pixels}; write its real model= in the URL"
            )

    def _read_coefficients(self) -> tuple[float, ...]:
        count = self._link.query(MessageType.WAVELENGTH_COUNT)
        if len(count) != 1 or not 2 <= count[0] <= _MAX_COEFFICIENTS:
            raise ProtocolError(f"{self._link.stream.name}: {count.hex() or 'no'} wavelength coefficients")
        return tuple(self._coefficient(i) for i in range(count[0]))

    def _coefficient(self, index: int) -> float:
        answer = self._link.query(MessageType.WAVELENGTH_COEFFICIENT, _U8.pack(index))
        if len(answer) != _F32.size:
            raise ProtocolError(
                f"{self._link.stream.name}: wavelength coefficient {index} has {len(answer)} bytes"
            )
        value = float(_F32.unpack(answer)[0])
        if not math.isfinite(value):
            raise ProtocolError(f"{self._link.stream.name}: wavelength coefficient {index} is {value}")
        return value

    def _polynomial_axis(self) -> FloatArray:
        pixel = np.arange(self._model.pixels, dtype=np.float64)
        axis = np.polynomial.polynomial.polyval(pixel, self._coefficients)
        if not (np.diff(axis) > 0).all() or axis[0] <= 0:
            raise ProtocolError(
                f"{self._link.stream.name}: coefficients {self._coefficients} give no ascending axis"
            )
        return frozen_array(axis, name="axis")

    def _make_plain(self) -> None:
        self._link.command(MessageType.SET_TRIGGER_MODE, _U8.pack(0))
        for kind, operand in ((MessageType.SET_AVERAGES, b"\x01\x00"), (MessageType.SET_BOXCAR, b"\x00")):
            self._link.command(kind, operand)

    def _read_exposure(self) -> float:
        answer = self._link.query(MessageType.GET_INTEGRATION_TIME)
        if len(answer) != _U32.size:
            raise ProtocolError(f"{self._link.stream.name}: an exposure of {len(answer)} bytes")
        return float(_U32.unpack(answer)[0]) / 1e6


def _ascii(data: bytes, what: str) -> str:
    try:
        text = data.rstrip(b"\0").decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the {what} is not ASCII: {data[:32]!r}") from error
    if not text.isprintable():
        raise ProtocolError(f"the {what} is not printable: {data[:32]!r}")
    return text


@spectrometer("obp+serial", params=("model", "baud"))
def open_obp_serial(url: DeviceURL) -> ObpSpectrometer:
    """Open an OBP spectrometer on a serial port."""
    model = obp_model(url.need("model"))
    baud = url.integer("baud", DEFAULT_BAUD, low=300, high=4_000_000)
    link = ObpLink(SerialStream(url.serial_path(), baud), baud=baud)
    return ObpSpectrometer(link, model, url=url.text, emulated=url.emulated)


@spectrometer("obp+tcp", params=("model",))
def open_obp_tcp(url: DeviceURL) -> ObpSpectrometer:
    """Open an OBP spectrometer on the network."""
    model = obp_model(url.need("model"))
    link = ObpLink(TcpStream(*url.host_port(DEFAULT_TCP_PORT)))
    return ObpSpectrometer(link, model, url=url.text, emulated=url.emulated)
