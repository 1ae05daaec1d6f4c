"""Which calibration records a scan is made into a spectrum with.

Those of its device that were in force when it was taken, so that a later record changes no earlier result,
also not one that is computed after a crash. A record that does not fit the scan (another number of
channels, another kind of axis) is left out and said, kind by kind: it must neither keep a bench from
scanning nor be passed over in silence. What such a scan shows counts as calibrated out of date, which
forbids "nothing found" and hides no alarm.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from calibration.apply import calibrated_axis, spectrum_of
from calibration.errors import CalibrationError, UncalibratedScan
from calibration.in_force import UNCALIBRATED, InForce
from calibration.outcomes import AxisOutcome
from calibration.record import CalibrationRecord
from spectra.answer import InstrumentState
from spectra.errors import SpectraError
from spectra.values import Scan, Spectrum

from .calibration_files import moment
from .calibrations import Calibrations
from .errors import CalibrationStoreError


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The records a scan is made into a spectrum with."""

    records: InForce = UNCALIBRATED
    """Those that fit it."""
    left_out: tuple[str, ...] = ()
    """What did not, in words; empty for nothing."""

    @property
    def axis_id(self) -> str:
        """Identifier of the record of the axis; empty for none."""
        return id_of(self.records.axis)

    def outdated(self, at: datetime) -> bool:
        """Whether a record is past its validity at a time, or one had to be left out."""
        ends = [moment(one.valid_until) for one in self.records.records if one.valid_until]
        return bool(self.left_out) or any(end <= at for end in ends)


def id_of(record: CalibrationRecord | None) -> str:
    """Return a record's identifier; empty for none."""
    return "" if record is None else record.record_id


def calibrated(calibrations: Calibrations, scan: Scan) -> Calibrated:
    """Return the records in force when a scan was taken, as far as they fit it.

    A scan of an instrument that nobody can name has none: its file's own axis counts.
    """
    found = in_force_at(calibrations, scan.device.serial, moment(scan.taken_at))
    return found if found.left_out else fitting(scan, found.records)


def in_force_at(calibrations: Calibrations, serial: str, at: datetime) -> Calibrated:
    """Return the records in force for a device at a time; whether they fit it, a scan will tell."""
    try:
        return Calibrated(calibrations.in_force(serial, at=at))
    except CalibrationStoreError as error:
        return Calibrated(left_out=(str(error),))


def with_calibration(state: InstrumentState, used: Calibrated, at: datetime) -> InstrumentState:
    """Return an instrument's state that names the records used, and says whether they are out of date."""
    return replace(
        state,
        calibration_id=used.axis_id,
        intensity_id=id_of(used.records.intensity),
        resolution_id=id_of(used.records.resolution),
        calibration_expired=used.outdated(at),
    )


def fitting(scan: Scan, found: InForce) -> Calibrated:
    """Return those of some records that fit a scan, and what did not."""
    if scan.aborted or not found.records:
        return Calibrated(found)
    left_out: list[str] = []
    if found.axis is not None and (why := _axis_misfit(scan, found.axis)):
        left_out.append(why)
        found = replace(found, axis=None)
    if found.intensity is not None and (why := _response_misfit(scan, found)):
        left_out.append(why)
        found = replace(found, intensity=None)
    return Calibrated(found, tuple(left_out))


def calibrated_spectrum(calibrations: Calibrations, scan: Scan) -> Spectrum:
    """Return the spectrum of a scan for uses that need every record of its device, such as a reference.

    Raises
    ------
    UncalibratedScan
        A record in force does not fit the scan, or the scan gives no spectrum.
    """
    used = calibrated(calibrations, scan)
    if used.left_out:
        raise UncalibratedScan(f"{used.left_out[0]}; recalibrate the device, or withdraw the record")
    return spectrum_of(scan, used.records)


def blank_spectrum(blank: Scan, records: InForce) -> Spectrum:
    """Return the spectrum of a blank by the records of the scan it is a blank of.

    Both must stand on one axis and one response, whichever records were in force when the blank was taken.
    """
    return spectrum_of(blank, fitting(blank, records).records)


def _axis_misfit(scan: Scan, record: CalibrationRecord) -> str:
    assert isinstance(record.outcome, AxisOutcome)
    try:
        calibrated_axis(scan, record.outcome)
    except CalibrationError as error:
        return _words(record, error)
    return ""


def _response_misfit(scan: Scan, found: InForce) -> str:
    """Return why a response cannot serve a scan; a scan that gives no spectrum at all is not its fault."""
    assert found.intensity is not None
    try:
        spectrum_of(scan, replace(found, resolution=None))
    except (CalibrationError, SpectraError) as error:
        try:
            spectrum_of(scan, InForce(axis=found.axis))
        except (CalibrationError, SpectraError):
            return ""
        return _words(found.intensity, error)
    return ""


def _words(record: CalibrationRecord, error: Exception) -> str:
    return f"the {record.kind} record {record.record_id[:12]} does not fit the scan: {error}"
