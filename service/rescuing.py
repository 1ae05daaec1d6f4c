"""Recalibrate measurements after the fact by a known substance in one of them; originals stay as they are.

What comes out is derived: each spectrum names the original by digest, and the record that corrected it.
The record is kept and withdrawn at once: it is of the time of those measurements, and no later scan of
the device may be made into a spectrum with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.errors import NotCalibrated, WrongDevice
from calibration.outcomes import AxisOutcome, LineFit
from calibration.record import CalibrationRecord
from calibration.rescue import rescue_axis
from spectra.axis import raman_shift, wavelength_of
from spectra.formats import Decoded, encode_csv, encode_jcamp
from spectra.values import FloatArray, Spectrum

from .calibrating_axis import LineMoved
from .calibration_sources import Source, changed
from .errors import ArchiveError, UsageError

#: Axes of one device differ by less, nm or cm⁻¹: files round to two decimals.
SAME_AXIS = 0.02
#: Degree by which the corrected wavelengths of a device's pixels are told (chosen: gratings need 3, and a
#: correction of the shifts bends them once more).
DEGREE = 5
#: Endings of the files that can be written.
ENDINGS = (".jdx", ".csv", ".h5")


@dataclass(frozen=True, slots=True)
class Rescued:
    """A correction found in one measurement."""

    outcome: AxisOutcome
    """The axis."""
    lines: tuple[LineMoved, ...]
    """Lines of the substance, before and after."""


def found_rescue(source: Source, known: str) -> Rescued:
    """Find the correction of the axis in a measurement of a known substance.

    Parameters
    ----------
    source
        The measurement; its axis as device or file have it.
    known
        The substance: a shift standard.

    Raises
    ------
    NotCalibrated
        Its bands are not there, or contradict one another.
    UnknownStandard
        No shift standard.
    """
    shifts = rescue_axis(source.spectrum(), known)
    lines = tuple(
        LineMoved(one.standard, one.reference, one.found, one.reference + one.residual, one.used)
        for one in shifts.lines
    )
    scan = source.scan
    if scan is None or scan.axis_unit == "cm-1":
        return Rescued(replace(shifts, pixels=_channels(source)), lines)
    if scan.laser_nm is None:
        raise NotCalibrated("the scan names no laser line: nothing can be made of its wavelengths")
    return Rescued(of_pixels(shifts, scan.axis, scan.laser_nm), lines)


def of_pixels(shifts: AxisOutcome, axis_nm: FloatArray, laser_nm: float) -> AxisOutcome:
    """Return a correction of Raman shifts as an axis of pixels, for devices that tell wavelengths.

    Parameters
    ----------
    shifts
        Outcome of the form ``shifts``.
    axis_nm
        The device's wavelength of each pixel, nm, shape (pixels,).
    laser_nm
        The device's laser line, nm; it stays, the wavelengths take up the whole correction.

    Raises
    ------
    NotCalibrated
        The corrected axis does not ascend, or no polynomial tells it.
    """
    told = raman_shift(axis_nm, laser_nm)
    right = np.polynomial.polynomial.polyval(told, np.asarray(shifts.coefficients))
    if not (np.diff(right) > 0).all() or right[-1] >= 1e7 / laser_nm:
        raise NotCalibrated("the corrected axis does not ascend over the whole detector")
    wavelength = wavelength_of(np.asarray(right, dtype=np.float64), laser_nm)
    pixel = np.arange(axis_nm.size, dtype=np.float64)
    fitted = np.polynomial.Polynomial.fit(pixel, wavelength, min(DEGREE, axis_nm.size - 1))
    coefficients = tuple(float(one) for one in fitted.convert().coef)
    if float(np.abs(fitted(pixel) - wavelength).max()) > 0.1 * SAME_AXIS:
        raise NotCalibrated("the device's wavelengths are no smooth function of the pixel")
    per_nm = float(np.median(1e7 / wavelength**2))
    low, high = (float(wavelength_of(np.array([one]), laser_nm)[0]) for one in sorted(shifts.valid_range))
    return replace(
        shifts,
        form="pixels",
        coefficients=coefficients,
        pixels=axis_nm.size,
        laser_nm=laser_nm,
        laser_sigma_nm=None,
        rms=shifts.rms / per_nm,
        leave_one_out_rms=shifts.leave_one_out_rms / per_nm,
        valid_range=(low, high),
        lines=tuple(_found_right(one) for one in shifts.lines),
    )


def check_same_axis(reference: Source, others: Sequence[Source]) -> None:
    """Refuse measurements of another instrument or with another axis than that of the known substance.

    Raises
    ------
    WrongDevice
        One of them; the message names it. Nothing was written.
    """
    wanted = _axis(reference)
    for one in others:
        axis = _axis(one)
        if one.serial != reference.serial:
            raise WrongDevice(f"{one.name} was measured with {one.serial or 'an unnamed instrument'}")
        if axis.shape != wanted.shape or float(np.abs(axis - wanted).max()) > SAME_AXIS:
            raise WrongDevice(
                f"{one.name} has another axis than {reference.name}: what corrects one spoils the other"
            )


def derived(source: Source, record: CalibrationRecord) -> Spectrum:
    """Return the spectrum of a measurement by a record; its history names both by their digests."""
    spectrum = source.on_axis(record)
    said = f"derived from {source.digest}, which stays as it is, by the calibration record {record.record_id}"
    return replace(spectrum, history=(*spectrum.history, said))


def written_name(source: Source, out: Path, ending: str) -> Path:
    """Return the file of what is derived from a source; raises `UsageError` for an ending nobody writes."""
    if ending not in ENDINGS:
        raise UsageError(f"--format {ending}: write one of {', '.join(ENDINGS)}")
    stem = source.digest[:12] if source.scan is not None else Path(source.name).stem
    return out / f"{stem}-rescued{ending}"


def encoded(spectrum: Spectrum, title: str, ending: str) -> bytes:
    """Return the bytes of a derived spectrum: JCAMP-DX, CSV or HDF5."""
    if ending == ".h5":
        from library.spectrum_file import encode_spectra

        return encode_spectra([Decoded(spectrum, "derived", title)])
    return encode_jcamp(spectrum, title) if ending == ".jdx" else encode_csv(spectrum, title)


def check_untouched(sources: Sequence[Source]) -> None:
    """Read the originals again; raises `ArchiveError` where one has other bytes than at the start."""
    if spoiled := [one.name for one in sources if changed(one)]:
        raise ArchiveError(
            f"{', '.join(spoiled)}: the bytes changed while this ran; restore them from a backup"
        )


def _channels(source: Source) -> int:
    return int(source.scan.axis.size if source.scan is not None else source.spectrum().axis.size)


def _axis(source: Source) -> FloatArray:
    return source.scan.axis if source.scan is not None else source.spectrum().axis


def _found_right(line: LineFit) -> LineFit:
    """Return a line of a substance as axes of pixels have it: found on the calibrated axis."""
    return replace(line, found=line.reference + line.residual)
