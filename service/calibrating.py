"""From what a calibration found to the record that is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from calibration.errors import WrongDevice
from calibration.outcomes import AxisOutcome, Outcome, ResponseOutcome
from calibration.record import CalibrationRecord, Kind, StandardUsed

from .calibration_sources import Source
from .calibrations import Calibrations
from .errors import UsageError

#: Days a calibration may be used where nobody says otherwise; chosen.
VALID_DAYS = 90
#: Longest validity, days.
MAX_DAYS = 3660


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What people say of a calibration."""

    operator: str
    """Who made it."""
    serial: str = ""
    """Serial number where the measurements name none."""
    valid_days: int = VALID_DAYS
    """Days it may be used."""
    certificates: Mapping[str, str] = field(default_factory=dict)
    """Certificate by standard; under the empty name that of the one that holds the answer."""
    expiries: Mapping[str, str] = field(default_factory=dict)
    """Until when each holds, RFC 3339 date."""
    note: str = ""
    """What the operator wants remembered."""

    def __post_init__(self) -> None:
        if not 1 <= self.valid_days <= MAX_DAYS:
            raise UsageError(f"--valid-days {self.valid_days}: write 1 to {MAX_DAYS}")
        for name, text in self.expiries.items():
            try:
                last = date.fromisoformat(text)
            except ValueError:
                raise UsageError(f"--certificate-expires {text!r}: write a date such as 2027-06-30") from None
            if last < datetime.now(UTC).date():
                raise UsageError(f"the certificate of {name or 'the standard'} expired on {text}")

    def standards(self, names: Sequence[str]) -> tuple[StandardUsed, ...]:
        """Return the standards used, the last of them the one whose certificate needs no name.

        Raises
        ------
        UsageError
            A certificate of something that was not used.
        """
        keys = {key for name in names for key in _keys(name)}
        told = {*self.certificates, *self.expiries} - {"", *keys}
        if told:
            raise UsageError(f"a certificate of {', '.join(sorted(told))}: used were {', '.join(names)}")
        return tuple(
            StandardUsed(
                name,
                _of(self.certificates, name, last=name == names[-1]),
                _of(self.expiries, name, last=name == names[-1]),
            )
            for name in names
        )


def record_of(
    outcome: Outcome,
    sources: Sequence[Source],
    standards: Sequence[str],
    papers: Papers,
    store: Calibrations,
    *,
    supersede: bool = True,
) -> CalibrationRecord:
    """Return the record of a calibration; nothing is kept.

    Parameters
    ----------
    outcome
        What was found.
    sources
        What it was found in, all of one instrument.
    standards
        Names of lamps and standards, the one that holds the answer last.
    papers
        What people say of it.
    store
        Records so far.
    supersede
        Whether the one in force is superseded.

    Raises
    ------
    WrongDevice
        The measurements are of several instruments.
    UsageError
        Nothing says of which instrument they are.
    """
    serial = serial_of(sources, papers.serial)
    kind = kind_of(outcome)
    now = datetime.now(UTC)
    before = getattr(store.in_force(serial), str(kind))
    temperatures = [one.temperature_c for one in sources if one.temperature_c is not None]
    return CalibrationRecord(
        kind=kind,
        device_serial=serial,
        device_model=next((one.model for one in sources if one.model), ""),
        outcome=outcome,
        standards=papers.standards(standards),
        scans=tuple(dict.fromkeys(one.digest for one in sources)),
        made_at=_rfc3339(now),
        valid_until=_rfc3339(now + timedelta(days=papers.valid_days)),
        operator=papers.operator,
        temperature_c=round(sum(temperatures) / len(temperatures), 2) if temperatures else None,
        supersedes=before.record_id if supersede and before is not None else "",
        emulated=any(one.emulated for one in sources),
        note=papers.note,
    )


def kind_of(outcome: Outcome) -> Kind:
    """Return what kind of calibration an outcome is of."""
    if isinstance(outcome, AxisOutcome):
        return Kind.AXIS
    return Kind.INTENSITY if isinstance(outcome, ResponseOutcome) else Kind.RESOLUTION


def serial_of(sources: Sequence[Source], told: str = "") -> str:
    """Return the serial number of the instrument that made the measurements.

    Raises
    ------
    WrongDevice
        They are of several instruments, or of another one than was said.
    UsageError
        Nothing says of which.
    """
    named = {one.serial for one in sources if one.serial} | ({told} if told else set())
    if len(named) > 1:
        raise WrongDevice(f"these are measurements of several instruments: {', '.join(sorted(named))}")
    if not named:
        raise UsageError("the files name no serial number: say --serial, a record belongs to one instrument")
    return named.pop()


def _keys(name: str) -> tuple[str, str]:
    """Return how a standard may be called: ``srm 2241``, or by its first word alone."""
    return name.lower(), name.lower().split()[0]


def _of(table: Mapping[str, str], name: str, *, last: bool) -> str:
    for key in (*_keys(name), *([""] if last else [])):
        if key in table:
            return table[key]
    return ""


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
