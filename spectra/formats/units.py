"""Units of axis and intensities as binary formats and instruments' exports name them, settled together.

A unit that could mean two things is asked for or refused; every conversion is named in the history.
"""

from enum import StrEnum

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Spectrum, Technique
from .columns import LARGEST_ABSORBANCE
from .jcamp_units import absorbance_of
from .reading import Request, build, shift_of_wavelength


class XUnit(StrEnum):
    """What an axis counts in."""

    SHIFT = "Raman shift (cm⁻¹)"
    WAVENUMBER = "wavenumber (cm⁻¹)"
    NANOMETRE = "wavelength (nm)"
    MICROMETRE = "wavelength (µm)"


class YUnit(StrEnum):
    """What intensities are."""

    INTENSITY = "intensity"
    ABSORBANCE = "absorbance"
    TRANSMITTANCE = "transmittance"
    PERCENT = "per cent transmittance"


_NANOMETRES = {XUnit.NANOMETRE: 1.0, XUnit.MICROMETRE: 1e3}
_OF_SAMPLE = {YUnit.ABSORBANCE, YUnit.TRANSMITTANCE, YUnit.PERCENT}


def technique_said(x_unit: XUnit, y_unit: YUnit, y: FloatArray, *, raman: bool = False) -> Technique | None:
    """Return what a file says about how it was measured, None where it leaves that open.

    Parameters
    ----------
    x_unit, y_unit
        The units it names.
    y
        Its intensities, shape (n,): an absorbance above 10 is none, whatever the file calls it.
    raman
        True where it says in another place that this is Raman.

    Raises
    ------
    FormatError
        It contradicts itself.
    """
    shift = raman or x_unit is XUnit.SHIFT
    infrared = y_unit in _OF_SAMPLE and not _absurd(y_unit, y)
    if shift and infrared:
        raise FormatError(
            f"{y_unit} over a Raman shift: the file contradicts itself, export it with its units"
        )
    if shift:
        return Technique.RAMAN
    return Technique.FTIR if infrared else None


def spectrum_of(
    x: FloatArray,
    y: FloatArray,
    x_unit: XUnit,
    y_unit: YUnit,
    request: Request,
    history: list[str],
    *,
    raman: bool = False,
    laser_nm: float | None = None,
    resolution_cm1: float | None = None,
) -> Spectrum:
    """Make a spectrum of numbers in the units a file names; parameters as in `technique_said`.

    Raises
    ------
    FormatError
        Technique or laser are neither in the file nor given, or the units belong to neither technique.
    """
    technique = request.settle_technique(technique_said(x_unit, y_unit, y, raman=raman))
    laser = request.settle_laser(laser_nm, technique)
    steps = list(history)
    axis = _wavenumbers(x, x_unit, technique, laser, steps)
    intensity = _intensity(y, y_unit, technique, steps)
    return build(axis, intensity, technique, history=steps, laser_nm=laser, resolution_cm1=resolution_cm1)


def _absurd(unit: YUnit, y: FloatArray) -> bool:
    return unit is YUnit.ABSORBANCE and bool(np.abs(y).max(initial=0.0) > LARGEST_ABSORBANCE)


def _wavenumbers(
    x: FloatArray, unit: XUnit, technique: Technique, laser: float | None, history: list[str]
) -> FloatArray:
    if unit not in _NANOMETRES:
        return x
    nanometres = x * _NANOMETRES[unit]
    if not (nanometres > 0).all():
        raise FormatError("a wavelength is not above zero")
    if technique is Technique.FTIR:
        history.append(f"{unit} converted to cm⁻¹")
        return np.asarray(1e7 / nanometres, dtype=np.float64)
    if laser is None:
        raise FormatError(f"a Raman axis as {unit} needs the laser wavelength: give --laser NM")
    history.append(f"{unit} converted to Raman shift with a laser of {laser:g} nm")
    return shift_of_wavelength(nanometres, laser)


def _intensity(y: FloatArray, unit: YUnit, technique: Technique, history: list[str]) -> FloatArray:
    if technique is Technique.RAMAN:
        if unit is YUnit.INTENSITY:
            return y
        if _absurd(unit, y):
            history.append(
                f"called absorbance in the file, but {np.abs(y).max():g} is none: read as intensity"
            )
            return y
        raise FormatError(f"the file holds {unit}, which is no Raman intensity: is it infrared?")
    if unit is YUnit.ABSORBANCE and not _absurd(unit, y):
        return y
    if unit in {YUnit.TRANSMITTANCE, YUnit.PERCENT}:
        return absorbance_of(y, percent=unit is YUnit.PERCENT, history=history)
    if unit is YUnit.ABSORBANCE:
        raise FormatError(f"an absorbance of {np.abs(y).max():g} is impossible: is it a Raman spectrum?")
    raise FormatError(
        "the file does not call its intensities absorbance or transmittance: export it as absorbance"
    )
