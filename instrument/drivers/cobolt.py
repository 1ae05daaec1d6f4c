"""Cobolt / Hübner lasers of the 04, 05, 06 and 08 series over their ASCII serial protocol.

URL: ``cobolt+serial:///dev/ttyUSB1``, optional ``baud=`` and ``pause_ms=``. Source: the maker's pycobolt
(MIT). Powers on the wire are in watts.
"""

import math
import re
from typing import Any

from spectra.values import DeviceInfo

from ..errors import (
    DeviceRefused,
    ProtocolError,
)
from ..interfaces import LaserStatus
from ..registry import DeviceURL, laser
from ..transport.serial_port import SerialStream
from .cobolt_facts import CoboltFacts, read_flag, read_number
from .cobolt_link import CoboltLink
from .cobolt_safety import CoboltSafety
from .laser_base import BY_ITSELF, OFF_DEADLINE_S, SwitchedLaser
from .stream_opener import StreamOpener, once_only

BAUD = 115200
#: The maker's own client leaves so much between commands.
PAUSE_MS = 100
#: Answer times beyond this are failures, s.
TIMEOUT_S = 0.5
_MODEL = re.compile(r"(\d{4})-\d{2}-")


class Cobolt(SwitchedLaser):
    """A laser behind a Cobolt serial port.

    On opening it is switched off, read back as off, and set to the lowest power; and so it is when its port
    comes back after it had vanished.

    Parameters
    ----------
    open_stream
        Opens the port; called again when it vanished.
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

    _link: CoboltLink

    def __init__(
        self,
        open_stream: StreamOpener,
        *,
        pause_s: float = PAUSE_MS / 1000,
        timeout_s: float = TIMEOUT_S,
        off_deadline_s: float = OFF_DEADLINE_S,
        url: str = "",
        emulated: bool = False,
    ) -> None:
        super().__init__(
            CoboltLink(open_stream, pause_s=pause_s, timeout_s=timeout_s),
            off_deadline_s=off_deadline_s,
            off_words="leave the beam path and turn the key switch",
        )
        self._facts = CoboltFacts(self._link)
        self._safety = CoboltSafety(self._link, self._facts)
        try:
            self.off()
            self.info = self._identify(url, emulated)
            self._lower()
            self._asked_mw = 0.0
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
        self._refuse_power_outside(milliwatts)
        self._ensure_connected()
        self._begin_power()
        self._set(milliwatts)
        self._asked_mw = milliwatts

    def on(self) -> None:
        """Switch on once and read state, interlock and fault back.

        Raises
        ------
        InterlockOpen
            Interlock or key forbid it; nothing was switched, or it is off again.
        DeviceNotReady
            It is warming up; it was read back as off.
        DeviceRefused
            The laser said no, has a fault, has lost its power set point, or did not come on; it was read back
            as off.
        ConnectionLost
            It had been away: it is off and at its lowest power.
        LaserMayBeOn
            Something failed and it could not be read back as off.
        """
        self._ensure_connected()
        asked = self._refuse_unknown_power()
        self._safety.refuse_unsafe(clear=True)
        self._refuse_other_power(asked)
        self._switched_on = True
        try:
            self._safety.start()
            self._safety.refuse_unsafe()
            if not self._link.ask_surely("l?", read_flag, bool):
                raise DeviceRefused(f"{self._link.name}: the laser did not come on")
        except DeviceRefused as error:
            self.off()
            raise self._safety.refusal(error) from error
        except BaseException:
            self.off()
            raise

    def status(self) -> LaserStatus:
        """Ask for state, interlock and fault; for the measured power only while it is on.

        A laser that is on though nobody switched it on is switched off, and this is its fault.

        Raises
        ------
        LaserMayBeOn
            It came on by itself and could not be read back as off.
        """
        self._ensure_connected()
        emitting = self._link.ask("l?", read_flag)
        if emitting and not self._switched_on:
            self._facts.forget()
            self._secure()
            return LaserStatus(False, self._safety.interlock_closed(), BY_ITSELF, 0.0, 0.0)
        closed = self._safety.interlock_closed()
        fault = self._safety.fault()
        measured = 1000 * self._link.ask("pa?", read_number) if emitting else 0.0
        waiting = not emitting and (self._facts.mode() == "waiting for key" or self._facts.settling())
        return LaserStatus(
            emitting=emitting,
            interlock_closed=closed,
            fault=fault,
            power_mw=measured,
            setpoint_mw=self._asked_mw or 0.0,
            # A laser that is on has its key on; while it is off nobody waits for the answer.
            key_on=self._facts.key_on(max_age_s=math.inf) if emitting else self._facts.key_on(),
            ready=not waiting,
        )

    def settings(self) -> dict[str, Any]:
        """Return identity, limits, set point, start mode, temperatures and hours, as JSON values."""
        self._ensure_connected()
        return {
            "driver": "cobolt",
            "model": self.info.model,
            "serial": self.info.serial,
            "firmware": self.info.firmware,
            "wavelength_nm": self.wavelength_nm,
            "max_power_mw": self.max_power_mw,
            "setpoint_mw": self._asked_mw,
            "autostart": self._facts.autostart(),
            "key_on": self._facts.key_on(),
            "temperatures_c": self._facts.temperatures(),
            "hours": self._facts.hours(),
        }

    def _set(self, milliwatts: float) -> None:
        self._link.command(f"p {milliwatts / 1000:.5f}", again=True)
        read = self._setpoint_mw(milliwatts)
        if not _same_power(read, milliwatts):
            raise DeviceRefused(f"{self._link.name}: asked for {milliwatts:g} mW, reads back {read:g} mW")

    def _lower(self) -> None:
        self._set(0.0)

    def _come_back(self) -> None:
        self._facts.forget()
        self._link.come_back("l0")

    def _send_off(self, before: float) -> None:
        self._link.urgent("l0", before=before)

    def _reads_off(self, before: float) -> bool:
        return not self._link.ask("l?", read_flag, before=before)

    def _setpoint_mw(self, due_mw: float) -> float:
        watts = self._link.ask_surely("p?", read_number, lambda watts: _same_power(1000 * watts, due_mw))
        return 1000 * watts

    def _refuse_other_power(self, asked_mw: float) -> None:
        """Refuse a laser whose set point changed by itself, as after a power cut."""
        read = self._setpoint_mw(asked_mw)
        if _same_power(read, asked_mw):
            return
        self._facts.forget()
        self._secure()
        raise DeviceRefused(
            f"{self._link.name}: the power set point was {asked_mw:g} mW and is now {read:g} mW; "
            "was its power cut? It is off and at its lowest power"
        )

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
        self.max_power_mw = self._link.ask("gmlp?", read_number)
        if self.max_power_mw <= 0:
            raise ProtocolError(f"{self._link.name}: a greatest power of {self.max_power_mw} mW")
        return DeviceInfo(model, serial, self._link.query("gfv?"), url, emulated)

    def _customer(self) -> str:
        """Return the customer's name in the laser, where emulators say what they are."""
        try:
            return self._link.query("gcn?")
        except DeviceRefused:
            return ""


def _same_power(read_mw: float, asked_mw: float) -> bool:
    # Half the last digit of the command, and the relative accuracy of its own display; chosen.
    return math.isclose(read_mw, asked_mw, rel_tol=1e-3, abs_tol=0.02)


@laser("cobolt+serial", params=("baud", "pause_ms"))
def open_cobolt_serial(url: DeviceURL) -> Cobolt:
    """Open a Cobolt laser on a serial port."""
    path = url.serial_path()
    baud = url.integer("baud", BAUD, low=300, high=4_000_000)
    pause = url.integer("pause_ms", PAUSE_MS, low=0, high=1000) / 1000
    open_port = once_only(path, lambda transcript: SerialStream(path, baud, transcript=transcript))
    return Cobolt(open_port, pause_s=pause, url=url.text, emulated=url.emulated)
