"""Cobolt / Hübner lasers of the 04, 05, 06 and 08 series over their ASCII serial protocol.

URL: ``cobolt+serial:///dev/ttyUSB1``, optional ``baud=`` and ``pause_ms=``. Source: the maker's pycobolt
(MIT). Powers on the wire are in watts.
"""

import math
import re
import time
from collections.abc import Callable

from spectra.values import DeviceInfo

from ..errors import (
    DeviceRefused,
    DeviceTimeout,
    InstrumentError,
    InterlockOpen,
    LaserMayBeOn,
    PortNotFound,
    ProtocolError,
    SettingOutOfRange,
)
from ..interfaces import LaserStatus
from ..registry import DeviceURL, laser
from ..transport.serial_port import SerialStream
from ..transport.stream import ByteStream
from ..transport.transcript import Transcript
from .cobolt_link import CoboltLink

BAUD = 115200
#: The maker's own client leaves so much between commands.
PAUSE_MS = 100
#: How long `Cobolt.off` keeps trying, s.
OFF_DEADLINE_S = 1.5
#: Answer times beyond this are failures, s.
TIMEOUT_S = 0.5
_RETRY_S = 0.05
_FAULTS = {"0": "", "1": "temperature", "3": "interlock", "4": "constant power time-out"}
_MODEL = re.compile(r"(\d{4})-\d{2}-")
_NUMBER = re.compile(r"[+-]?\d{1,6}(\.\d{1,9})?([eE][+-]?\d{1,2})?")


class Cobolt:
    """A laser behind a Cobolt serial port.

    On opening it is switched off, read back as off, and set to the lowest power.

    Parameters
    ----------
    open_stream
        Opens the port; called again when it vanished and the laser has to go off.
    pause_s
        Least time between commands.
    url, emulated
        Written into `info`.

    Raises
    ------
    LaserMayBeOn
        It could not be read back as off.
    ProtocolError
        Something answers, but no Cobolt laser.
    """

    def __init__(
        self,
        open_stream: Callable[[Transcript], ByteStream],
        *,
        pause_s: float = PAUSE_MS / 1000,
        timeout_s: float = TIMEOUT_S,
        off_deadline_s: float = OFF_DEADLINE_S,
        url: str = "",
        emulated: bool = False,
    ) -> None:
        self._off_deadline_s = off_deadline_s
        self._link = CoboltLink(open_stream, pause_s=pause_s, timeout_s=timeout_s)
        self.transcript = self._link.transcript
        try:
            self.off()
            self.info = self._identify(url, emulated)
            self.set_power(0.0)
        except BaseException:
            self._link.close()
            raise

    def set_power(self, milliwatts: float) -> None:
        """Set the power, mW, and read it back.

        Raises
        ------
        SettingOutOfRange
            Below 0 or above `max_power_mw`; nothing was sent.
        DeviceRefused
            The laser said no, or reads back another power.
        """
        if not 0.0 <= milliwatts <= self.max_power_mw:
            raise SettingOutOfRange(f"{milliwatts} mW; this laser takes 0 to {self.max_power_mw:g} mW")
        self._link.command(f"p {milliwatts / 1000:.5f}")
        read = 1000 * self._number("p?")
        if not math.isclose(read, milliwatts, rel_tol=1e-3, abs_tol=0.02):
            raise DeviceRefused(f"{self._link.name}: asked for {milliwatts:g} mW, reads back {read:g} mW")

    def on(self) -> None:
        """Switch on once and read state, interlock and fault back.

        Raises
        ------
        InterlockOpen
            Interlock or key forbid it; nothing was switched, or it is off again.
        DeviceRefused
            The laser said no, has a fault, or did not come on; it was read back as off.
        LaserMayBeOn
            Something failed and it could not be read back as off.
        """
        self._refuse_unsafe()
        try:
            self._link.command("l1")
            self._refuse_unsafe()
            if not self._flag("l?"):
                raise DeviceRefused(f"{self._link.name}: the laser did not come on; {self._key_words()}")
        except BaseException:
            self.off()
            raise

    def off(self) -> None:
        """Switch off and read back, again and again until it is off or a deadline passes.

        Raises
        ------
        LaserMayBeOn
            It could not be read back as off: leave the beam path, use the key switch.
        """
        end = time.monotonic() + self._off_deadline_s
        reason: Exception | None = None
        while reason is None or time.monotonic() < end:
            try:
                self._link.urgent("l0", before=end)
                if not self._flag("l?", before=end):
                    return
                reason = DeviceRefused(f"{self._link.name}: says that it is still on")
            except InstrumentError as error:
                # Running out of time in mid-question tells less than what went wrong before.
                if reason is None or time.monotonic() < end:
                    reason = error
            time.sleep(_RETRY_S)
        raise LaserMayBeOn(
            f"{self._link.name}: the laser could not be read back as off ({reason}); "
            "leave the beam path and turn the key switch"
        ) from reason

    def status(self) -> LaserStatus:
        """Ask for state, interlock, fault, measured power and set point."""
        emitting = self._flag("l?")
        closed = not self._flag("ilk?")
        fault = self._fault()
        return LaserStatus(emitting, closed, fault, 1000 * self._number("pa?"), 1000 * self._number("p?"))

    def close(self) -> None:
        """Let go of the port; may be called twice. Does not switch the laser."""
        self._link.close()

    def _identify(self, url: str, emulated: bool) -> DeviceInfo:
        serial = self._link.learn_fence()
        model = self._link.query("glm?")
        found = _MODEL.match(model)
        if found is None:
            raise ProtocolError(
                f"{self._link.name}: model {model!r} names no wavelength; is it a Cobolt laser?"
            )
        self.wavelength_nm = float(found[1])
        emulated = emulated or "emulator" in self._customer()
        self.max_power_mw = self._number("gmlp?")
        if self.max_power_mw <= 0:
            raise ProtocolError(f"{self._link.name}: a greatest power of {self.max_power_mw} mW")
        return DeviceInfo(model, serial, self._link.query("gfv?"), url, emulated)

    def _customer(self) -> str:
        """Return the customer's name in the laser, where emulators say what they are."""
        try:
            return self._link.query("gcn?")
        except DeviceRefused:
            return ""

    def _refuse_unsafe(self) -> None:
        if self._flag("ilk?"):
            raise InterlockOpen(f"{self._link.name}: the interlock is open; close it, then try again")
        if fault := self._fault():
            kind = InterlockOpen if fault == "interlock" else DeviceRefused
            raise kind(f"{self._link.name}: the laser reports a fault: {fault}; clear it, then try again")

    def _key_words(self) -> str:
        """Return what the key switch says; older series do not know the question."""
        try:
            key = self._link.query("@cobasks?")
        except (DeviceRefused, DeviceTimeout, ProtocolError):
            return "check the key switch"
        return "turn the key switch on" if key == "0" else "it was switched off again"

    def _fault(self) -> str:
        code = self._link.query("f?")
        if not code.isdigit() or len(code) > 4:
            raise ProtocolError(f"{self._link.name}: {code!r} in answer to f?")
        return _FAULTS.get(code, f"number {code}")

    def _flag(self, question: str, *, before: float | None = None) -> bool:
        answer = self._link.query(question, before=before)
        if answer not in {"0", "1"}:
            self._link.distrust()
            raise ProtocolError(f"{self._link.name}: {answer!r} in answer to {question}")
        return answer == "1"

    def _number(self, question: str) -> float:
        answer = self._link.query(question)
        if not _NUMBER.fullmatch(answer):
            self._link.distrust()
            raise ProtocolError(f"{self._link.name}: {answer!r} in answer to {question}")
        return float(answer)


@laser("cobolt+serial", params=("baud", "pause_ms"))
def open_cobolt_serial(url: DeviceURL) -> Cobolt:
    """Open a Cobolt laser on a serial port."""
    path = url.serial_path()
    baud = url.integer("baud", BAUD, low=300, high=4_000_000)
    pause = url.integer("pause_ms", PAUSE_MS, low=0, high=1000) / 1000

    opened = False

    def open_port(transcript: Transcript) -> SerialStream:
        nonlocal opened
        if opened and path.startswith("/dev/pts/"):
            # Linux gives the number of a closed pseudo-terminal to the next program that asks for one.
            raise PortNotFound(f"{path}: the pseudo-terminal is gone")
        stream = SerialStream(path, baud, transcript=transcript)
        opened = True
        return stream

    return Cobolt(open_port, pause_s=pause, url=url.text, emulated=url.emulated)
