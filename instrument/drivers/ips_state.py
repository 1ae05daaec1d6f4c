"""What an IPS laser says of itself: board state, faults, temperatures, hours."""

import re

from ..errors import DeviceNotReady, DeviceRefused, DeviceTimeout, HardwareFault, ProtocolError
from .ips_link import IpsLink, quantity

MILLIAMPERES, MILLIWATTS, CELSIUS = quantity("mA"), quantity("mW"), quantity("C")
#: The diode has settled when it is this close to the set point of its cooler, °C; chosen.
SETTLED_C = 0.5
#: Board states of ``Status?``; empty for those in which it may fire.
_STATES = {
    0: "state unknown",
    1: "",
    2: "power-on self-test failed",
    3: "",
    4: "fault",
    5: "in its boot loader",
    6: "laser board not attached",
}
#: States that pass by themselves.
_PASSING = frozenset({0, 5})
_STATUS = re.compile(r"(\d)\s*,\s*(\d{1,3})")
#: Part of a snapshot → question and reader. That hours come with ``h`` is unproven.
_SNAPSHOT = {
    "cooler_setpoint_c": ("TEC:SETpoint?", CELSIUS),
    "laser_c": ("Laser:Temperature?", CELSIUS),
    "board_c": ("Board:Temperature?", CELSIUS),
    "board_ma": ("Board:Current?", MILLIAMPERES),
    "monitor_mv": ("Laser:Monitor?", quantity("mV")),
    "hours": ("Laser:Hours?", quantity("h")),
    "analog_mode": ("Laser:Mode:Analog?", quantity("")),
    "digital_mode": ("Laser:Mode:Digital?", quantity("")),
}


def read_flag(answer: str) -> bool:
    """Return true for 1 and false for 0; raises `ProtocolError` for anything else."""
    if answer not in {"0", "1"}:
        raise ProtocolError(f"{answer[:80]!r} is neither 0 nor 1")
    return answer == "1"


class IpsState:
    """Questions about one laser's health, and its last fault."""

    def __init__(self, link: IpsLink) -> None:
        self._link = link
        self._unread: set[str] = set()
        self.fault = ""
        """Fault in words; empty for none. It stays until the board is well and its error queue empty."""

    def read(self) -> int:
        """Ask for board state and errors, keep the fault, and return the state's number."""
        state, count = self._link.ask("Status?", _read_status)
        if count:
            self._link.errors()
        elif not _STATES[state]:
            self._link.last_fault = ""
        self.fault = self._link.last_fault or _STATES[state]
        return state

    def refuse_broken(self) -> None:
        """Raise `HardwareFault` where it reports a fault, `DeviceNotReady` where it has not started."""
        state = self.read()
        if self.fault:
            kind = DeviceNotReady if state in _PASSING else HardwareFault
            raise kind(f"{self._link.name}: the laser reports a fault: {self.fault}")

    def temperature(self) -> float:
        """Return the temperature of the laser diode, °C."""
        return self._link.ask("Laser:Temperature?", CELSIUS)

    def settled(self, temperature_c: float) -> bool:
        """Return whether a diode of this temperature has reached the set point of its cooler."""
        return abs(temperature_c - self._link.ask("TEC:SETpoint?", CELSIUS)) <= SETTLED_C

    def refuse_unsettled(self) -> None:
        """Raise `DeviceNotReady` while the diode has not reached the set point of its cooler."""
        temperature = self.temperature()
        if not self.settled(temperature):
            raise DeviceNotReady(
                f"{self._link.name}: the laser is at {temperature:g} °C and still settling: "
                "wait, then try again"
            )

    def refuse_modulated(self) -> None:
        """Raise `DeviceRefused` where a voltage or pulses from outside, and not we, make the current."""
        if any(self._told(name) for name in ("analog_mode", "digital_mode")):
            raise DeviceRefused(
                f"{self._link.name}: external modulation is on, so the power is not ours to set; "
                "switch it off with the maker's program"
            )

    def snapshot(self) -> dict[str, float | None]:
        """Return what it measures of itself; what it does not answer is None, and is not asked again."""
        return {name: self._told(name) for name in _SNAPSHOT}

    def _told(self, name: str) -> float | None:
        if name in self._unread:
            return None
        question, read = _SNAPSHOT[name]
        try:
            return self._link.ask(question, read)
        except (DeviceTimeout, ProtocolError):
            self._unread.add(name)
            return None


def _read_status(answer: str) -> tuple[int, int]:
    found = _STATUS.fullmatch(answer)
    if found is None or int(found[1]) not in _STATES:
        raise ProtocolError(f"{answer[:80]!r} is no status")
    return int(found[1]), int(found[2])
