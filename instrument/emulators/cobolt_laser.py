"""State of an emulated Cobolt laser head: emission, set points, interlock, key, warm-up, faults.

Opening the interlock puts the laser off and latches fault 3 until it is closed and cleared. A head that is
warming up does not come on. After a power cut it is as at power-on: its stored set point, and, in autostart
mode with the key on, the light back on by itself once it is warm.
"""

import asyncio
from typing import Any

import numpy as np

from .faults import Fault, FaultKind, FaultSpecError
from .light import LightLog
from .scene import SceneError, number
from .warmup import Warmup

MAX_POWER_MW = 500.0
MAX_CURRENT_MA = 1200.0
#: Set point stored in the head, mW; chosen.
STORED_MW = 50.0
#: Temperature of the diode when it has settled, and how much warmer it is at power-on, °C; chosen.
_SETTLED_C, _COLD_C = 25.0, 10.0
#: Relative standard deviation of the measured power.
POWER_NOISE = 0.003
FAULT_NONE, FAULT_TEMPERATURE, FAULT_INTERLOCK = 0, 1, 3
FAULTS = {0, 1, 3, 4}


class CoboltLaser:
    """State of the laser head; every change of the light goes to the log before the command is answered.

    Parameters
    ----------
    warm_up_s
        Time from power-on until it can be switched on, s.
    speed
        Seconds of that time that pass in a second.
    autostart
        Whether it starts by itself when it has power and its key is on.
    """

    def __init__(
        self,
        serial: str,
        log: LightLog,
        *,
        laser_nm: float = 785.0,
        seed: int = 0,
        warm_up_s: float = 0.0,
        speed: float = 1.0,
        autostart: bool = False,
    ) -> None:
        self.serial, self.log, self.laser_nm = serial, log, laser_nm
        self.autostart = autostart
        self.interlock_closed, self.key_on, self.stuck = True, True, False
        self.baseplate_c = 27.5
        self._warmup = Warmup(warm_up_s, speed=speed)
        self._warm_up_s = warm_up_s
        self._rng = np.random.default_rng([seed, 4])
        self.power_on()

    def power_on(self) -> None:
        """Be as after power-on, which ends whatever was going on."""
        self.enabled = False
        self._log()
        self.setpoint_mw, self.current_ma, self.mode = STORED_MW, 300.0, "cp"
        self.fault = FAULT_NONE if self.interlock_closed else FAULT_INTERLOCK
        self._warmup.restart()
        self.starting = self.autostart
        self.tick()

    def tick(self) -> None:
        """Go on with the start sequence; asked before every answer."""
        if self.starting and self.key_on and self._warmup.ready:
            self.switch_on()

    @property
    def power_mw(self) -> float:
        """Light that leaves the head, mW."""
        if not self.enabled:
            return 0.0
        full = self.setpoint_mw if self.mode != "ci" else MAX_POWER_MW * self.current_ma / MAX_CURRENT_MA
        return full * self._warmup.power_share

    @property
    def operating_mode(self) -> int:
        """Number that ``gom?`` gives."""
        if self.fault:
            return 5
        if self.starting and not self.key_on:
            return 1
        return 0 if not self.enabled else 2 if self.mode != "em" else 4

    @property
    def tec_c(self) -> float:
        """Temperature of the diode, °C; it falls evenly while the head warms up."""
        share = self._warmup.left_s / self._warm_up_s if self._warm_up_s > 0 else 0.0
        return _SETTLED_C + _COLD_C * share

    def measured_mw(self) -> float:
        """Return what the head's photodiode says, mW."""
        return self.power_mw * (1.0 + POWER_NOISE * float(self._rng.standard_normal()))

    def switch_on(self) -> bool:
        """Emit, unless something forbids it; return whether the laser obeyed."""
        if self.fault or not self.interlock_closed or not self.key_on or not self._warmup.ready:
            return False
        self.enabled = True
        self.starting = False
        self._log()
        return True

    def switch_off(self) -> None:
        """Stop emitting; a head that is stuck goes on."""
        self.starting = False
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
        """Begin the autostart sequence, which waits for the key and for the head to be warm."""
        if self.fault or not self.interlock_closed:
            return False
        self.starting = True
        self.tick()
        return True

    def clear_fault(self) -> bool:
        """Forget the fault, unless its cause is still there."""
        self.fault = FAULT_NONE if self.interlock_closed else FAULT_INTERLOCK
        return True

    def suffer(self, fault: Fault) -> bool:
        """Let the interlock open, a fault strike or the temperature change; False when it cannot happen now.

        Raises
        ------
        FaultSpecError
            A number the laser does not have, or a fault that is none of a laser.
        """
        match fault.kind:
            case FaultKind.INTERLOCK:
                if not self.enabled:
                    return False
                self.control({"interlock": "open"})
                if fault.value is not None:
                    asyncio.get_running_loop().call_later(fault.value, self.control, {"interlock": "closed"})
            case FaultKind.LASER_FAULT:
                code = FAULT_TEMPERATURE if fault.number is None else fault.number
                if code not in FAULTS - {FAULT_NONE}:
                    raise FaultSpecError(f"{fault.kind}: one of {sorted(FAULTS - {FAULT_NONE})}")
                self.control({"fault": code})
            case FaultKind.DRIFT:
                self.baseplate_c += fault.or_else(5.0)
            case _:
                raise FaultSpecError(f"{fault.kind}: a laser has no such fault")
        return True

    def control(self, message: dict[str, Any]) -> None:
        """Carry out the laser's part of a control message.

        Raises
        ------
        SceneError
            A value is of the wrong kind.
        """
        interlock = choice(message, "interlock", {"closed": True, "open": False})
        key = choice(message, "key", {"on": True, "off": False})
        self.stuck = bool(choice(message, "stuck", {True: True, False: False}, self.stuck))
        self.autostart = bool(choice(message, "autostart", {True: True, False: False}, self.autostart))
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
        if self.fault or not self.key_on:
            # The interlock and the key break the current itself: not even a stuck driver keeps the light on.
            self.enabled = False
        self.tick()
        self._log()

    def state(self) -> dict[str, Any]:
        """Return the laser's state as JSON values."""
        self.tick()
        return {
            "enabled": self.enabled,
            "power_mw": self.power_mw,
            "setpoint_mw": self.setpoint_mw,
            "interlock": "closed" if self.interlock_closed else "open",
            "key": "on" if self.key_on else "off",
            "fault": self.fault,
            "stuck": self.stuck,
            "autostart": self.autostart,
            "warm_up_left_s": self._warmup.left_s,
            "tec_c": self.tec_c,
            "baseplate_c": self.baseplate_c,
        }

    def _log(self) -> None:
        self.log.set_power(self.power_mw)


def choice(
    message: dict[str, Any], name: str, words: dict[Any, bool], default: bool | None = None
) -> bool | None:
    """Return what a word of a control message means; raises `SceneError` for another word."""
    if name not in message:
        return default
    value = message[name]
    if not isinstance(value, str | bool) or value not in words:
        raise SceneError(f"{name}: one of {', '.join(map(str, words))}")
    return words[value]
