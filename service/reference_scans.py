"""From archived scans of a known sample to the replicates of a draft."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from library.drafts import SAME_AXIS, Draft, Replicate, Sample, Session
from library.errors import DraftError
from spectra.values import FloatArray, Scan, Spectrum, Technique

from .archive.journal import Archive
from .calibrated import blank_spectrum, calibrated, calibrated_spectrum
from .calibrations import Calibrations


def begun(
    archive: Archive, calibrations: Calibrations, scan_id: str, sample: Sample, resolution_cm1: float | None
) -> Draft:
    """Return a draft without replicates on the axis of its first scan; raises as `added`."""
    scan = archive.get(scan_id)
    spectrum = calibrated_spectrum(calibrations, scan)
    return Draft(
        sample=sample,
        technique=scan.technique,
        device=scan.device,
        laser_nm=spectrum.laser_nm,
        resolution_cm1=resolution_cm1 if resolution_cm1 is not None else spectrum.resolution_cm1,
        axis=spectrum.axis,
    )


def added(
    archive: Archive,
    calibrations: Calibrations,
    draft: Draft,
    session: Session,
    scan_id: str,
    place: Mapping[str, int],
) -> tuple[Draft, Replicate]:
    """Add a scan to a draft.

    Parameters
    ----------
    archive
        Where the scan and its blank are.
    calibrations
        Records of its device; those in force when it was taken count, and its history names them.
    draft
        The draft.
    session
        The sitting it was taken in; added to the draft where it is not the last one.
    scan_id
        Content address of the scan.
    place
        ``spot`` and ``number``.

    Raises
    ------
    DraftError
        It was taken with another instrument, on another axis, or its blank cannot be taken off.
    UncalibratedScan
        A calibration record in force does not fit the scan: a reference leaves none out.
    ArchiveError
        The scan cannot be read.
    """
    scan = archive.get(scan_id)
    spectrum = calibrated_spectrum(calibrations, scan)
    _check_fits(draft, scan, spectrum)
    intensity, history = _per_second(scan, spectrum), list(spectrum.history)
    if scan.blank_id and scan.technique is Technique.RAMAN:
        intensity = intensity - _blank(archive, calibrations, scan, spectrum)
        history.append(f"blank {scan.blank_id[:12]} taken off, scaled by exposure and laser power")
    sessions = draft.sessions if draft.sessions[-1:] == (session,) else (*draft.sessions, session)
    replicate = Replicate(
        scan_id=scan_id,
        session=len(sessions) - 1,
        spot=place["spot"],
        number=place["number"],
        taken_at=scan.taken_at,
        exposure_s=scan.exposure_s,
        accumulations=len(scan.counts),
        laser_mw=scan.laser_mw,
        saturated=spectrum.saturated,
        snr=None,
        intensity=intensity,
        history=tuple(history),
    )
    return replace(draft, sessions=sessions), replicate


def with_replicate(draft: Draft, replicate: Replicate) -> Draft:
    """Return a draft with one more replicate."""
    return replace(draft, replicates=(*draft.replicates, replicate))


def session_of(ready: Mapping[str, Any], begun_at: str, operator: str, asked_on: str) -> Session:
    """Return a sitting, from what the agent said of the instrument before anything fired."""
    return Session(
        begun_at=begun_at,
        operator=operator,
        asked_on=asked_on,
        axis=str(ready["axis"]),
        verification_id=str(ready["verification_id"]),
        verified_at=str(ready["verified_at"]),
    )


def _check_fits(draft: Draft, scan: Scan, spectrum: Spectrum) -> None:
    mine, its = draft.device, scan.device
    if (mine.model, mine.serial) != (its.model, its.serial) or draft.technique is not scan.technique:
        raise DraftError(
            f"the draft was measured with {mine.model} {mine.serial}, this scan with {its.model} "
            f"{its.serial}: begin a draft of its own"
        )
    same = spectrum.axis.shape == draft.axis.shape and draft.laser_nm == spectrum.laser_nm
    if not same or float(np.max(np.abs(spectrum.axis - draft.axis))) > SAME_AXIS:
        raise DraftError("the instrument's axis is another than that of the draft: begin a new draft")


def _per_second(scan: Scan, spectrum: Spectrum) -> FloatArray:
    timed = scan.technique is Technique.RAMAN and scan.exposure_s > 0
    return spectrum.intensity / scan.exposure_s if timed else spectrum.intensity


def _blank(archive: Archive, calibrations: Calibrations, scan: Scan, spectrum: Spectrum) -> FloatArray:
    """Return the blank as it would be in the scan: by the scan's own records, for its exposure and power."""
    blank = archive.get(scan.blank_id)
    shown = blank_spectrum(blank, calibrated(calibrations, scan).records)
    timed = scan.exposure_s > 0 and blank.exposure_s > 0
    same_light = (scan.laser_mw is None) == (blank.laser_mw is None)
    if not timed or not same_light or shown.axis.shape != spectrum.axis.shape:
        raise DraftError(
            "its blank cannot be taken off, for exposure or laser power of one of them are unknown; "
            "measure with --no-blank"
        )
    power = scan.laser_mw / blank.laser_mw if scan.laser_mw and blank.laser_mw else 1.0
    return np.asarray(shown.intensity / blank.exposure_s * power, dtype=np.float64)
