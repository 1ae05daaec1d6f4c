"""The dark and the light reference a Spektralwerk Core keeps."""

from spectra.values import FloatArray, frozen_array

from ..errors import SettingOutOfRange
from .spektralwerk_formats import numbers, size_limit
from .spektralwerk_link import SpektralwerkLink

_REFERENCE = "MEASure:SPECtrum:REFerence"
#: Most exposures of a reference; chosen.
MAX_REFERENCE = 1000


def take_reference(link: SpektralwerkLink, kind: str, averages: int, *, exposure_s: float) -> None:
    """Let the device take its ``dark`` or ``light`` reference; raises `SettingOutOfRange`."""
    header = _header(kind)
    if not 1 <= averages <= MAX_REFERENCE:
        raise SettingOutOfRange(f"{averages} exposures; a reference takes 1 to {MAX_REFERENCE}")
    link.command(f"{header}:ACQuire {averages}", extra_s=averages * exposure_s)


def read_reference(link: SpektralwerkLink, kind: str, pixels: int) -> FloatArray:
    """Return the device's ``dark`` or ``light`` reference, shape (pixels,), read-only."""
    (answer,) = link.ask(f"{_header(kind)}?", limit=size_limit("human", pixels))
    return frozen_array(numbers(answer, pixels, "reference"), name="reference")


def _header(kind: str) -> str:
    if kind not in {"dark", "light"}:
        raise SettingOutOfRange(f"{kind[:40]!r}: a reference is dark or light")
    return f"{_REFERENCE}:{'DARK' if kind == 'dark' else 'LIGHt'}"
