"""What the host adds to an OBP device: corrections when asked for, and the facts they rest on."""

from functools import cached_property
from typing import Any

from spectra.values import FloatArray

from ..errors import SettingOutOfRange, UnknownSetting
from ..interfaces import Capability, Setting, SettingValue
from ..obp_frames import MessageType
from .obp_corrections import PixelRange, dark_corrected, dark_level, nonlinearity_corrected
from .obp_facts import dark_pixels, nonlinearity_coefficients, nonlinearity_count, temperatures
from .obp_link import ObpLink
from .obp_models import FREE_RUNNING, ObpModel

#: Longest wait for a trigger where nobody says otherwise, s: chosen.
DEFAULT_TRIGGER_WAIT_S = 10.0
_MAX_TRIGGER_WAIT_S = 3600.0
_SWITCHES = {
    "correct_nonlinearity": "correct counts for the detector's nonlinearity before they are returned",
    "correct_dark": "subtract the mean of the dark pixels before counts are returned",
}


class HostSide:
    """Settings of the driver itself, corrections, and the facts they rest on, each asked for once.

    Parameters
    ----------
    link, model
        The device, and which one it is.
    """

    def __init__(self, link: ObpLink, model: ObpModel) -> None:
        self._link, self._model = link, model
        self._warm = True
        self._on = dict.fromkeys(_SWITCHES, False)
        self.trigger_wait_s = DEFAULT_TRIGGER_WAIT_S
        """Longest wait for a trigger, s."""

    @cached_property
    def nonlinearity(self) -> tuple[float, ...]:
        """Nonlinearity coefficients, the constant one first; empty where there are none.

        Asked for when first needed: at 9600 bits per second they take a second.
        """
        return nonlinearity_coefficients(self._link, self._bends)

    @cached_property
    def optical_dark(self) -> tuple[PixelRange, ...]:
        """Covered pixels: they have the dark current of the exposure."""
        return dark_pixels(self._link, MessageType.OPTICAL_DARK_PIXELS, self._model.pixels)

    @cached_property
    def electric_dark(self) -> tuple[PixelRange, ...]:
        """Pixels without a photodiode: they have the level of the electronics alone."""
        return dark_pixels(self._link, MessageType.ELECTRIC_DARK_PIXELS, self._model.pixels)

    @property
    def dark(self) -> tuple[PixelRange, ...]:
        """The pixels to take a dark level from: chosen, covered ones where there are any."""
        return self.optical_dark or self.electric_dark

    @cached_property
    def _bends(self) -> int:
        return nonlinearity_count(self._link)

    @property
    def needs_every_pixel(self) -> bool:
        """Whether a correction is on that knows unbinned pixels only."""
        return self._on["correct_dark"]

    def capabilities(self) -> set[Capability]:
        """Return what the device holds for corrections, and whether it has thermometers."""
        self.temperatures()
        there = {
            Capability.NONLINEARITY: bool(self._bends),
            Capability.DARK_PIXELS: bool(self.dark),
            Capability.TEMPERATURES: self._warm,
        }
        return {capability for capability, has in there.items() if has}

    def temperatures(self) -> dict[str, float]:
        """Ask for the temperatures, °C; none where there is no thermometer."""
        found = temperatures(self._link) if self._warm else None
        self._warm = found is not None
        return found or {}

    def available(self) -> tuple[Setting, ...]:
        """Return the settings of the driver itself."""
        there = {"correct_nonlinearity": bool(self._bends), "correct_dark": bool(self.dark)}
        switches = [
            Setting(name, f"whether to {meaning}", choices=("off", "on"))
            for name, meaning in _SWITCHES.items()
            if there[name]
        ]
        wait = Setting(
            "trigger_wait_s",
            f"longest wait for a trigger other than {FREE_RUNNING}",
            "s",
            0.0,
            _MAX_TRIGGER_WAIT_S,
        )
        return (*switches, wait)

    def values(self) -> dict[str, Any]:
        """Return the driver's own settings and the facts, as JSON values."""
        known: dict[str, Any] = {**self._on, "trigger_wait_s": self.trigger_wait_s}
        if self.nonlinearity:
            known["nonlinearity_coefficients"] = list(self.nonlinearity)
        for name, ranges in (("optical", self.optical_dark), ("electric", self.electric_dark)):
            if ranges:
                known[f"{name}_dark_pixels"] = [list(pair) for pair in ranges]
        if found := self.temperatures():
            known["temperatures_c"] = found
        return known

    def knows(self, name: str) -> bool:
        """Whether a setting is one of these."""
        return name in self._on or name == "trigger_wait_s"

    def set(self, name: str, value: SettingValue, *, binning: int) -> None:
        """Change a setting.

        Raises
        ------
        SettingOutOfRange
            Outside its limits, or not together with the binning.
        UnknownSetting
            The device holds nothing to correct with.
        """
        if name == "trigger_wait_s":
            good = isinstance(value, int | float) and not isinstance(value, bool)
            if not good or not 0 <= float(value) <= _MAX_TRIGGER_WAIT_S:
                raise SettingOutOfRange(f"{name} {value!r}; it takes 0 to {_MAX_TRIGGER_WAIT_S:g} s")
            self.trigger_wait_s = float(value)
            return
        if value not in (False, True, "off", "on"):
            raise SettingOutOfRange(f"{name} {value!r}; it takes off or on")
        wanted = value in (True, "on")
        if wanted and not (self.dark if name == "correct_dark" else self._bends):
            raise UnknownSetting(f"{self._link.name}: the device holds nothing to {_SWITCHES[name]}")
        if wanted and binning and name == "correct_dark":
            raise SettingOutOfRange(
                f"{self._link.name}: no dark pixels while pixels are binned; set binning 0"
            )
        self._on[name] = wanted

    def corrected(self, counts: FloatArray) -> FloatArray:
        """Return counts with the corrections that are on, shape as given, read-only.

        Pixels at full scale stay as they are, so that saturation is still seen.
        """
        if not any(self._on.values()):
            return counts
        full = counts >= self._model.saturation_counts
        ranges = self.dark if counts.size == self._model.pixels else ()
        found = counts
        if self._on["correct_nonlinearity"]:
            found = nonlinearity_corrected(found, dark_level(found, ranges), self.nonlinearity)
        if self._on["correct_dark"]:
            found = dark_corrected(found, ranges)
        found = found.copy()
        found[full] = counts[full]
        found.setflags(write=False)
        return found
