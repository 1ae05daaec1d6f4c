"""Looking again: from what was kept of a result to the answer it gives now."""

from calibration.errors import CalibrationError
from spectra.answer import Identification, InstrumentState
from spectra.digest import json_digest
from spectra.errors import SpectraError
from spectra.method import Method

from ..errors import EvidenceDamaged, EvidenceMissing
from ..looking import look_at
from .inputs import Answer, Inputs


def look_again(inputs: Inputs, method: Method) -> Identification:
    """Identify a recorded scan again, by the method it was identified with.

    Of the instrument's state at the time the record's own word is taken (`state_of`): a verification is
    judged when a scan is made, by clock and temperature, and cannot be judged again.

    Raises
    ------
    EvidenceMissing
        The method is another one.
    EvidenceDamaged
        The scan, its blank and its records make no spectrum together.
    """
    said = inputs.identification
    if method.digest != said["provenance"]["method"]["digest"]:
        raise EvidenceMissing("the method is not the one that the result names")
    try:
        return look_at(
            inputs.scan,
            method,
            records=inputs.records,
            blank=inputs.blank,
            state=state_of(said),
            scan_id=said["scan_id"],
            now=said["created_at"],
        )
    except (SpectraError, CalibrationError) as error:
        raise EvidenceDamaged(f"the scan of the result cannot be identified again: {error}") from error


def state_of(said: Answer) -> InstrumentState:
    """Return how far the instrument was trusted when an answer was given, as its reasons tell."""
    cited, reasons = said["provenance"]["calibration"], said["reasons"]
    axis = "overdue" if "axis_unverified" in reasons else "verified"
    return InstrumentState(
        axis="failed" if "verification_failed" in reasons else axis,
        calibration_id=cited["id"],
        verified_at=cited["verified_at"],
        calibration_expired="calibration_expired" in reasons,
        method_stale="method_stale" in reasons,
        verification_id=cited.get("verification", ""),
        intensity_id=cited.get("intensity", ""),
        resolution_id=cited.get("resolution", ""),
    )


def answer_digest(said: Answer) -> str:
    """Return the digest of an answer: RFC 8785 without ``created_at``."""
    return json_digest({name: value for name, value in said.items() if name != "created_at"})
