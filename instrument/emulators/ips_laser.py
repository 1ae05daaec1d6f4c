"""State of an emulated IPS U-type laser: emission by current, cooler, error queue, faults.

Its diode emits above a threshold, in a straight line. There is no interlock one can ask for: opening it puts
the laser off. After a power cut it is as at power-on: its stored current, and enabled where it is stored so.
"""

import asyncio
from collections import deque
from typing import Any

import numpy as np

from .cobolt_laser import choice
from .faults import Fault, FaultKind, FaultSpecError
from .light import LightLog
from .scene import number
from .warmup import Relaxation

#: Current stored in the laser, mA; chosen.
STORED_MA = 100.0
#: Set point of the cooler and temperature of the room, °C; chosen, within the 30 to 35 that are advised.
COOLER_C, ROOM_C = 30.0, 22.0
#: How close to its set point the diode is called settled, °C; chosen.
_SETTLED_C = 0.3
#: Standard deviation of the measured current, mA, and relative one of the measured power; chosen.
_NOISE_MA, _NOISE = 0.2, 0.003
MAX_ERRORS = 16
#: Hardware error where nobody says which: temperature away from its set point.
_DEFAULT_FAULT = 3021
NORMAL, FAULTY = 3, 4


class IpsLaser:
    """State of the laser; every change of the light goes to the log before the next answer.

    Parameters
    ----------
    max_ma, max_mw, threshold_ma
        Its light line: nothing up to the threshold, ``max_mw`` at ``max_ma``.
    warm_up_s
        Time from power-on until the cooler has settled, s.
    speed
        Seconds of that time that pass in a second.
    autostart
        Whether it is stored as enabled, and so comes on when it gets power.
    """

    def __init__(
        self,
        serial: str,
        log: LightLog,
        *,
        max_ma: float,
        max_mw: float,
        threshold_ma: float,
        laser_nm: float = 785.0,
        seed: int = 0,
        warm_up_s: float = 0.0,
        speed: float = 1.0,
        autostart: bool = False,
    ) -> None:
        self.serial, self.log, self.laser_nm = serial, log, laser_nm
        self.max_ma, self.max_mw, self.threshold_ma = max_ma, max_mw, threshold_ma
        self.autostart, self.stuck, self.interlock_closed = autostart, False, True
        self.fault = 0
        self.board_c = 31.0
        # The way from room to cooler has come within the settled band after the warm-up.
        tau_s = warm_up_s / float(np.log((COOLER_C - ROOM_C) / _SETTLED_C))
        self._warm_up_s = warm_up_s
        self._diode = Relaxation(COOLER_C, time_constant_s=max(tau_s, 1e-6), speed=speed)
        self._rng = np.random.default_rng([seed, 5])
        self.errors: deque[str] = deque(maxlen=MAX_ERRORS)
        self.power_on()

    def power_on(self) -> None:
        """Be as after power-on."""
        self.enabled = False
        self._log()
        self.errors.clear()
        self.fault = 0
        self.current_ma = STORED_MA
        self._diode.jump(ROOM_C if self._warm_up_s > 0 else COOLER_C)
        self._diode.head_for(COOLER_C)
        if self.autostart:
            self.switch_on()

    @property
    def cooler_c(self) -> float:
        """Set point of the cooler, °C."""
        return self._diode.target

    @cooler_c.setter
    def cooler_c(self, celsius: float) -> None:
        self._diode.head_for(celsius)

    @property
    def diode_c(self) -> float:
        """Temperature of the diode, °C."""
        return self._diode.now

    @property
    def power_mw(self) -> float:
        """Light that leaves it, mW."""
        if not self.enabled:
            return 0.0
        span = self.max_ma - self.threshold_ma
        return max(0.0, self.max_mw * (self.current_ma - self.threshold_ma) / span)

    @property
    def state_number(self) -> int:
        """Board state that ``Status?`` gives."""
        return FAULTY if self.fault else NORMAL

    def measured_ma(self) -> float:
        """Return what its meter says of the current, mA."""
        true = self.current_ma if self.enabled else 0.0
        return max(0.0, true + _NOISE_MA * float(self._rng.standard_normal()))

    def measured_mw(self) -> float:
        """Return what its monitor diode and table say of the power, mW."""
        return self.power_mw * (1.0 + _NOISE * float(self._rng.standard_normal()))

    def switch_on(self) -> bool:
        """Emit, unless something forbids it; return whether the laser obeyed."""
        if self.fault or not self.interlock_closed:
            return False
        self.enabled = True
        self._log()
        return True

    def switch_off(self) -> None:
        """Stop emitting; a laser that is stuck goes on."""
        if not self.stuck:
            self.enabled = False
        self._log()

    def set_current(self, milliamperes: float) -> bool:
        """Set the current, mA; return whether the laser obeyed."""
        if not 0.0 <= milliamperes <= self.max_ma:
            return False
        self.current_ma = milliamperes
        self._log()
        return True

    def note(self, code: int, text: str) -> None:
        """Put an error into the queue; the oldest falls out of a full one."""
        self.errors.append(f'{code},"{text}"')

    def suffer(self, fault: Fault) -> bool:
        """Let the interlock open, a fault strike or the temperature change; False when it cannot happen now.

        Raises
        ------
        FaultSpecError
            A fault that is none of a laser, or no number of a hardware error.
        """
        match fault.kind:
            case FaultKind.INTERLOCK:
                if not self.enabled:
                    return False
                self.control({"interlock": "open"})
                if fault.value is not None:
                    asyncio.get_running_loop().call_later(fault.value, self.control, {"interlock": "closed"})
            case FaultKind.LASER_FAULT:
                code = _DEFAULT_FAULT if fault.number is None else fault.number
                if not 3011 <= code <= 3099:
                    raise FaultSpecError(f"{fault.kind}: 3011 to 3099")
                self.control({"fault": code})
            case FaultKind.DRIFT:
                self.board_c += fault.or_else(5.0)
                cooler_c = self.cooler_c
                self._diode.jump(self.diode_c + fault.or_else(5.0))
                self._diode.head_for(cooler_c)
            case _:
                raise FaultSpecError(f"{fault.kind}: a laser has no such fault")
        return True

    def control(self, message: dict[str, Any]) -> None:
        """Carry out a control message; raises `SceneError` for a value of the wrong kind."""
        interlock = choice(message, "interlock", {"closed": True, "open": False})
        self.stuck = bool(choice(message, "stuck", {True: True, False: False}, self.stuck))
        self.autostart = bool(choice(message, "autostart", {True: True, False: False}, self.autostart))
        if "fault" in message:
            self.fault = int(number(message, "fault", 0, 3099))
            if self.fault:
                self.note(self.fault, "Hardware error")
            else:
                self.errors.clear()
        if interlock is not None:
            self.interlock_closed = interlock
        if self.fault or not self.interlock_closed:
            # Both break the current itself: not even a stuck driver keeps the light on.
            self.enabled = False
        self._log()

    def state(self) -> dict[str, Any]:
        """Return the laser's state as JSON values."""
        return {
            "enabled": self.enabled,
            "power_mw": self.power_mw,
            "current_ma": self.current_ma,
            "interlock": "closed" if self.interlock_closed else "open",
            "fault": self.fault,
            "stuck": self.stuck,
            "autostart": self.autostart,
            "diode_c": self.diode_c,
            "cooler_c": self.cooler_c,
            "board_c": self.board_c,
            "errors": list(self.errors),
        }

    def _log(self) -> None:
        self.log.set_power(self.power_mw)
