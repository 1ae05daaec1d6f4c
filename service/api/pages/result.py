"""What the page of a result shows: one scan's answer, what it rests on, and what it could not see."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...contract import Component, Identification, Quality
from ...fleet_words import minute
from ...words import TECHNIQUES
from ..flags.marks import is_open, marks_of
from ..flags.models import FlagMark
from ..results.models import DeviceRecord
from ..tables import Parcel, Result, ResultPerson, ScanFile, Screening
from .told import ReasonLine, VerdictWords, reason_lines, verdict_words

#: Lines of the plain ranking that are shown (chosen); the JSON has them all.
RANKED = 10


@dataclass(frozen=True, slots=True)
class SpotLine:
    """A result of the same screening."""

    result_id: str
    spot: int
    attempt: int
    technique: str
    verdict: VerdictWords
    received_at: str
    here: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """What the negative could not exclude."""

    substance: str
    share: float | None


@dataclass(frozen=True, slots=True)
class ResultSheet:
    """A result with all that its page says."""

    result: Result
    found: Identification
    device: DeviceRecord
    operator: str
    item: str
    screening: Screening
    sandbox: bool
    verdict: VerdictWords
    technique: str
    received_at: str
    reasons: tuple[ReasonLine, ...]
    components: tuple[Component, ...]
    limits: tuple[Limit, ...]
    facts: tuple[tuple[str, str], ...]
    digests: tuple[tuple[str, str], ...]
    spots: tuple[SpotLine, ...]
    flags: tuple[FlagMark, ...]
    under_review: bool


def result_sheet(session: Session, result: Result) -> ResultSheet:
    """Return what there is to say of a result."""
    found = Identification.model_validate_json(result.identification)
    screening = session.scalars(select(Screening).where(Screening.screening_id == result.screening_id)).one()
    parcel = session.scalars(select(Parcel).where(Parcel.parcel_id == screening.parcel_id)).one()
    person = session.get(ResultPerson, result.result_id)
    flags = marks_of(session, [result.result_id]).get(result.result_id, [])
    limits = (Limit(one.substance, one.detectable_share) for one in found.not_excluded)
    return ResultSheet(
        result=result,
        found=found,
        device=DeviceRecord.model_validate_json(result.device),
        operator=person.operator if person is not None else "",
        item=parcel.item_id or "no label",
        screening=screening,
        sandbox=parcel.sandbox,
        verdict=verdict_words(result.verdict, _about(found)),
        technique=TECHNIQUES.get(found.technique, found.technique),
        received_at=minute(result.received_at),
        reasons=reason_lines(found.reasons),
        # The watch list first, then by share: what matters to the parcel is read first.
        components=tuple(sorted(found.components, key=lambda one: (not one.watch_list, -one.spectral_share))),
        limits=tuple(sorted(limits, key=lambda one: (one.share is not None, -(one.share or 0.0)))),
        facts=_facts(found.quality),
        digests=_digests(result, found),
        spots=_spots(session, result),
        flags=tuple(flags),
        under_review=is_open(flags),
    )


def _about(found: Identification) -> list[str]:
    if found.verdict == "alarm_named":
        return [one.substance for one in found.components if one.watch_list]
    if found.verdict == "alarm_class":
        return [one.substance_class.replace("_", " ") for one in found.classes if one.detected]
    return []


def _facts(quality: Quality) -> tuple[tuple[str, str], ...]:
    low, high = quality.coverage_cm1
    return (
        ("Signal to noise", f"{quality.snr:.0f}"),
        ("Detector", "saturated" if quality.saturated else "not saturated"),
        ("Fluorescence to signal", f"{quality.fluorescence_ratio:.1f}"),
        ("Range covered", f"{low:.0f} to {high:.0f} cm⁻¹"),
        ("Explained by references", f"{quality.explained:.1%}"),
    )


def _digests(result: Result, found: Identification) -> tuple[tuple[str, str], ...]:
    made = found.provenance
    calibration = made.calibration
    pairs: tuple[tuple[str, str], ...] = (
        ("Scan", result.scan_id),
        ("Record of this result", result.record_digest),
        (f"Method {made.method.name}@{made.method.version}", made.method.digest),
        (f"Library {made.library.name}", made.library.digest),
        (f"Recipe {made.recipe.name}", made.recipe.digest),
        ("Calibration of the axis", calibration.id or "none: the device's own axis"),
        ("Intensity response", calibration.intensity or "none"),
        ("Resolution", calibration.resolution or "none"),
        ("Last verification", calibration.verification or "none"),
        ("Verified at", minute(calibration.verified_at) if calibration.verified_at else "never"),
        (
            "False alarms, promised",
            f"{made.false_alarm_rate:.3g} in a screening, {made.null_count} null spectra",
        ),
        ("Software", f"{made.software} {made.build}".strip()),
    )
    return pairs


def _spots(session: Session, result: Result) -> tuple[SpotLine, ...]:
    rows = session.execute(
        select(Result, ScanFile.spot, ScanFile.attempt)
        .join(ScanFile, ScanFile.scan_id == Result.scan_id)
        .where(Result.screening_id == result.screening_id)
        .order_by(Result.row)
    )
    return tuple(spot_line(one, spot, attempt, here=one.row == result.row) for one, spot, attempt in rows)


def spot_line(result: Result, spot: int, attempt: int, *, here: bool = False) -> SpotLine:
    """Return one result of a screening in words."""
    found = Identification.model_validate_json(result.identification)
    return SpotLine(
        result_id=result.result_id,
        spot=spot,
        attempt=attempt,
        technique=TECHNIQUES.get(found.technique, found.technique),
        verdict=verdict_words(result.verdict, _about(found)),
        received_at=minute(result.received_at),
        here=here,
    )


def chart_words(sheet: ResultSheet) -> str:
    """Return in a sentence what the overlay shows, for those who do not see it."""
    low, high = sheet.found.quality.coverage_cm1
    parts = ", ".join(one.substance for one in sheet.components)
    told = f"The scan from {low:.0f} to {high:.0f} cm⁻¹"
    return f"{told}, its fit by {parts}, and what the fit leaves over." if parts else f"{told}."
