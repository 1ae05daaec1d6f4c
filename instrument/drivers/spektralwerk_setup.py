"""What a Spektralwerk Core is set to: read from the device as one state, written where it differs.

Command tree: the maker's documentation (en.silicann.com/spektralwerk-core-scpi-api-docs) and client.
"""

from dataclasses import dataclass, replace

from ..errors import ProtocolError
from ..interfaces import Setting, SettingValue
from .setting_values import check_choice, check_flag, check_whole, no_setting
from .spektralwerk_formats import FORMATS, numbers

CONFIG = "MEASure:SPECtrum:CONFig"
EXPOSURE = f"{CONFIG}:EXPosure:TIME"
TRIGGERS = ("none", "input,rising", "input,falling", "input,both")
#: Asked in this order on one line.
_HEADERS = ("AVERage:NUMBer", "BINNing:WIDTh", "ROI", "PROCessing", "FORMat", "TRIGger", "COUNt")
#: What the driver knows to switch; ``scale`` and others of the maker are told as foreign.
_STEPS = frozenset({"none", "average", "binning", "reference_dark", "reference_light", "roi"})


@dataclass(frozen=True, slots=True)
class SetupLimits:
    """What can be set."""

    pixels: int
    """Pixels of the detector."""
    averages: tuple[int, int] = (1, 1)
    """Fewest and most exposures averaged."""
    binning: tuple[int, int] = (1, 1)
    """Fewest and most pixels joined."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that changes what a spectrum is."""

    exposure_us: int
    """Exposure, µs."""
    roi: tuple[int, int]
    """First and last pixel sent."""
    averages: int = 1
    """Exposures averaged by the device."""
    binning: int = 1
    """Neighbouring pixels joined by the device."""
    dark: bool = False
    """The device subtracts its dark reference."""
    light: bool = False
    """The device divides by its light reference."""
    layout: str = "base64_float"
    """Format of processed spectra; f32 holds every count and every mean of counts."""
    trigger: str = "none"
    """What starts a spectrum."""

    def raw(self, pixels: int) -> bool:
        """Return whether spectra are single exposures of all pixels as they are."""
        return self == Setup(self.exposure_us, (0, pixels - 1), layout=self.layout)

    def processing(self, pixels: int) -> str:
        """Return the processing steps as the device is told them."""
        steps = [
            word
            for word, on in (
                ("average", self.averages > 1),
                ("reference_dark", self.dark),
                ("reference_light", self.light),
                ("roi", self.roi != (0, pixels - 1)),
                ("binning", self.binning > 1),
            )
            if on
        ]
        return ",".join(steps) or "none"

    def sent_pixels(self) -> int:
        """Return how many pixels a spectrum has; that an incomplete group is left out is unproven."""
        return (self.roi[1] - self.roi[0] + 1) // self.binning


def setup_questions() -> list[str]:
    """Return the questions whose answers `read_setup` takes, without the exposure."""
    return [f"{CONFIG}:{header}?" for header in _HEADERS]


def read_setup(exposure_us: int, answers: list[str], pixels: int) -> Setup | None:
    """Return the state the answers to `setup_questions` tell; None where the device does what we cannot name.

    Raises
    ------
    ProtocolError
        An answer makes no sense.
    """
    averages, width, roi, steps, layout, trigger, count = answers
    whole = [int(number) for number in numbers(f"{averages},{width},{roi},{count}", 5, "settings")]
    words = {word.strip().lower() for word in steps.split(",")}
    if not words or not all(words) or layout.lower() not in FORMATS:
        raise ProtocolError(f"settings that make no sense: {answers}")
    if not words <= _STEPS or trigger.lower() not in TRIGGERS or whole[4] != 1:
        return None
    found = Setup(
        exposure_us,
        (whole[2], whole[3]) if "roi" in words else (0, pixels - 1),
        whole[0] if "average" in words else 1,
        whole[1] if "binning" in words else 1,
        "reference_dark" in words,
        "reference_light" in words,
        layout.lower(),
        trigger.lower(),
    )
    return found if words - {"none"} == set(found.processing(pixels).split(",")) - {"none"} else None


def setup_commands(setup: Setup, pixels: int) -> list[str]:
    """Return the commands that bring a device into this state, the exposure among them."""
    first, last = setup.roi
    return [
        f"{EXPOSURE} {setup.exposure_us}",
        f"{CONFIG}:AVERage:NUMBer {setup.averages}",
        f"{CONFIG}:BINNing:WIDTh {setup.binning}",
        f"{CONFIG}:ROI {first},{last}",
        f"{CONFIG}:PROCessing {setup.processing(pixels)}",
        f"{CONFIG}:FORMat {setup.layout}",
        f"{CONFIG}:TRIGger {setup.trigger}",
        f"{CONFIG}:COUNt 1",
    ]


def changed(setup: Setup, name: str, value: SettingValue, limits: SetupLimits) -> Setup:
    """Return the state with one setting changed; raises `UnknownSetting` or `SettingOutOfRange`."""
    last = limits.pixels - 1
    match name:
        case "averages":
            return replace(setup, averages=check_whole(name, value, *limits.averages))
        case "binning":
            high = min(limits.binning[1], (setup.roi[1] - setup.roi[0] + 1) // 2)
            return replace(setup, binning=check_whole(name, value, limits.binning[0], high))
        case "roi_first":
            return replace(setup, roi=(check_whole(name, value, 0, _before(setup)), setup.roi[1]))
        case "roi_last":
            low = setup.roi[0] + 2 * setup.binning - 1
            return replace(setup, roi=(setup.roi[0], check_whole(name, value, low, last)))
        case "dark_reference":
            return replace(setup, dark=check_flag(name, value))
        case "light_reference":
            return replace(setup, light=check_flag(name, value))
        case "format":
            return replace(setup, layout=check_choice(name, value, FORMATS))
        case "trigger":
            return replace(setup, trigger=check_choice(name, value, TRIGGERS))
    raise no_setting(name, [one.name for one in setup_settings(limits)])


def setup_settings(limits: SetupLimits) -> tuple[Setting, ...]:
    """Return what can be set, with limits."""
    last = limits.pixels - 1
    switch = ("off", "on")
    return (
        Setting("averages", "Exposures the device takes the mean of.", "", *limits.averages),
        Setting("binning", "Neighbouring pixels the device joins.", "", *limits.binning),
        Setting("roi_first", "First pixel the device sends.", "", 0, last),
        Setting("roi_last", "Last pixel the device sends.", "", 0, last),
        Setting("dark_reference", "The device subtracts its dark reference.", choices=switch),
        Setting("light_reference", "The device divides by its light reference.", choices=switch),
        Setting("format", "Format of spectra that are not raw.", choices=FORMATS),
        Setting("trigger", "What starts a spectrum.", choices=TRIGGERS),
    )


def setup_snapshot(setup: Setup) -> dict[str, SettingValue]:
    """Return the state by the names of `setup_settings`."""
    return {
        "averages": setup.averages,
        "binning": setup.binning,
        "roi_first": setup.roi[0],
        "roi_last": setup.roi[1],
        "dark_reference": setup.dark,
        "light_reference": setup.light,
        "format": setup.layout,
        "trigger": setup.trigger,
    }


def _before(setup: Setup) -> int:
    """Return the last pixel a region of at least two binned pixels can begin at."""
    return setup.roi[1] - 2 * setup.binning + 1
