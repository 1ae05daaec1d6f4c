"""What ``opioscan calibrate`` prints: figures for people, and the same as JSON values."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from calibration.outcomes import AxisOutcome, ResolutionOutcome, ResponseOutcome
from calibration.record import CalibrationRecord

from ..calibrating_axis import LineMoved


def page(record: CalibrationRecord, moved: Sequence[LineMoved] = ()) -> str:
    """Return a calibration for people: instrument, figures, lines before and after."""
    emulated = " EMULATED" if record.emulated else ""
    device = " ".join(part for part in (record.device_model, record.device_serial) if part)
    lines = [f"{str(record.kind).capitalize()} of {device}{emulated}"]
    outcome = record.outcome
    if isinstance(outcome, AxisOutcome):
        lines += _axis(outcome)
        lines += line_table(moved)
    elif isinstance(outcome, ResponseOutcome):
        lines += _response(outcome)
    else:
        lines += _resolution(outcome)
    return "\n".join(lines)


def line_table(moved: Sequence[LineMoved]) -> list[str]:
    """Return lines of standards, where they belong and how far off they were and are, cm⁻¹."""
    if not moved:
        return []
    width = max(len(line.standard) for line in moved)
    held = {line.standard for line in moved if line.used}
    rows = [f"  {'':{width}}  belongs    before     after   off before   off after"]
    for line in moved:
        before = "       –" if line.before_cm1 is None else f"{line.before_cm1:8.2f}"
        off = "         –" if line.off_before is None else _signed(line.off_before)
        mark = "" if line.used else "   set aside" if line.standard in held else "   check"
        rows.append(
            f"  {line.standard:{width}}  {line.reference_cm1:7.2f}  {before}  {line.after_cm1:8.2f}"
            f"  {off}  {_signed(line.off_after)}{mark}"
        )
    return rows


def answer(record: CalibrationRecord, moved: Sequence[LineMoved], kept: str, **more: Any) -> dict[str, Any]:
    """Return a calibration as JSON values; ``kept`` is its file, empty for a dry run."""
    return {
        "record_id": record.record_id,
        "record": record.to_json(),
        "kept": kept,
        "lines": [asdict(line) for line in moved],
        **more,
    }


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+10.2f}"


def _axis(outcome: AxisOutcome) -> list[str]:
    unit = "nm" if outcome.form == "pixels" else "cm⁻¹"
    digits = 3 if outcome.form == "pixels" else 2
    lines = [
        f"  {name}: {len(its)} lines matched, {sum(one.used for one in its)} used"
        for name in dict.fromkeys(line.standard for line in outcome.lines)
        if (its := [line for line in outcome.lines if line.standard == name])
    ]
    lines.append(
        f"  RMS {outcome.rms:.{digits}f} {unit}, leave one out {outcome.leave_one_out_rms:.{digits}f} {unit}"
    )
    if outcome.laser_nm is not None:
        sure = "" if outcome.laser_sigma_nm is None else f" ± {outcome.laser_sigma_nm:.3f}"
        lines.append(f"  laser line {outcome.laser_nm:.3f}{sure} nm")
    low, high = outcome.valid_range
    lines.append(
        f"  uncertainty at most {outcome.sigma_cm1:.2f} cm⁻¹ from {low:.1f} to {high:.1f} {unit}, "
        f"{outcome.pixels} channels"
    )
    return lines


def _response(outcome: ResponseOutcome) -> list[str]:
    low, high = outcome.range_cm1
    small, large = outcome.spread
    return [
        f"  {outcome.standard}, certified for {outcome.laser_nm:g} nm",
        f"  factor {small:.3f} to {large:.3f} from {low:.0f} to {high:.0f} cm⁻¹, noise {outcome.noise:.2%}",
        "  outside that range a corrected spectrum has no channels",
    ]


def _resolution(outcome: ResolutionOutcome) -> list[str]:
    width = f"{outcome.width_cm1:.2f} ± {outcome.sigma_cm1:.2f} cm⁻¹"
    return [
        f"  {outcome.standard}, band at {outcome.band_cm1:.2f} cm⁻¹, shape {outcome.shape}",
        f"  width {width}, channels of {outcome.channel_cm1:.2f} cm⁻¹",
        f"  resolution of the instrument {outcome.instrument_cm1:.2f} cm⁻¹",
    ]
