"""From raw counts to a spectrum on a calibrated axis."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from spectra.axis import EDGE_CM1, polynomial_axis, raman_shift
from spectra.errors import AxisError, ValueRangeError
from spectra.noise import noise_of
from spectra.values import FloatArray, Scan, Spectrum, Technique, check_ascending

from .errors import UncalibratedScan, WrongDevice
from .in_force import UNCALIBRATED, InForce
from .outcomes import AxisOutcome, ResolutionOutcome, ResponseOutcome
from .record import CalibrationRecord
from .response import apply_response

#: A channel this many noise standard deviations above the median of its accumulations is a
#: cosmic ray: 8 is reached by chance once in 10¹⁵ channels.
COSMIC_SIGMAS = 8.0


def spectrum_of(scan: Scan, calibration: InForce = UNCALIBRATED) -> Spectrum:
    """Turn a scan into a spectrum.

    Accumulations are averaged after cosmic rays were replaced by the median, the dark is
    taken off, wavelengths become Raman shifts, and the channels behind the edge filter go.
    With a response in force intensities are corrected, and channels outside it go; with a
    resolution in force it counts where the file of the scan names none.

    Parameters
    ----------
    scan
        A complete scan.
    calibration
        The device's records in force; without one of the axis the device's own coefficients count.

    Raises
    ------
    UncalibratedScan
        The scan was aborted, a Raman scan names no laser line, or a record of pixels is to serve a
        file of Raman shifts.
    WrongDevice
        A record belongs to another device, or to another number of pixels.
    WrongLaser
        The response in force was measured with another laser.
    """
    for record in calibration.records:
        _check_device(scan, record)
    if scan.aborted:
        raise UncalibratedScan(f"the scan was cut short ({scan.aborted}); scan again")
    said = _FileSays.of(scan)
    history = [*said.history, _counted(scan)]
    signal, cosmic = average(scan.counts)
    if cosmic:
        history.append(f"{cosmic} cosmic-ray channel(s) replaced by the median of the accumulations")
    if scan.dark is not None and len(scan.dark):
        signal = signal - average(scan.dark)[0]
        history.append("dark taken off")
    axis, laser = _axis(scan, calibration.axis)
    history.append(f"axis by {_named(calibration.axis) if calibration.axis else 'the device'}")
    noise = noise_of(signal)
    full = np.zeros(axis.size, dtype=bool)
    if scan.saturation_counts is not None:
        full = np.asarray((scan.counts >= scan.saturation_counts).any(axis=0))
    if scan.technique is Technique.RAMAN:
        keep = axis >= EDGE_CM1
        axis, signal, noise, full = axis[keep], signal[keep], noise[keep], full[keep]
    width = said.resolution_cm1
    if calibration.resolution is not None and width is None:
        width = _resolution(calibration.resolution)
        history.append(f"resolution by {_named(calibration.resolution)}: {width:.1f} cm⁻¹")
    spectrum = Spectrum(
        axis,
        signal,
        scan.technique,
        noise=noise,
        laser_nm=laser,
        resolution_cm1=width,
        saturated=bool(full.any()) or said.saturated,
        history=tuple(history),
    )
    return spectrum if calibration.intensity is None else _corrected(spectrum, calibration.intensity)


def average(frames: FloatArray) -> tuple[FloatArray, int]:
    """Average accumulations without cosmic rays.

    Parameters
    ----------
    frames
        Counts, shape (accumulations, pixels). A single accumulation is returned as it is; of two, the
        lower one counts where they differ by a cosmic ray.

    Returns
    -------
    mean, replaced
        Counts, shape (pixels,), and the number of channels replaced by the median.
    """
    if len(frames) < 2:
        return np.asarray(frames.mean(axis=0)), 0
    median = np.median(frames, axis=0) if len(frames) > 2 else frames.min(axis=0)
    sigma = np.maximum(noise_of(frames[0]), 1.0)
    struck = frames - median > COSMIC_SIGMAS * sigma
    return np.asarray(np.where(struck, median, frames).mean(axis=0)), int(struck.sum())


def _axis(scan: Scan, record: CalibrationRecord | None) -> tuple[FloatArray, float | None]:
    if record is not None:
        assert isinstance(record.outcome, AxisOutcome)
        return calibrated_axis(scan, record.outcome)
    if scan.axis_unit == "cm-1":
        return scan.axis, scan.laser_nm if scan.technique is Technique.RAMAN else None
    if scan.laser_nm is None:
        raise UncalibratedScan("the scan names no laser line: add laser_nm=… to the device")
    return raman_shift(scan.axis, scan.laser_nm), scan.laser_nm


def calibrated_axis(scan: Scan, outcome: AxisOutcome) -> tuple[FloatArray, float | None]:
    """Return the axis of a scan by a calibration, and its laser line.

    Parameters
    ----------
    scan
        A scan of the device that was calibrated.
    outcome
        The calibration.

    Returns
    -------
    axis, laser_nm
        Raman shifts or wavenumbers, cm⁻¹, ascending; the laser line, nm, None where there is none.

    Raises
    ------
    WrongDevice
        The scan has another number of channels.
    UncalibratedScan
        The calibration is of pixels and the scan holds Raman shifts or the other way round, or the
        calibrated axis does not ascend.
    """
    if outcome.pixels != scan.axis.size:
        raise WrongDevice(
            f"a calibration of {outcome.pixels} channels cannot serve a scan of {scan.axis.size}"
        )
    if (outcome.form == "shifts") != (scan.axis_unit == "cm-1"):
        raise UncalibratedScan(
            f"a calibration of {outcome.form} cannot serve a scan whose axis is in {scan.axis_unit}"
        )
    try:
        if outcome.form == "pixels":
            if outcome.laser_nm is None:
                raise UncalibratedScan("a calibration of wavelengths alone names no laser line")
            wavelengths = polynomial_axis(outcome.coefficients, scan.axis.size)
            return raman_shift(wavelengths, outcome.laser_nm), outcome.laser_nm
        axis = np.polynomial.polynomial.polyval(scan.axis, np.asarray(outcome.coefficients))
        check_ascending(axis, name="calibrated axis")
    except (AxisError, ValueRangeError) as error:
        raise UncalibratedScan(f"the calibration gives no axis: {error}") from error
    return np.asarray(axis, dtype=np.float64), scan.laser_nm


def _resolution(record: CalibrationRecord) -> float:
    assert isinstance(record.outcome, ResolutionOutcome)
    return record.outcome.instrument_cm1


def _corrected(spectrum: Spectrum, record: CalibrationRecord) -> Spectrum:
    assert isinstance(record.outcome, ResponseOutcome)
    return apply_response(spectrum, record.outcome, named=_named(record))


def _check_device(scan: Scan, record: CalibrationRecord) -> None:
    if record.device_serial != scan.device.serial:
        raise WrongDevice(
            f"a calibration of {record.device_serial!r} cannot serve a scan of {scan.device.serial!r}"
        )


def _named(record: CalibrationRecord) -> str:
    return f"record {record.record_id[:12]}"


@dataclass(frozen=True, slots=True)
class _FileSays:
    """What the file of a scan says of its spectrum, ``settings["file"]``; nothing for scans without a file.

    Settings are any JSON there is; what is not of the kind it should be counts as not said.
    """

    history: tuple[str, ...] = ()
    resolution_cm1: float | None = None
    saturated: bool = False

    @classmethod
    def of(cls, scan: Scan) -> Self:
        said = scan.settings.get("file")
        if not isinstance(said, dict):
            return cls()
        history, width = said.get("history"), said.get("resolution_cm1")
        lines = history if isinstance(history, list) else []
        usable = isinstance(width, int | float) and not isinstance(width, bool) and 0 < width < 1000
        return cls(
            tuple(line for line in lines if isinstance(line, str)),
            float(width) if usable and width is not None else None,
            said.get("saturated") is True,
        )


def _counted(scan: Scan) -> str:
    exposure = f" of {scan.exposure_s:g} s" if scan.exposure_s > 0 else ""
    return f"mean of {len(scan.counts)} accumulation(s){exposure}"
