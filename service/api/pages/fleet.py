"""What the page of the fleet shows: the worst first."""

from sqlalchemy.orm import Session

from ...fleet_words import BenchLine, bench_line, gravest_first, newest_line, tally
from ..benches.repository import all_benches, fleet_of
from ..benches.views import view_bench
from ..settings import ServerSettings


def fleet_lines(session: Session, settings: ServerSettings) -> tuple[str, str, list[BenchLine]]:
    """Return how many benches stand how, the newest method, and every bench, the gravest first."""
    fleet = fleet_of(session, settings)
    views = [view_bench(session, one, fleet).model_dump(mode="json") for one in all_benches(session)]
    newest = None if fleet.newest is None else fleet.newest.model_dump(mode="json")
    return tally(views), newest_line(newest), [bench_line(one) for one in gravest_first(views)]
