"""State of an emulated Cobolt laser head: emission, set points, interlock, key, faults.

Opening the interlock puts the laser off and latches fault 3 until it is closed and cleared.
"""

from typing import Any

import numpy as np

from .light import LightLog
from .scene import SceneError, number

MAX_POWER_MW = 500.0
MAX_CURRENT_MA = 1200.0
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
