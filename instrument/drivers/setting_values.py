"""Checks of values for settings, before anything is sent."""

import math
from collections.abc import Sequence

from ..errors import SettingOutOfRange, UnknownSetting
from ..interfaces import SettingValue


def check_whole(name: str, value: SettingValue, low: int, high: int) -> int:
    """Return a whole number within limits; raises `SettingOutOfRange`."""
    number = check_number(name, value, low, high)
    if number != int(number):
        raise SettingOutOfRange(f"{name}: {value!r} is no whole number")
    return int(number)


def check_number(name: str, value: SettingValue, low: float, high: float) -> float:
    """Return a number within limits; raises `SettingOutOfRange`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise SettingOutOfRange(f"{name}: {value!r} is no number")
    if not low <= value <= high:
        raise SettingOutOfRange(f"{name}: {value:g} is not from {low:g} to {high:g}")
    return float(value)


def check_flag(name: str, value: SettingValue) -> bool:
    """Return a switch set by true and false, or by ``on`` and ``off``; raises `SettingOutOfRange`."""
    if isinstance(value, bool):
        return value
    if value not in ("on", "off"):
        raise SettingOutOfRange(f"{name}: {value!r} is neither on nor off")
    return value == "on"


def check_choice(name: str, value: SettingValue, choices: Sequence[str]) -> str:
    """Return a word of a choice; raises `SettingOutOfRange`."""
    if not isinstance(value, str) or value not in choices:
        raise SettingOutOfRange(f"{name}: {value!r} is none of {', '.join(choices)}")
    return value


def no_setting(name: str, known: Sequence[str]) -> UnknownSetting:
    """Return the error for a setting this device does not have."""
    return UnknownSetting(f"{name[:80]!r}: this device has {', '.join(known) or 'no settings'}")
