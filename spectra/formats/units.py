"""Units of axis and intensities as binary formats and instruments' exports name them, settled together.

A unit that could mean two things is asked for or refused; every conversion is named in the history.
"""

from enum import StrEnum

import numpy as np

from ..errors import FormatError
from ..values import FloatArray, Spectrum, Technique
from .columns_doubts import check_absorbance, is_no_absorbance
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
    DOUBTED = "numbers called absorbance that cannot be"


_NANOMETRES = {XUnit.NANOMETRE: 1.0, XUnit.MICROMETRE: 1e3}
_OF_SAMPLE = {YUnit.ABSORBANCE, YUnit.TRANSMITTANCE, YUnit.PERCENT}


def believed(unit: YUnit, y: FloatArray, history: list[str]) -> YUnit:
    """Return the unit of intensities, unless the numbers cannot be that: absorbance is at most about 10.

    Programs write the code of absorbance into files that hold counts. Such numbers are intensities, of which
    no absorbance is made; the history says so.

    Parameters
    ----------
    unit
        The unit the file names.
    y
        All its intensities.
    history
        What was done so far; appended to.
    """
    if unit is not YUnit.ABSORBANCE or not is_no_absorbance(y):
        return unit
    history.append(f"called absorbance in the file, but {np.abs(y).max():g} is none: taken as intensity")
    return YUnit.DOUBTED


def technique_said(x_unit: XUnit, y_unit: YUnit, *, raman: bool = False) -> Technique | None:
    """Return what a file says about how it was measured, None where it leaves that open.

    Parameters
    ----------
    x_unit, y_unit
        The units it names.
    raman
        True where it says in another place that this is Raman.

    Raises
    ------
    FormatError
        It contradicts itself.
    """
    shift = raman or x_unit is XUnit.SHIFT
    infrared = y_unit in _OF_SAMPLE
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
    technique = request.settle_technique(technique_said(x_unit, y_unit, raman=raman))
    laser = request.settle_laser(laser_nm, technique)
    steps = list(history)
    axis = _wavenumbers(x, x_unit, technique, laser, steps)
    intensity = _intensity(y, y_unit, technique, steps)
    return build(axis, intensity, technique, history=steps, laser_nm=laser, resolution_cm1=resolution_cm1)


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
        return y
    if unit is YUnit.ABSORBANCE:
        check_absorbance(y)
        return y
    if unit in {YUnit.TRANSMITTANCE, YUnit.PERCENT}:
        return absorbance_of(y, percent=unit is YUnit.PERCENT, history=history)
    if unit is YUnit.DOUBTED:
        raise FormatError(
            "the file calls its numbers absorbance, but they are too large for it: export it anew"
        )
    raise FormatError(
        "the file's intensities are neither absorbance nor transmittance: export it as absorbance"
    )
