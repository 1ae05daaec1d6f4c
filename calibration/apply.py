"""From raw counts to a spectrum on a calibrated axis."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from spectra.axis import EDGE_CM1, polynomial_axis, raman_shift
from spectra.noise import noise_of
from spectra.values import FloatArray, Scan, Spectrum, Technique

from .errors import UncalibratedScan, WrongDevice
from .record import CalibrationRecord

#: A channel this many noise standard deviations above the median of its accumulations is a
#: cosmic ray: 8 is reached by chance once in 10¹⁵ channels.
COSMIC_SIGMAS = 8.0


def spectrum_of(scan: Scan, record: CalibrationRecord | None = None) -> Spectrum:
    """Turn a scan into a spectrum.

    Accumulations are averaged after cosmic rays were replaced by the median, the dark is
    taken off, wavelengths become Raman shifts, and the channels behind the edge filter go.

    Parameters
    ----------
    scan
        A complete scan.
    record
        Calibration of the device; without one the device's own coefficients count.

    Raises
    ------
    UncalibratedScan
        The scan was aborted, a Raman scan names no laser line, or a record of wavelengths is to serve a
        file of Raman shifts.
    WrongDevice
        The record belongs to another device.
    """
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
    axis, laser = _axis(scan, record)
    history.append(f"axis by {'record ' + record.record_id[:12] if record else 'the device'}")
    noise = noise_of(signal)
    full = np.zeros(axis.size, dtype=bool)
    if scan.saturation_counts is not None:
        full = np.asarray((scan.counts >= scan.saturation_counts).any(axis=0))
    if scan.technique is Technique.RAMAN:
        keep = axis >= EDGE_CM1
        axis, signal, noise, full = axis[keep], signal[keep], noise[keep], full[keep]
    return Spectrum(
        axis,
        signal,
        scan.technique,
        noise=noise,
        laser_nm=laser,
        resolution_cm1=said.resolution_cm1,
        saturated=bool(full.any()) or said.saturated,
        history=tuple(history),
    )


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
    if scan.technique is Technique.FTIR:
        return scan.axis, None
    if scan.axis_unit == "cm-1":
        if record is not None:
            raise UncalibratedScan("a calibration of wavelengths cannot serve a file of Raman shifts")
        return scan.axis, scan.laser_nm
    if record is not None:
        if record.device_serial != scan.device.serial:
            raise WrongDevice(
                f"a calibration of {record.device_serial!r} cannot serve a scan of {scan.device.serial!r}"
            )
        wavelengths = polynomial_axis(record.wavelength_coefficients, scan.axis.size)
        return raman_shift(wavelengths, record.laser_nm), record.laser_nm
    if scan.laser_nm is None:
        raise UncalibratedScan("the scan names no laser line: add laser_nm=… to the device")
    return raman_shift(scan.axis, scan.laser_nm), scan.laser_nm


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
