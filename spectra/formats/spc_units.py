"""Codes of units in SPC files (``SPC.H`` of Galactic Industries), and labels that stand for them."""

import re

from ..errors import FormatError
from .reading import clean
from .spc_header import Header
from .units import XUnit, YUnit

#: Code of the technique Raman; 4 is any Fourier transform spectrum, Raman too.
RAMAN_EXPERIMENT = 11
_X_UNITS = {1: XUnit.WAVENUMBER, 2: XUnit.MICROMETRE, 3: XUnit.NANOMETRE, 13: XUnit.SHIFT}
_Y_UNITS = {
    0: YUnit.INTENSITY,  # arbitrary
    2: YUnit.ABSORBANCE,
    4: YUnit.INTENSITY,  # counts
    12: YUnit.INTENSITY,
    13: YUnit.INTENSITY,  # relative
    128: YUnit.TRANSMITTANCE,
}
#: Names of codes that are refused, for the message.
_X_REFUSED = {
    0: "arbitrary units", 4: "seconds", 5: "minutes", 6: "hertz", 7: "kilohertz", 8: "megahertz", 9: "m/z",
    10: "parts per million", 14: "electronvolts", 16: "diode numbers", 17: "channels", 22: "data points",
    30: "hours", 255: "points of an interferogram",
}  # fmt: skip
_Y_REFUSED = {
    1: "an interferogram", 3: "Kubelka-Munk units", 5: "volts", 9: "millivolts", 10: "log(1/R)",
    11: "per cent", 129: "reflectance", 130: "a single beam", 131: "emission",
}  # fmt: skip
_X_LABELS = {
    "wavenumbercm1": XUnit.WAVENUMBER,
    "wavenumberscm1": XUnit.WAVENUMBER,
    **dict.fromkeys(("ramanshiftcm1", "ramanshift1cm", "ramanshift", "ramanshiftrel1cm"), XUnit.SHIFT),
    **dict.fromkeys(("wavenumber1cm", "wavenumbers1cm", "1cm", "cm1"), XUnit.WAVENUMBER),
    "wavelengthnm": XUnit.NANOMETRE,
    "nanometers": XUnit.NANOMETRE,
}
_Y_LABELS = {
    "absorbance": YUnit.ABSORBANCE,
    "transmittance": YUnit.TRANSMITTANCE,
    "transmission": YUnit.TRANSMITTANCE,
    "%transmittance": YUnit.PERCENT,
    "%t": YUnit.PERCENT,
    **dict.fromkeys(("arb", "arbitrary", "counts", "intensity", "ramanintensity"), YUnit.INTENSITY),
}
#: Labels, or how they begin, that no code makes absorbance or counts of; reduced as `_key` does.
_Y_FOREIGN = (
    "reflectance", "%reflectance", "%r", "log1r", "kubelkamunk", "singlebeam", "interferogram",
    "photoacoustic", "emission", "fluorescence", "irradiance",
)  # fmt: skip


def x_unit_of(header: Header) -> XUnit:
    """Return the unit of the axis: its label where labels count, else its code; others are refused."""
    label = header.labels[0]
    unit = _X_LABELS.get(_key(label)) or _X_UNITS.get(header.x_type)
    if unit is None:
        said = f"units labelled {clean(label, 24)!r}" if label else _X_REFUSED.get(header.x_type)
        said = said or f"unit {header.x_type}"
        raise FormatError(f"an axis in {said} is none of an infrared or Raman spectrum: export it in cm⁻¹")
    return unit


def y_unit_of(header: Header) -> YUnit:
    """Return the unit of the intensities, as `x_unit_of`."""
    label = _key(header.labels[1])
    if label.startswith(_Y_FOREIGN):
        raise FormatError(
            f"intensities labelled {clean(header.labels[1], 24)!r} are not read: export absorbance, "
            "transmittance or counts"
        )
    unit = _Y_LABELS.get(label) or _Y_UNITS.get(header.y_type)
    if unit is None:
        said = _Y_REFUSED.get(header.y_type, f"unit {header.y_type}")
        raise FormatError(f"intensities as {said} are not read: export absorbance, transmittance or counts")
    return unit


def _key(label: str) -> str:
    return re.sub(r"[^a-z0-9%]", "", label.lower())
