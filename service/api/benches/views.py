"""A bench, seen as it stands now."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from ..tables import Bench
from .models import BenchView
from .repository import last_report
from .states import Fleet, judge, skew_s, training_of


def view_bench(session: Session, bench: Bench, fleet: Fleet, now: datetime | None = None) -> BenchView:
    """Return a bench as it goes over the wire, judged at a moment (default: now)."""
    now = now or datetime.now(UTC)
    report, received = last_report(session, bench)
    standing = judge(report, received, now, fleet)
    return BenchView(
        bench=bench.bench,
        state=standing.states[0],
        states=list(standing.states),
        reasons=list(standing.reasons),
        training=training_of(report),
        emulated=any(one.emulated for one in report.devices),
        received_at=received.isoformat().replace("+00:00", "Z"),
        silent_for_s=max(0.0, (now - received).total_seconds()),
        clock_skew_s=skew_s(report, received),
        first_at=bench.first_at,
        changed_at=bench.changed_at,
        report=report,
    )
