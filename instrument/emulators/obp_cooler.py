"""The thermo-electric cooler of an emulated detector: cools down, warms up, and says when it is stable."""

from ..obp_numbers import MessageType
from .obp_table import ObpTable, Within
from .warmup import Relaxation

#: Set points a cooler takes, °C; chosen.
SETPOINTS_C = Within(-40.0, 30.0)
#: Set point after power-on, °C, and time constant of the way there, s; both chosen.
POWER_ON_C, TIME_CONSTANT_S = -10.0, 20.0
#: Largest distance from the set point that counts as stable, °C; chosen.
STABLE_WITHIN_C = 0.1


class Cooler:
    """Cooler and the chip's temperature; off after power-on."""

    def __init__(self, ambient_c: float, *, speed: float = 1.0) -> None:
        self.ambient_c = ambient_c
        self._chip = Relaxation(ambient_c, time_constant_s=TIME_CONSTANT_S, speed=speed)
        self._on, self._setpoint_c, self.fan = 0, POWER_ON_C, 0

    @property
    def on(self) -> int:
        """Whether it cools."""
        return self._on

    @on.setter
    def on(self, on: int) -> None:
        self._on = on
        self._chip.head_for(self._setpoint_c if on else self.ambient_c)

    @property
    def setpoint_c(self) -> float:
        """Where the chip is to be, °C."""
        return self._setpoint_c

    @setpoint_c.setter
    def setpoint_c(self, celsius: float) -> None:
        self._setpoint_c = celsius
        self.on = self._on

    @property
    def chip_c(self) -> float:
        """Where the chip is, °C."""
        return self._chip.now

    @property
    def stable(self) -> bool:
        """Whether the chip is where it is to be."""
        return bool(self._on) and abs(self.chip_c - self._setpoint_c) <= STABLE_WITHIN_C

    def warm_surroundings(self, by_c: float) -> None:
        """Change the temperature around the chip."""
        self.ambient_c += by_c
        self.on = self._on

    def power_on(self) -> None:
        """Be as after power-on: off, the chip as cold as it still is."""
        self._setpoint_c, self.fan = POWER_ON_C, 0
        self.on = 0

    def teach(self, table: ObpTable) -> None:
        """Fill the table's part of the cooler."""
        types = MessageType
        flag = (0, 1)
        table.setting(types.GET_COOLER_ENABLE, types.SET_COOLER_ENABLE, "<B", lambda: self, "on", flag)
        table.setting(types.GET_COOLER_FAN, types.SET_COOLER_FAN, "<B", lambda: self, "fan", flag)
        table.setting(
            types.GET_COOLER_SETPOINT,
            types.SET_COOLER_SETPOINT,
            "<f",
            lambda: self,
            "setpoint_c",
            SETPOINTS_C,
        )
        table.number(types.COOLER_STABLE, "<B", lambda: self.stable)
        table.number(types.COOLER_TEMPERATURE, "<f", lambda: self.chip_c)
