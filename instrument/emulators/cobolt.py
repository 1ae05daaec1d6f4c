"""An emulated Cobolt 08-NLD, a 785 nm Raman laser with an ASCII serial protocol.

Commands and their meaning: the maker's pycobolt, and the command lists of pyLabLib and python-microscope.
Power is in W in this dialect. Safety behaviour: opening the interlock puts the laser off and latches fault 3
until it is closed and cleared; a refused switch-on answers a syntax error, as autostart mode does on the
hardware.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .light import LightLog
from .scene import SceneError, number
from .wire import Wire

MAX_POWER_MW = 500.0
MAX_CURRENT_MA = 1200.0
#: Longest command line believed, bytes.
MAX_LINE = 256
#: Relative standard deviation of the measured power.
POWER_NOISE = 0.003
FAULT_NONE, FAULT_INTERLOCK = 0, 3
FAULTS = {0, 1, 3, 4}


class CoboltLaser:
    """State of the laser head; every change of the light goes to the log before the command is answered."""

    def __init__(self, serial: str, log: LightLog, *, laser_nm: float = 785.0, seed: int = 0) -> None:
        self.serial, self.log, self.laser_nm = serial, log, laser_nm
        self.enabled = False
        self.waiting_for_key = False
        self.setpoint_mw = 50.0
        self.current_ma = 300.0
        self.mode = "cp"
        self.autostart = False
        self.interlock_closed, self.key_on, self.stuck = True, True, False
        self.fault = FAULT_NONE
        self._rng = np.random.default_rng([seed, 4])

    @property
    def power_mw(self) -> float:
        """Light that leaves the head, mW."""
        if not self.enabled:
            return 0.0
        return self.setpoint_mw if self.mode != "ci" else MAX_POWER_MW * self.current_ma / MAX_CURRENT_MA

    @property
    def operating_mode(self) -> int:
        """Number that ``gom?`` gives."""
        if self.fault:
            return 5
        if self.waiting_for_key:
            return 1
        return 0 if not self.enabled else 2 if self.mode != "em" else 4

    def measured_mw(self) -> float:
        """Return what the head's photodiode says, mW."""
        return self.power_mw * (1.0 + POWER_NOISE * float(self._rng.standard_normal()))

    def switch_on(self) -> bool:
        """Emit, unless something forbids it; return whether the laser obeyed."""
        if self.fault or not self.interlock_closed or not self.key_on:
            return False
        self.enabled = True
        self.waiting_for_key = False
        self._log()
        return True

    def switch_off(self) -> None:
        """Stop emitting; a head that is stuck goes on."""
        self.waiting_for_key = False
        if not self.stuck:
            self.enabled = False
        self._log()

    def set_number(self, name: str, value: float, limit: float) -> bool:
        """Set a set point within 0..limit; return whether the laser obeyed."""
        if not 0.0 <= value <= limit:
            return False
        setattr(self, name, value)
        self._log()
        return True

    def set_mode(self, mode: str) -> bool:
        """Choose constant power, constant current or modulation."""
        self.mode = mode
        self._log()
        return True

    def start_sequence(self) -> bool:
        """Begin the autostart sequence, which waits for the key."""
        self.waiting_for_key = not self.key_on
        return self.waiting_for_key or self.switch_on()

    def clear_fault(self) -> bool:
        """Forget the fault, unless its cause is still there."""
        self.fault = FAULT_NONE if self.interlock_closed else FAULT_INTERLOCK
        return True

    def control(self, message: dict[str, Any]) -> None:
        """Carry out the laser's part of a control message.

        Raises
        ------
        SceneError
            A value is of the wrong kind.
        """
        interlock = _choice(message, "interlock", {"closed": True, "open": False})
        key = _choice(message, "key", {"on": True, "off": False})
        self.stuck = bool(_choice(message, "stuck", {True: True, False: False}, self.stuck))
        if "fault" in message:
            fault = int(number(message, "fault", 0, 4))
            if fault not in FAULTS:
                raise SceneError(f"fault: one of {sorted(FAULTS)}")
            self.fault = fault
        if interlock is not None:
            self.interlock_closed = interlock
            self.fault = self.fault if interlock else FAULT_INTERLOCK
        if key is not None:
            self.key_on = key
            if key and self.waiting_for_key:
                self.switch_on()
        if self.fault or not self.key_on:
            # The interlock and the key break the current itself: not even a stuck driver keeps the light on.
            self.enabled = False
        self._log()

    def state(self) -> dict[str, Any]:
        """Return the laser's state as JSON values."""
        return {
            "enabled": self.enabled,
            "power_mw": self.power_mw,
            "setpoint_mw": self.setpoint_mw,
            "interlock": "closed" if self.interlock_closed else "open",
            "key": "on" if self.key_on else "off",
            "fault": self.fault,
            "stuck": self.stuck,
        }

    def _log(self) -> None:
        self.log.set_power(self.power_mw)


def _choice(
    message: dict[str, Any], name: str, words: dict[Any, bool], default: bool | None = None
) -> bool | None:
    if name not in message:
        return default
    value = message[name]
    if not isinstance(value, str | bool) or value not in words:
        raise SceneError(f"{name}: one of {', '.join(map(str, words))}")
    return words[value]


OK, REFUSED = "OK", "Syntax error: not allowed"


class CoboltDialect:
    """Command lines and their answers."""

    def __init__(self, laser: CoboltLaser) -> None:
        self._laser = laser
        self._queries: dict[str, Callable[[], str]] = self._learn_queries()
        self._commands: dict[str, Callable[[], bool | None]] = {
            "?": lambda: True,
            "l1": lambda: not laser.autostart and laser.switch_on(),
            "l0": laser.switch_off,
            "@cob1": laser.start_sequence,
            "@cob0": laser.switch_off,
            "abort": laser.switch_off,
            "restart": laser.start_sequence,
            "cp": lambda: laser.set_mode("cp"),
            "ci": lambda: laser.set_mode("ci"),
            "em": lambda: laser.set_mode("em"),
            "cf": laser.clear_fault,
        }
        self._setters: dict[str, Callable[[float], bool]] = {
            "p": lambda watts: laser.set_number("setpoint_mw", watts * 1e3, MAX_POWER_MW),
            "slc": lambda milliamperes: laser.set_number("current_ma", milliamperes, MAX_CURRENT_MA),
            "@cobas": lambda on: on in (0, 1) and laser.set_number("autostart", on, 1),
        }

    def answer(self, line: str) -> str:
        """Return the answer to one command line, without its line end."""
        name, _, argument = line.strip().lower().partition(" ")
        if not argument:
            if name in self._queries:
                return self._queries[name]()
            if name in self._commands:
                return REFUSED if self._commands[name]() is False else OK
        elif name in self._setters:
            try:
                value = float(argument)
            except ValueError:
                return f"Syntax error: illegal value {argument[:20]}"
            return OK if self._setters[name](value) else REFUSED
        return "Syntax error: illegal command"

    def _learn_queries(self) -> dict[str, Callable[[], str]]:
        laser = self._laser

        def current() -> str:
            return f"{MAX_CURRENT_MA * laser.power_mw / MAX_POWER_MW:.1f}"

        def everything() -> str:
            # Of this list only the eighth field is publicly known: 0 current, 1 power, 2 modulation.
            return " ".join(["0"] * 7 + [str(("ci", "cp", "em").index(laser.mode))])

        return {
            "ra?": everything,
            "sn?": lambda: laser.serial,
            "gsn?": lambda: laser.serial,
            "glm?": lambda: f"{round(laser.laser_nm):04d}-08-01-0500-100",
            "gcn?": lambda: "opioscan emulator",
            "gfv?": lambda: "10.2.1",
            "gfd?": lambda: "2024-01-01",
            "gfbd?": lambda: "2024-01-01",
            "l?": lambda: str(int(laser.enabled)),
            "@cobas?": lambda: str(int(laser.autostart)),
            "@cobasks?": lambda: str(int(laser.key_on)),
            "p?": lambda: f"{laser.setpoint_mw * 1e-3:.6f}",
            "pa?": lambda: f"{laser.measured_mw() * 1e-3:.6f}",
            "glc?": lambda: f"{laser.current_ma:.1f}",
            "i?": current,
            "rlc?": current,
            "ilk?": lambda: str(int(not laser.interlock_closed)),
            "f?": lambda: str(laser.fault),
            "gom?": lambda: str(laser.operating_mode),
            "hrs?": lambda: "123.45",
            "rbpt?": lambda: "27.50",
            "rtect?": lambda: "25.00",
            "gmlp?": lambda: f"{MAX_POWER_MW:.1f}",
            "gmlc?": lambda: f"{MAX_CURRENT_MA:.1f}",
        }


async def serve_cobolt(dialect: CoboltDialect, wire: Wire) -> None:
    """Answer command lines until the client is gone; lines end with CR, LF or both, answers with CR LF."""
    pending = b""
    while data := await wire.read():
        *lines, pending = (pending + data).replace(b"\n", b"\r").split(b"\r")
        for line in lines:
            if line.strip():
                answer = dialect.answer(line.decode("ascii", "replace"))
                await wire.reply(
                    f"{answer}\r\n".encode("ascii", "replace"), refusal=f"{REFUSED}\r\n".encode()
                )
        if len(pending) > MAX_LINE:
            pending = b""
            await wire.reply(b"Syntax error: line too long\r\n")
