"""What a calibration is made from: scans and files, with the digest by which a record cites them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.apply import average, spectrum_of
from calibration.errors import UncalibratedScan, WrongDevice
from calibration.in_force import UNCALIBRATED, InForce
from calibration.outcomes import AxisOutcome
from calibration.record import CalibrationRecord
from spectra.axis import EDGE_CM1, polynomial_axis, raman_shift, wavelength_of
from spectra.digest import bytes_digest
from spectra.errors import FormatError
from spectra.formats import MAX_BYTES, Decoded, decode
from spectra.formats.pixels import decode_pixels
from spectra.values import FloatArray, Scan, Spectrum, Technique

from .archive.journal import Archive
from .archive.scanfile import decode_scan
from .bench.calibration_scan import coefficients_of, temperature_of
from .errors import ScanDamaged, ScanNotFound, UsageError

#: Shortest beginning of a content address by which a scan is found.
MIN_PREFIX = 6
#: Degree of the polynomial that stands for a device's axis where it tells no coefficients (chosen).
DEGREE = 3

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One measurement."""

    name: str
    """File name, or the beginning of the content address."""
    digest: str
    """Content address of the scan, or SHA-256 of the file: what a record cites."""
    path: Path
    """Where it is."""
    scan: Scan | None
    """The scan; None for a file of another program."""
    decoded: tuple[Decoded, ...] = ()
    """Spectra of a file."""
    data: bytes = b""
    """A file's bytes; empty for a scan."""

    @property
    def serial(self) -> str:
        """Serial number of the instrument; empty where unknown."""
        return self.scan.device.serial if self.scan is not None else ""

    @property
    def model(self) -> str:
        """Model of the instrument; empty where unknown."""
        return self.scan.device.model if self.scan is not None else self.decoded[0].meta.get("model", "")

    @property
    def emulated(self) -> bool:
        """Whether an emulated device measured it."""
        return self.scan is not None and self.scan.device.emulated

    @property
    def temperature_c(self) -> float | None:
        """Temperature of the spectrometer, °C; None where unknown."""
        return temperature_of(self.scan.settings) if self.scan is not None else None

    @property
    def technique(self) -> Technique:
        """How it was measured."""
        return self.scan.technique if self.scan is not None else self.decoded[0].spectrum.technique

    @property
    def saturation(self) -> float | None:
        """Counts at which the detector is full; None where unknown."""
        return self.scan.saturation_counts if self.scan is not None else None

    def spectrum(self, calibration: InForce = UNCALIBRATED) -> Spectrum:
        """Return the spectrum: a scan's by the device's records, a file's as the file has it."""
        if self.scan is not None:
            return spectrum_of(self.scan, calibration)
        first = self.decoded[0].spectrum
        same = [one.spectrum for one in self.decoded if np.array_equal(one.spectrum.axis, first.axis)]
        mean = np.mean([one.intensity for one in same], axis=0)
        saturated = any(one.saturated for one in same)
        return Spectrum(
            first.axis,
            mean,
            first.technique,
            laser_nm=first.laser_nm,
            resolution_cm1=first.resolution_cm1,
            saturated=saturated,
            history=(*first.history, f"mean of {len(same)} accumulation(s) in the file")
            if len(same) > 1
            else first.history,
        )

    def on_axis(self, record: CalibrationRecord | None) -> Spectrum:
        """Return the spectrum by a record of the axis, intensities as they are; None for the own axis.

        Raises
        ------
        WrongDevice, UncalibratedScan
            The record does not serve the measurement.
        """
        if record is None or self.serial:
            return self.spectrum(InForce(axis=record))
        # Nothing tells whose it is: whoever named the record, or the serial number, answers for it.
        outcome = record.outcome
        assert isinstance(outcome, AxisOutcome)
        as_told, said = self.spectrum(), f"axis by record {record.record_id[:12]}"
        axis, intensity = as_told.axis, as_told.intensity
        if outcome.form == "shifts":
            axis = np.polynomial.polynomial.polyval(axis, np.asarray(outcome.coefficients))
        else:
            intensity = self.pixels().counts
            if intensity.size != outcome.pixels or outcome.laser_nm is None:
                raise WrongDevice(
                    f"{self.name} has {intensity.size} channels, the axis in force {outcome.pixels}"
                )
            axis = raman_shift(polynomial_axis(outcome.coefficients, outcome.pixels), outcome.laser_nm)
            keep = axis >= EDGE_CM1
            axis, intensity = axis[keep], intensity[keep]
        return replace(
            as_told,
            axis=axis,
            intensity=intensity,
            noise=None,
            laser_nm=outcome.laser_nm or as_told.laser_nm,
            history=(*as_told.history, said),
        )

    def pixels(self) -> "Pixels":
        """Return the counts of each channel, with the axis the device or file gives to it."""
        if self.scan is None:
            found = decode_pixels(self.data, name=self.name)
            return Pixels(found.counts, found.coefficients, found.laser_nm)
        scan = self.scan
        if scan.aborted:
            raise UncalibratedScan(f"{self.name} was cut short ({scan.aborted}); scan again")
        counts = average(scan.counts)[0]
        if scan.dark is not None and len(scan.dark):
            counts = counts - average(scan.dark)[0]
        return Pixels(counts, _coefficients(scan), scan.laser_nm)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Counts on the detector's own channels."""

    counts: FloatArray
    """Counts, the dark taken off where there is one, shape (pixels,)."""
    coefficients: tuple[float, ...]
    """The axis as the device or file has it, nm/pixelⁱ; empty where it has none."""
    laser_nm: float | None
    """Laser line as the device or file has it, nm."""


def source_of(text: str, archive: Archive) -> Source:
    """Return what a word of the command line names: a file, or a scan by the beginning of its address.

    Raises
    ------
    UsageError
        Neither, or a beginning that several scans have.
    FormatError, ArchiveError
        It cannot be read.
    """
    path = Path(text)
    if path.is_file():
        return _of_file(path)
    if len(text) < MIN_PREFIX or not all(one in "0123456789abcdef" for one in text.lower()):
        raise UsageError(f"{text[:80]}: no such file, and no content address of a scan")
    found = [one for one in archive.scan_ids() if one.startswith(text.lower())]
    if len(found) > 1:
        raise UsageError(f"{len(found)} scans begin with {text}: write more of the address")
    if not found:
        raise ScanNotFound(f"no scan {text[:12]} in {archive.root}")
    return of_scan(found[0], archive)


def of_scan(scan_id: str, archive: Archive) -> Source:
    """Return a scan of the archive, its digest checked; raises `ScanNotFound` or `ScanDamaged`."""
    return Source(scan_id[:12], scan_id, archive.path_of(scan_id), archive.get(scan_id))


def expanded(words: list[str]) -> list[str]:
    """Return words of the command line with each folder replaced by the files in it, sorted."""
    found: list[str] = []
    for word in words:
        path = Path(word)
        inside = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else []
        found += [str(one) for one in inside if not one.name.startswith(".")] if path.is_dir() else [word]
    return found


def changed(source: Source) -> bool:
    """Whether the bytes of an original are others than those that were read."""
    try:
        return bytes_digest(source.path.read_bytes()) != source.digest
    except OSError:
        return True


def _of_file(path: Path) -> Source:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FormatError(f"{path.name}: larger than {MAX_BYTES >> 20} MiB: no spectrum file")
    digest = bytes_digest(data)
    if not data.startswith(_HDF5):
        return Source(path.name, digest, path, None, decode(data, name=path.name), data)
    try:
        # A scan of an archive is named by its own digest, wherever it was copied to.
        return Source(path.name, digest, path, decode_scan(data, own=path.stem == digest))
    except ScanDamaged:
        from library.spectrum_file import decode_file

        return Source(path.name, digest, path, None, decode_file(data, name=path.name), data)


def _coefficients(scan: Scan) -> tuple[float, ...]:
    told: list[Any] | None = coefficients_of(scan.settings)
    if told is not None:
        return tuple(told)
    axis = scan.axis
    if scan.technique is not Technique.RAMAN or (scan.axis_unit == "cm-1" and scan.laser_nm is None):
        return ()
    if scan.axis_unit == "cm-1" and scan.laser_nm is not None:
        axis = wavelength_of(axis, scan.laser_nm)
    pixel = np.arange(axis.size, dtype=np.float64)
    fitted = np.polynomial.Polynomial.fit(pixel, axis, min(DEGREE, axis.size - 1))
    return tuple(float(one) for one in fitted.convert().coef)
