"""What a scan shall be: a frozen value, checked when it is made."""

from dataclasses import dataclass
from enum import StrEnum

from spectra.values import Presentation, Role

from .errors import SettingOutOfRange

#: More accumulations than this are a slip of the keyboard.
MAX_ACCUMULATIONS = 1000
#: Longest exposure that may be asked for, s.
MAX_EXPOSURE_S = 600.0
#: Longest delay of a scan, s.
MAX_COUNTDOWN_S = 300.0


class LightSource(StrEnum):
    """What lights what is measured."""

    LASER = "laser"
    """The bench's laser, as far as it has one that can be switched; dark frames with the laser off."""
    OFF = "off"
    """Something else, such as a calibration lamp: the laser stays off, read back before and after frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """What to measure."""

    accumulations: int = 3
    """Frames with the laser on, and as many dark ones."""
    exposure_s: float | None = None
    """Exposure of one frame, s; None chooses it by probe frames."""
    exposure_max_s: float = 10.0
    """Longest exposure the automatic choice may take, s."""
    power_mw: float = 100.0
    """Laser power, mW."""
    laser_nm: float | None = None
    """Excitation wavelength as calibrated, nm; None takes the laser's nominal one."""
    laser_on_max_s: float = 55.0
    """Longest uninterrupted emission, s, below the guardian's limit; between frames the laser may rest."""
    role: Role = Role.SAMPLE
    """What the scan is made for."""
    item: str = ""
    """Item identifier of the parcel."""
    screening_id: str = ""
    """The screening it belongs to."""
    spot: int = 1
    """Number of the spot on the item, from 1."""
    attempt: int = 1
    """Number of the attempt at that spot, from 1."""
    presentation: Presentation = Presentation.DIRECT
    """What stands between probe and sample."""
    blank_id: str = ""
    """Content address of the blank to use with it."""
    name: str = ""
    """Name of a blank or of a verification standard."""
    countdown_s: float = 0.0
    """A delayed scan: so long nothing fires, s."""
    light: LightSource = LightSource.LASER
    """What lights it; with the laser off there are no dark frames, for nobody here can put a lamp out."""
    clock: str = "unknown"
    """State of the bench's clock: synchronised, unsynchronised or unknown."""

    def __post_init__(self) -> None:
        if not 1 <= self.accumulations <= MAX_ACCUMULATIONS:
            raise SettingOutOfRange(f"{self.accumulations} accumulations; allowed are 1–{MAX_ACCUMULATIONS}")
        for name in ("exposure_s", "exposure_max_s"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value <= MAX_EXPOSURE_S:
                raise SettingOutOfRange(f"{name} of {value} s; allowed are up to {MAX_EXPOSURE_S:g} s")
        if not 0.0 <= self.countdown_s <= MAX_COUNTDOWN_S:
            raise SettingOutOfRange(
                f"a countdown of {self.countdown_s} s; allowed are up to {MAX_COUNTDOWN_S:g} s"
            )
        if not (self.power_mw > 0 and self.laser_on_max_s > 0):
            raise SettingOutOfRange("laser power and on-time must be above 0")
