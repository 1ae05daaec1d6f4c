"""Silicann Spektralwerk Core, an SCPI spectrometer, through PyVISA.

URL: ``visa://TCPIP0::192.168.1.20::5025::SOCKET?driver=spektralwerk``. Sources: the maker's documentation
(en.silicann.com/spektralwerk-core-scpi-api-docs) and client ``spektralwerk_scpi_client`` (MIT).
"""

import math
from typing import Any

from spectra.values import DeviceInfo, FloatArray, Technique, frozen_array

from ..errors import DeviceRefused, ProtocolError, SettingOutOfRange
from ..interfaces import SpectrometerLimits, StopCheck, never_stop
from ..registry import DeviceURL, spectrometer
from ..transport.visa import VisaLine

#: What a healthy device may take beyond the exposure, s; as long as the maker's client waits.
MARGIN_S = 2.0
#: Most pixels believed.
MAX_PIXELS = 1 << 16
#: Characters a number may take, with its comma.
_NUMBER_CHARS = 32
_SHORT = 4096
_EXPOSURE = "MEASure:SPECtrum:CONFig:EXPosure:TIME"
_ARRAY = "DEVice:SPECtrometer:ARRay"
#: SCPI 1999, 21.8: data out of range, illegal parameter value.
_RANGE_CODES = frozenset({"-222", "-224"})


class Spektralwerk:
    """A Spektralwerk Core, returning raw counts of single exposures.

    It closes the connection after every line, so each question goes out as
    ``*CLS;<question>;*ESR?`` and is complete in itself: no answer can come late.

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
        self._line = line
        self.transcript = line.transcript
        self.info = self._identify(url, emulated)
        self.limits = self._read_limits()
        self._axis = self._read_axis()
        self._exposure_s = self._read_exposure()

    def axis(self) -> FloatArray:
        """Return the wavelength of each pixel, nm, shape (pixels,), ascending, read-only."""
        return self._axis

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
        microseconds = round(seconds * 1e6)
        self._ask(f"{_EXPOSURE} {microseconds}")
        read = self._read_exposure()
        if not math.isclose(read, microseconds / 1e6, rel_tol=1e-3, abs_tol=1e-6):
            raise DeviceRefused(
                f"{self._line.name}: asked for {seconds:g} s of exposure, reads back {read:g} s"
            )
        self._exposure_s = read

    def acquire(self, *, stop: StopCheck = never_stop) -> FloatArray:
        """Expose once and return raw counts, shape (pixels,), read-only.

        Raises
        ------
        AcquisitionAborted
            ``stop``, asked at least every 50 ms, said so; the connection was closed.
        DeviceTimeout
            Nothing came in exposure + margin; not repeated.
        """
        pixels = self.limits.pixels
        limit = (pixels + 2) * _NUMBER_CHARS
        answer = self._ask("MEASure:SPECtrum:REQuest:RAW?", extra_s=self._exposure_s, limit=limit, stop=stop)
        # A time stamp stands before the pixels.
        return frozen_array(self._numbers(answer, pixels + 1, "spectrum")[1:], name="counts")

    def settings(self) -> dict[str, Any]:
        """Return model and exposure; raw spectra pass none of the device's other settings."""
        return {"model": self.info.model, "exposure_s": self._exposure_s, "spectrum": "raw"}

    def close(self) -> None:
        """Ask no more; between two questions there is no connection to let go of."""
        self._line.close()

    def _identify(self, url: str, emulated: bool) -> DeviceInfo:
        fields = [field.strip() for field in self._ask("*IDN?").split(",")]
        if len(fields) != 4 or not all(field.isprintable() for field in fields):
            raise ProtocolError(f"{self._line.name}: *IDN? gives {','.join(fields)[:80]!r}, not four fields")
        vendor, model, serial, firmware = fields
        name = model if vendor.lower() in model.lower() else f"{vendor} {model}"
        return DeviceInfo(name, serial, firmware, url, emulated or "emulator" in firmware.lower())

    def _read_limits(self) -> SpectrometerLimits:
        questions = (
            f"{_ARRAY}:PCOunt?",
            f"{_ARRAY}:PEAK?",
            f"{_EXPOSURE}:MINimum?",
            f"{_EXPOSURE}:MAXimum?",
            f"{_EXPOSURE}:UNIT?",
        )
        answers = self._ask(";".join(questions)).split(";")
        if len(answers) != len(questions) or answers[4].strip().lower() not in {"us", "µs"}:
            raise ProtocolError(f"{self._line.name}: limits {answers}; exposures have to be in us")
        pixels, peak, low, high = (self._numbers(answer, 1, "limit")[0] for answer in answers[:4])
        if pixels != int(pixels) or not 2 <= pixels <= MAX_PIXELS or not 0 < low < high or peak <= 0:
            raise ProtocolError(f"{self._line.name}: limits make no sense: {answers}")
        return SpectrometerLimits(int(pixels), low / 1e6, high / 1e6, peak)

    def _read_axis(self) -> FloatArray:
        pixels = self.limits.pixels
        answer = self._ask("DEVice:SPECtrometer:PIXels:WAVelengths?", limit=(pixels + 2) * _NUMBER_CHARS)
        axis = frozen_array(self._numbers(answer, pixels, "wavelengths"), name="axis")
        if axis[0] <= 0 or not (axis[1:] > axis[:-1]).all():
            raise ProtocolError(f"{self._line.name}: the wavelengths are not ascending")
        return axis

    def _read_exposure(self) -> float:
        return self._numbers(self._ask(f"{_EXPOSURE}?"), 1, "exposure")[0] / 1e6

    def _ask(
        self, request: str, *, extra_s: float = 0.0, limit: int = _SHORT, stop: StopCheck = never_stop
    ) -> str:
        """Ask within the error discipline of the maker's client and return the answer."""
        line = f"*CLS;{request};*ESR?"
        answer = self._line.ask(line, timeout_s=MARGIN_S + extra_s, limit=limit, stop=stop)
        text, _, register = answer.rpartition(";")
        if not (register.isascii() and register.isdigit()):
            raise ProtocolError(f"{self._line.name}: {answer[-40:]!r} in answer to {request}")
        if int(register) != 0:
            error = self._line.ask("SYSTem:ERRor:NEXT?", timeout_s=MARGIN_S, limit=_SHORT)
            code = error.split(",", 1)[0].strip()
            kind = SettingOutOfRange if code in _RANGE_CODES else DeviceRefused
            raise kind(f"{self._line.name}: the device refused {request}: {error}")
        return text

    def _numbers(self, answer: str, count: int, what: str) -> list[float]:
        try:
            numbers = [float(word) for word in answer.split(",")]
        except ValueError as error:
            raise ProtocolError(
                f"{self._line.name}: {what} with a word that is no number: {error}"
            ) from error
        if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
            raise ProtocolError(f"{self._line.name}: {what} of {len(numbers)} numbers instead of {count}")
        return numbers


@spectrometer("visa/spektralwerk")
def open_spektralwerk(url: DeviceURL) -> Spektralwerk:
    """Open a Spektralwerk Core by its VISA resource."""
    return Spektralwerk(VisaLine(url.target), url=url.text, emulated=url.emulated)
