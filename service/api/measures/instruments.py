"""Checks of instruments in the counts: under the day they were told of, at the site where the bench works."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ..operations.repository import running_operation
from ..tables import MeasuredVerification, MeasureKey, ScanFile, Verification, table_of
from .facts import BATCH, Key

_MEASURED = table_of(MeasuredVerification)


@dataclass(frozen=True, slots=True)
class Check:
    """A verification, counted."""

    scan_id: str
    key: Key
    passed: bool

    @property
    def metric(self) -> str:
        """What it is counted as."""
        return "verification.passed" if self.passed else "verification.failed"


def place_check(session: Session, scan_id: str, bench: str, now: str) -> None:
    """Note where an instrument stands that was just checked: where its bench last opened a screening."""
    last = (
        select(MeasureKey.site)
        .where(MeasureKey.bench == bench, MeasureKey.grain == "day")
        .order_by(MeasureKey.period.desc(), MeasureKey.row.desc())
    )
    site = session.scalar(last.limit(1)) or ""
    emulated = session.scalar(select(ScanFile.emulated).where(ScanFile.scan_id == scan_id))
    session.execute(
        insert(_MEASURED).values(
            scan_id=scan_id,
            site=site,
            operation_id=running_operation(session, site, now) or "",
            emulated=bool(emulated),
        )
    )


def check_of(session: Session, scan_id: str) -> Check:
    """Return one verification, counted."""
    (found,) = _checks(session, [scan_id])
    return found


def all_checks(session: Session) -> Iterator[Check]:
    """Yield every verification whose place is noted, in the order in which they came."""
    last = 0
    while True:
        wanted = select(Verification.row, Verification.scan_id).where(Verification.row > last)
        rows = session.execute(wanted.order_by(Verification.row).limit(BATCH)).all()
        if not rows:
            return
        last = rows[-1].row
        yield from _checks(session, [one.scan_id for one in rows])


def unplaced(session: Session) -> list[tuple[str, str, str]]:
    """Return scan, bench and time of verifications of before places were noted."""
    wanted = (
        select(Verification.scan_id, Verification.body, Verification.received_at)
        .outerjoin(MeasuredVerification, MeasuredVerification.scan_id == Verification.scan_id)
        .where(MeasuredVerification.scan_id.is_(None))
        .order_by(Verification.row)
    )
    return [(scan_id, json.loads(body)["bench"], at) for scan_id, body, at in session.execute(wanted)]


def counts_of(checks: Iterable[Check]) -> Counter[tuple[Key, str]]:
    """Return how many there are of what."""
    return Counter((one.key, one.metric) for one in checks)


def _checks(session: Session, scan_ids: list[str]) -> list[Check]:
    wanted = (
        select(
            *(Verification.scan_id, Verification.passed, Verification.body, Verification.received_at),
            *(MeasuredVerification.site, MeasuredVerification.operation_id, MeasuredVerification.emulated),
        )
        .join(MeasuredVerification, MeasuredVerification.scan_id == Verification.scan_id)
        .where(Verification.scan_id.in_(scan_ids))
        .order_by(Verification.row)
    )
    return [
        Check(
            one.scan_id,
            Key(
                *(one.received_at[:10], one.site, one.operation_id, json.loads(one.body)["bench"]),
                training=False,
                emulated=one.emulated,
            ),
            one.passed,
        )
        for one in session.execute(wanted)
    ]
