"""What ``opioscan calibration`` says of records: a line in a list, a screen for one, the same as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from calibration.comparing import in_wavelengths
from calibration.outcomes import AxisOutcome, LineFit, ResponseOutcome
from calibration.record import CalibrationRecord

from ..calibration_states import Listed, State

#: What each line of an axis was off by before, None where nobody can tell; empty for other kinds.
Before = Sequence[float | None]

#: Lines of a standard shown on the terminal; the JSON has all.
MOST_LINES = 60

_STATES = {
    State.IN_FORCE: "in force",
    State.SUPERSEDED: "superseded",
    State.WITHDRAWN: "WITHDRAWN",
    State.EXPIRED: "EXPIRED",
}


def figures(record: CalibrationRecord) -> str:
    """Return the figures of a record in one line."""
    outcome = record.outcome
    if isinstance(outcome, AxisOutcome):
        used, unit = sum(line.used for line in outcome.lines), _unit(outcome)
        laser = f", laser {outcome.laser_nm:.3f} nm" if outcome.laser_nm is not None else ""
        words = f"{used} lines, RMS {outcome.rms:.3f} {unit} (leave-one-out {outcome.leave_one_out_rms:.3f})"
        return f"{words}, ± {outcome.sigma_cm1:.2f} cm⁻¹{laser}"
    if isinstance(outcome, ResponseOutcome):
        low, high = outcome.range_cm1
        least, most = outcome.spread
        return f"{low:.0f} to {high:.0f} cm⁻¹, factor {least:.2f} to {most:.2f}, noise {outcome.noise:.2%}"
    return f"{outcome.width_cm1:.2f} ± {outcome.sigma_cm1:.2f} cm⁻¹ at {outcome.band_cm1:g} cm⁻¹"


def brief(record: CalibrationRecord) -> str:
    """Return the figure that matters most, for a list."""
    outcome = record.outcome
    if isinstance(outcome, AxisOutcome):
        return f"RMS {outcome.rms:.3f} {_unit(outcome)}, ± {outcome.sigma_cm1:.2f} cm⁻¹"
    if isinstance(outcome, ResponseOutcome):
        return f"{outcome.range_cm1[0]:.0f}–{outcome.range_cm1[1]:.0f} cm⁻¹, noise {outcome.noise:.1%}"
    return f"{outcome.width_cm1:.2f} ± {outcome.sigma_cm1:.2f} cm⁻¹"


def listed_json(one: Listed) -> dict[str, Any]:
    """Return a row of the list for programs: everything but the tables of the outcome."""
    record, gone = one.record, one.withdrawal
    return {
        "record_id": one.record_id,
        "kind": str(record.kind),
        "device": record.device_serial,
        "model": record.device_model,
        "made_at": record.made_at,
        "valid_until": record.valid_until,
        "operator": record.operator,
        "standards": [standard.name for standard in record.standards],
        "figures": figures(record),
        "state": str(one.state),
        "superseded_by": one.superseded_by,
        "withdrawn": None if gone is None else {"why": gone.why, "by": gone.by, "at": gone.at},
        "emulated": record.emulated,
    }


def listed_row(one: Listed) -> tuple[str, ...]:
    """Return a row of the list for people."""
    record = one.record
    return (
        one.record_id[:12],
        f"{record.device_model} {record.device_serial}".strip(),
        str(record.kind),
        _minute(record.made_at),
        f"until {record.valid_until[:10]}" if record.valid_until else "no end",
        "+".join(standard.name for standard in record.standards)[:28],
        brief(record),
        _STATES[one.state] + ("  EMULATED" if record.emulated else ""),
    )


def page(one: Listed, before: Before) -> Iterator[str]:
    """Return one record on a screen; ``before`` says what each line of an axis was off by before it."""
    record = one.record
    mark = "   EMULATED" if record.emulated else ""
    yield f"{record.kind} of {record.device_model} {record.device_serial}{mark}".replace("  ", " ")
    yield f"  state       {_STATES[one.state]}{_why(one)}"
    yield f"  found       {figures(record)}"
    yield f"  made        {record.made_at}{f' by {record.operator}' if record.operator else ''}"
    yield f"  valid until {record.valid_until or 'no end'}"
    if record.temperature_c is not None:
        yield f"  temperature {record.temperature_c:g} °C"
    for standard in record.standards:
        certificate = f", certificate {standard.certificate}" if standard.certificate else ""
        expires = f", until {standard.expires_on}" if standard.expires_on else ""
        yield f"  standard    {standard.name}{certificate}{expires}"
    if record.note:
        yield f"  note        {record.note}"
    yield from _outcome_lines(record, before)
    for scan in record.scans:
        yield f"  scan        {scan}"
    if record.supersedes:
        yield f"  supersedes  {record.supersedes}"
    yield f"  record      {one.record_id}"


def _outcome_lines(record: CalibrationRecord, before: Before) -> Iterator[str]:
    outcome = record.outcome
    if isinstance(outcome, AxisOutcome):
        low, high = outcome.valid_range
        terms = ", ".join(f"{value:.9g}" for value in outcome.coefficients)
        yield f"  axis        {outcome.form}, {outcome.pixels} channels, coefficients {terms}"
        yield f"  lines       {low:.2f} to {high:.2f} {_unit(outcome)}; beyond them the axis is extrapolated"
        place = "pixel" if outcome.form == "pixels" else "cm⁻¹"
        yield f"              standard          belongs at  found at / {place:5} ±          before     after"
        for line, was in list(zip(outcome.lines, before, strict=True))[:MOST_LINES]:
            yield _line(line, was, outcome)
        if len(outcome.lines) > MOST_LINES:
            yield f"              and {len(outcome.lines) - MOST_LINES} more: --json has all"
    elif isinstance(outcome, ResponseOutcome):
        yield f"  curve       {outcome.standard}, {len(outcome.factor)} points, laser {outcome.laser_nm:g} nm"
    else:
        yield (
            f"  band        {outcome.standard}, {outcome.shape}; instrument alone "
            f"{outcome.instrument_cm1:.2f} cm⁻¹, channels {outcome.channel_cm1:.2f} cm⁻¹ apart"
        )


def _line(line: LineFit, was: float | None, outcome: AxisOutcome) -> str:
    unit = "nm" if in_wavelengths(line, outcome) else "cm⁻¹"
    before = "        –" if was is None else f"{was:+9.3f}"
    aside = "" if line.used else "   not used"
    name = line.standard[:16].ljust(16)
    return (
        f"              {name} {line.reference:11.3f} {line.found:12.3f} ± {line.sigma:6.3f}  {before} "
        f"{line.residual:+9.3f} {unit}{aside}"
    )


def _why(one: Listed) -> str:
    if one.withdrawal is not None:
        gone = one.withdrawal
        return f" at {gone.at} by {gone.by}: {gone.why}"
    if one.superseded_by:
        return f" by {one.superseded_by[:12]}"
    return ": recalibrate the device" if one.state is State.EXPIRED else ""


def _unit(outcome: AxisOutcome) -> str:
    return "nm" if outcome.form == "pixels" else "cm⁻¹"


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")
