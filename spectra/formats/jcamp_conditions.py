"""What a JCAMP-DX block says of the measurement: excitation and resolution.

Neither 4.24 nor 5.01 has a record for the laser of a Raman spectrum, so that every program has its own.
"""

import re

from ..errors import FormatError
from .jcamp_blocks import Block
from .reading import LASER_TOLERANCE_NM, clean

#: Records, normalised and without ``$`` or ``.``, that can only be the excitation.
LASER_LABELS = (
    "LASERWAVELENGTH", "EXCITATIONWAVELENGTH", "LASERLINE", "EXCITATIONLINE", "RAMANLASERWAVELENGTH",
    "RAMANEXCITATIONWAVELENGTH", "LASERWAVENUMBER", "EXCITATIONWAVENUMBER", "LASERFREQUENCY",
)  # fmt: skip
#: Records that also hold a laser's name or power; read where they are a number with a unit.
LASER_WORDS = ("LASER", "EXCITATION", "RAMANLASER", "EXCITATIONLASER", "LASERTYPE", "EXCITATIONSOURCE")
_LENGTH = re.compile(
    r"([0-9]{1,5}(?:\.[0-9]{0,18})?)\s*(nm|nanomet(?:er|re)s?|cm-1|cm\^-1|1/cm)?", re.IGNORECASE
)
_RESOLUTION = re.compile(
    r"([0-9]{1,4}(?:\.[0-9]{0,18})?)\s*(?:cm-1|cm\^-1|cm⁻¹|1/cm|wavenumbers?)?", re.IGNORECASE
)


def laser_of(block: Block) -> float | None:
    """Return the excitation wavelength, nm; None where the block does not say.

    Raises
    ------
    FormatError
        A record of the excitation holds no wavelength, or two contradict each other.
    """
    found: list[float] = []
    for label in (*LASER_LABELS, *LASER_WORDS):
        for mark in ("", "$", "."):
            text = block.text(f"{mark}{label}")
            if text and (value := _wavelength(text, label)) is not None:
                found.append(value)
    if found and max(found) - min(found) > LASER_TOLERANCE_NM:
        raise FormatError(f"two lasers, of {min(found):g} and {max(found):g} nm: which one?")
    return found[0] if found else None


def resolution_of(block: Block) -> float | None:
    """Return a plain resolution in cm⁻¹; other wordings stay in `Decoded.meta` only."""
    match = _RESOLUTION.fullmatch(block.text("RESOLUTION"))
    value = float(match[1]) if match else 0.0
    return value if 0 < value < 1000 else None


def _wavelength(text: str, label: str) -> float | None:
    match = _LENGTH.fullmatch(text)
    if match is None or (label in LASER_WORDS and not match[2]):
        if label in LASER_WORDS:
            return None
        raise FormatError(f"##{label}=: {clean(text, 24)!r} is not a number of nm or cm-1")
    unit = (match[2] or ("cm-1" if "WAVENUMBER" in label or "FREQUENCY" in label else "nm")).lower()
    value = float(match[1])
    if unit.startswith("n") or value == 0:
        return value
    return 1e7 / value
