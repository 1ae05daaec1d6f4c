"""The counts made anew from the records: what the rollups have to equal at any time."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, delete, select
from sqlalchemy.orm import Session

from ..tables import MeasureCount, MeasuredScreening, MeasureHour, MeasureKey, Parcel, table_of
from .facts import BATCH, Fact, Key, facts_of
from .grains import slots_of
from .instruments import all_checks, counts_of, place_check, unplaced
from .places import place_of
from .rollup import ACTIVE, Moves, recount

#: Grain, period, site, operation, bench, training, emulated and metric → how many.
Counts = Counter[tuple[str, str, str, str, str, bool, bool, str]]


def recompute(session: Session) -> Counts:
    """Return what the counts have to be, from the records alone; nothing that is 0."""
    total: Counts = Counter()
    hours: set[tuple[Key, int]] = set()
    for fact in all_facts(session):
        for metric, n in fact.counts.items():
            _add(total, fact.key, metric, n)
        hours.add((fact.key, fact.hour))
    for key, _ in hours:
        _add(total, key, ACTIVE, 1)
    for (key, metric), n in counts_of(all_checks(session)).items():
        _add(total, key, metric, n)
    return Counter({place: n for place, n in total.items() if n})


def kept(session: Session) -> Counts:
    """Return what the counts are; nothing that is 0."""
    names = ("grain", "period", "site", "operation_id", "bench", "training", "emulated")
    wanted = (
        select(*(getattr(MeasureKey, name) for name in names), MeasureCount.metric, MeasureCount.n)
        .join(MeasureCount, MeasureCount.key_row == MeasureKey.row)
        .where(MeasureCount.n != 0)
        .execution_options(yield_per=5000)
    )
    return Counter({tuple(row[:-1]): row[-1] for row in session.execute(wanted)})


def wrong_counts(session: Session) -> list[tuple[str, str]]:
    """Return where the counts are not what the records say, and how, in words; empty where all is well."""
    due, found = recompute(session), kept(session)
    return [
        (
            " ".join(str(part) for part in place if part not in {"", True, False}),
            f"{found[place]} for {due[place]}",
        )
        for place in sorted(due.keys() | found.keys())
        if due[place] != found[place]
    ]


def check_measures(connection: Connection) -> Iterator[tuple[str, str]]:
    """Make the counts again, for `opioscan audit verify`, and yield what differs."""
    with Session(connection) as session:
        for place, words in wrong_counts(session):
            yield f"measure_counts/{place}", f"say {words}"


def rebuild(session: Session) -> None:
    """Throw the counts away and make them anew from the records."""
    for model in (MeasureHour, MeasureCount, MeasuredScreening):
        session.execute(delete(table_of(model)))
    for batch in _parcels(session):
        recount(session, batch)
    for scan_id, bench, at in unplaced(session):
        place_check(session, scan_id, bench, at)
    moves = Moves()
    for (key, metric), n in counts_of(all_checks(session)).items():
        moves.counts[place_of(session, key), metric] += n
    moves.make(session)


def all_facts(session: Session) -> Iterator[Fact]:
    """Yield every screening that counts, with what it adds."""
    for batch in _parcels(session):
        yield from facts_of(session, batch).values()


def _parcels(session: Session) -> Iterator[list[str]]:
    last = 0
    while True:
        wanted = select(Parcel.row, Parcel.parcel_id).where(Parcel.row > last)
        rows = session.execute(wanted.order_by(Parcel.row).limit(BATCH)).all()
        if not rows:
            return
        last = rows[-1].row
        yield [one.parcel_id for one in rows]


def _add(total: Counts, key: Key, metric: str, n: int) -> None:
    for slot in slots_of(key.day, key.bench):
        place = (slot.grain.value, slot.period, key.site, key.operation_id, slot.bench)
        total[*place, key.training, key.emulated, metric] += n
