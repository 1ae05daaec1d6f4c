"""What a Spektralwerk Core is: identity, limits, wavelengths; asked once."""

from dataclasses import dataclass

from spectra.values import DeviceInfo, FloatArray, frozen_array

from ..errors import DeviceRefused, ProtocolError
from .spektralwerk_formats import numbers, size_limit
from .spektralwerk_link import SpektralwerkLink
from .spektralwerk_setup import CONFIG, EXPOSURE, SetupLimits, setup_questions

#: Most pixels believed.
MAX_PIXELS = 1 << 16
_ARRAY = "DEVice:SPECtrometer:ARRay"


@dataclass(frozen=True, slots=True)
class Identity:
    """The four fields of ``*IDN?``."""

    vendor: str
    model: str
    serial: str
    firmware: str

    @classmethod
    def parse(cls, answer: str, name: str) -> "Identity":
        """Take an answer apart; ``name`` is for the `ProtocolError` of any other text."""
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) != 4 or not all(field and field.isprintable() for field in fields):
            raise ProtocolError(f"{name}: *IDN? gives {answer[:80]!r}, not four fields")
        return cls(*fields)

    def info(self, url: str, emulated: bool) -> DeviceInfo:
        """Return it as what is stored with every scan; emulators say what they are in their firmware."""
        known = self.vendor.lower() in self.model.lower()
        model = self.model if known else f"{self.vendor} {self.model}"
        return DeviceInfo(
            model, self.serial, self.firmware, url, emulated or "emulator" in self.firmware.lower()
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while it is on."""

    pixels: int
    """Pixels of the detector."""
    peak: float
    """Counts at which it saturates."""
    exposure_us: tuple[float, float]
    """Shortest and longest exposure, µs."""
    resolution_nm: float | None
    """Mean resolution, nm; None where it does not say."""
    full: bool
    """Whether it knows all settings; old firmware knows its exposure alone."""
    setup_limits: SetupLimits
    """Limits of the other settings."""


def read_identity(link: SpektralwerkLink) -> Identity:
    """Ask who is there."""
    (answer,) = link.ask("*IDN?")
    return Identity.parse(answer, link.name)


def read_facts(link: SpektralwerkLink) -> Facts:
    """Ask for limits; raises `ProtocolError` where they make no sense."""
    asked = (
        f"{_ARRAY}:PCOunt?",
        f"{_ARRAY}:PEAK?",
        f"{EXPOSURE}:MINimum?",
        f"{EXPOSURE}:MAXimum?",
        f"{EXPOSURE}:UNIT?",
    )
    *answers, unit = link.ask(*asked)
    pixels, peak, low, high = numbers(",".join(answers), 4, "limits")
    sensible = pixels == int(pixels) and 2 <= pixels <= MAX_PIXELS and 0 < low < high and peak > 0
    if unit.lower() != "us" or not sensible:
        raise ProtocolError(
            f"{link.name}: limits make no sense, exposures have to be in us: {answers}, {unit}"
        )
    full = _knows(link, *setup_questions())
    limits = SetupLimits(
        int(pixels),
        _range(link, "AVERage:NUMBer", 1) if full else (1, 1),
        _range(link, "BINNing:WIDTh", int(pixels) // 2) if full else (1, 1),
    )
    return Facts(int(pixels), peak, (low, high), _resolution(link), full, limits)


def read_axis(link: SpektralwerkLink, pixels: int) -> FloatArray:
    """Return the wavelength of each pixel, nm, shape (pixels,); raises `ProtocolError` unless ascending."""
    (answer,) = link.ask("DEVice:SPECtrometer:PIXels:WAVelengths?", limit=size_limit("human", pixels))
    axis = frozen_array(numbers(answer, pixels, "wavelengths"), name="axis")
    if axis[0] <= 0 or not (axis[1:] > axis[:-1]).all():
        raise ProtocolError(f"{link.name}: the wavelengths are not ascending")
    return axis


def _knows(link: SpektralwerkLink, *questions: str) -> bool:
    try:
        link.ask(*questions)
    except DeviceRefused:
        return False
    return True


def _resolution(link: SpektralwerkLink) -> float | None:
    try:
        (answer,) = link.ask("DEVice:SPECtrometer:RESolution?")
    except DeviceRefused:
        return None
    return numbers(answer, 1, "resolution")[0]


def _range(link: SpektralwerkLink, header: str, high: int) -> tuple[int, int]:
    """Return the limits a setting states, or 1 to ``high`` where it states none."""
    try:
        answers = link.ask(f"{CONFIG}:{header}:MINimum?", f"{CONFIG}:{header}:MAXimum?")
    except DeviceRefused:
        return 1, high
    least, most = (int(number) for number in numbers(",".join(answers), 2, "limits"))
    if not 0 < least <= most:
        raise ProtocolError(f"{link.name}: limits of {header} make no sense: {answers}")
    return least, most
