"""The settings of OBP spectrometers: name, limits, and the message that carries each.

Limits marked chosen are ours; a device that has narrower ones refuses, and says so.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..errors import ProtocolError, SettingOutOfRange
from ..interfaces import Capability, Setting, SettingValue
from ..obp_frames import MessageType as M
from .obp_models import ObpModel

#: Largest number of exposures a device takes the mean of: chosen, what its u16 leaves room for and more.
_MAX_AVERAGES = 5000
#: Largest half width of smoothing inside the device, pixels: chosen.
_MAX_BOXCAR = 15
#: Longest delay before an exposure, s: chosen.
_MAX_DELAY_S = 10.0
#: Temperatures a cooler may be asked for, °C: chosen around what coolers of this size reach.
_SETPOINTS_C = (-40.0, 30.0)
_OFF_ON = MappingProxyType({0: "off", 1: "on"})


@dataclass(frozen=True, slots=True)
class Knob:
    """One number inside the device."""

    name: str
    """Name of the setting."""
    meaning: str
    """What it does, in a sentence."""
    get: M
    """Message that reads it."""
    put: M | None = None
    """Message that sets it; None where it can only be read."""
    layout: str = "<B"
    """How it is written, as `struct` says it."""
    unit: str = ""
    """Unit; empty for counts and choices."""
    scale: float = 1.0
    """Setting = number on the wire × scale."""
    step: int = 1
    """The number on the wire is a multiple of it."""
    low: float | None = None
    """Least value."""
    high: float | None = None
    """Greatest value."""
    words: Mapping[int, str] = field(default_factory=dict)
    """Words for the numbers of a choice; off and on for a switch."""
    capability: Capability | None = None
    """What a device has that knows it."""
    plain: bytes | None = None
    """Value in which spectra are single, untouched exposures; None where it does not matter."""

    @property
    def setting(self) -> Setting:
        """What `available_settings` says of it."""
        choices = tuple(self.words.values())
        return Setting(self.name, self.meaning, self.unit, self.low, self.high, choices, self.put is not None)

    def encode(self, value: SettingValue) -> bytes:
        """Return the operand for a value; raises `SettingOutOfRange`."""
        if self.words:
            number: float = self._number_of(value)
        elif isinstance(value, bool | str) or not math.isfinite(value):
            raise SettingOutOfRange(f"{self.name} {value!r}; it takes a number")
        elif not (self.low is None or self.low <= value) or not (self.high is None or value <= self.high):
            raise SettingOutOfRange(
                f"{self.name} {value:g}; it takes {self.low:g} to {self.high:g} {self.unit}"
            )
        else:
            number = value / self.scale
        if self.layout.endswith("f"):
            return struct.pack(self.layout, number)
        if self.scale == 1.0 and number != round(number):
            raise SettingOutOfRange(f"{self.name} {value!r}; it takes whole numbers")
        return struct.pack(self.layout, round(number / self.step) * self.step)

    def decode(self, data: bytes) -> SettingValue:
        """Return the value an answer stands for; raises `ProtocolError`."""
        if len(data) != struct.calcsize(self.layout):
            raise ProtocolError(f"{self.name}: an answer of {len(data)} bytes")
        number = struct.unpack(self.layout, data)[0]
        if self.words is _OFF_ON:
            return bool(number)
        if self.words:
            return self.words.get(number, f"unknown ({number})")
        if not math.isfinite(number):
            raise ProtocolError(f"{self.name}: {number} is no value")
        if self.layout.endswith("f"):
            return float(number)
        return int(number) if self.scale == 1.0 else int(number) / round(1 / self.scale)

    def _number_of(self, value: SettingValue) -> int:
        if self.words is _OFF_ON and isinstance(value, bool):
            return int(value)
        for number, word in self.words.items():
            if value == word:
                return number
        raise SettingOutOfRange(f"{self.name} {value!r}; it takes {', '.join(self.words.values())}")


def knobs(model: ObpModel) -> dict[str, Knob]:
    """Return what a model may let us set or read, by name; a device that refuses a message lacks it."""
    table = [
        Knob(
            "exposure_s",
            "exposure of one accumulation",
            M.GET_INTEGRATION_TIME,
            M.SET_INTEGRATION_TIME,
            "<I",
            "s",
            1e-6,
            model.exposure_step_us,
            model.limits.exposure_min_s,
            model.limits.exposure_max_s,
            capability=Capability.EXPOSURE,
        ),
        *_acquisition_knobs(model),
    ]
    if model.cooler:
        table += _COOLER
    if model.buffer is not None:
        table += _BUFFER
    return {knob.name: knob for knob in table}


def _acquisition_knobs(model: ObpModel) -> list[Knob]:
    table = [
        Knob(
            "averages",
            "exposures the device takes the mean of",
            M.GET_AVERAGES,
            M.SET_AVERAGES,
            "<H",
            low=1,
            high=_MAX_AVERAGES,
            capability=Capability.AVERAGES,
            plain=b"\x01\x00",
        ),
        Knob(
            "boxcar",
            "half width of smoothing in the device",
            M.GET_BOXCAR,
            M.SET_BOXCAR,
            unit="pixels",
            low=0,
            high=_MAX_BOXCAR,
            capability=Capability.BOXCAR,
            plain=b"\x00",
        ),
        Knob(
            "trigger",
            "what starts an exposure",
            M.GET_TRIGGER_MODE,
            M.SET_TRIGGER_MODE,
            words=model.triggers,
            capability=Capability.TRIGGER,
            plain=b"\x00",
        ),
        Knob("lamp", "lamp (strobe) line", M.GET_LAMP, M.SET_LAMP, words=_OFF_ON),
        Knob(
            "acquisition_delay_s",
            "delay between trigger and exposure",
            M.GET_ACQUISITION_DELAY,
            M.SET_ACQUISITION_DELAY,
            "<I",
            "s",
            1e-6,
            low=0.0,
            high=_MAX_DELAY_S,
        ),
        # What the number means is not published.
        Knob("idle_state", "whether an acquisition is under way, as the device counts", M.DEVICE_IDLE),
    ]
    if model.max_binning:
        binning = Knob(
            "binning",
            "two to the power of it pixels become one, their mean",
            M.GET_BINNING,
            M.SET_BINNING,
            low=0,
            high=model.max_binning,
            capability=Capability.BINNING,
            plain=b"\x00",
        )
        table.append(binning)
    return table


_COOLER = (
    Knob(
        "cooler",
        "thermo-electric cooler of the detector",
        M.GET_COOLER_ENABLE,
        M.SET_COOLER_ENABLE,
        words=_OFF_ON,
        capability=Capability.COOLER,
    ),
    Knob(
        "cooler_setpoint_c",
        "temperature the cooler is asked for",
        M.GET_COOLER_SETPOINT,
        M.SET_COOLER_SETPOINT,
        "<f",
        "°C",
        low=_SETPOINTS_C[0],
        high=_SETPOINTS_C[1],
    ),
    Knob("cooler_fan", "fan of the cooler", M.GET_COOLER_FAN, M.SET_COOLER_FAN, words=_OFF_ON),
    Knob("cooler_stable", "whether the temperature asked for is reached", M.COOLER_STABLE, words=_OFF_ON),
    Knob("cooler_temperature_c", "temperature of the detector", M.COOLER_TEMPERATURE, layout="<f", unit="°C"),
)
_BUFFER = (
    Knob(
        "buffer_capacity",
        "spectra the device's buffer may hold",
        M.GET_BUFFER_CAPACITY,
        M.SET_BUFFER_CAPACITY,
        "<I",
        low=1,
        high=float(0xFFFF),
        capability=Capability.BUFFER,
    ),
    Knob("buffer_capacity_max", "spectra its buffer could hold", M.BUFFER_CAPACITY_MAX, layout="<I"),
    Knob("buffered_spectra", "spectra in its buffer", M.BUFFERED_COUNT, layout="<I"),
)
#: What changes by itself, and is asked for each time.
LIVE = frozenset({"idle_state", "cooler_stable", "cooler_temperature_c", "buffered_spectra"})
