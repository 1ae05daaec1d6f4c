"""Steps of the database compute what they computed when they were written, and import nothing that may change."""

import ast
import random
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.api import migrating
from service.api.database import Database
from service.api.measures.recompute import kept, wrong_counts
from service.api.migrations.frozen.measures_0006 import Counting
from service.api.migrations.frozen.uses_0003 import uses_of
from service.api.permissions import Role
from service.api.requests import Caller
from service.api.screenings.repository import complete_screening
from service.api.tables import Screening
from service.api.tokens.repository import create_token
from service.uses import uses_of as uses_now

from .test_measures_follow import History

STEPS = Path(migrating.__file__).parent / "migrations"
#: What a step may use of the rest: how the database keeps rows, and the chain, whose form is kept for ever.
ALLOWED = {
    *("service.api.tables.base", "service.api.migrations.immutable", "service.api.clock"),
    *("service.api.events", "service.api.events.paging", "service.api.events.sealing"),
}
DERIVED = ("measured_verifications", "measured_screenings", "measure_hours", "measure_counts", "measure_keys")
KINDS = (
    "open",
    "open",
    "result",
    "result",
    "complete",
    "flag",
    "close_flag",
    "verify",
    "relink",
    "merge",
    "dispose",
)


class Earlier(History):
    """What could happen before there were reviews."""

    def complete(self, number: int) -> None:
        screening = self._any(Screening, number)
        if screening is not None and self._results(screening) and screening.state == "open":
            complete_screening(self.change, screening)


def noted(session: Session) -> set[Any]:
    """Return what is noted of each screening, by what its key says and not by the key's number."""
    wanted = """SELECT m.screening_id, m.parcel_id, m.opened_at, m.counted, k.grain, k.period, k.site,
        k.operation_id, k.bench, k.training, k.emulated
        FROM measured_screenings m JOIN measure_keys k ON k.row = m.key_row"""
    return {tuple(row) for row in session.execute(sa.text(wanted))}


def test_the_counts_of_step_0006_are_those_of_the_records(place: Path | str, new_identification: Any) -> None:
    chosen = random.Random(7)  # noqa: S311
    with Database(place) as database, database.write("test") as change:
        _, token = create_token(change, Role.TECHNICIAN)
        history = Earlier(change, new_identification, Caller(token.token_id, Role.TECHNICIAN))
        for _ in range(60):
            number = chosen.randrange(2**30)
            history.at(number)
            getattr(history, chosen.choice(KINDS))(number)
        session = change.session
        due, rows = kept(session), noted(session)
        assert len(due) > 50
        for name in DERIVED:
            session.execute(sa.text(f"DELETE FROM {name}"))  # noqa: S608
        Counting(session.connection()).run()
        session.expire_all()
        assert wrong_counts(session) == []
        assert noted(session) == rows
        checks = sum(n for place_, n in due.items() if place_[-1].startswith("verification."))
        assert (
            sum(n for place_, n in kept(session).items() if place_[-1].startswith("verification.")) == checks
        )


def test_the_uses_of_step_0003_are_those_of_then(new_identification: Any) -> None:
    found, device = new_identification("a" * 64), {"model": "STS", "serial": "S1"}
    now = {(use.kind, use.value, use.part) for use in uses_now(found, device)}
    assert set(uses_of(found, device)) == now


@pytest.mark.parametrize("path", sorted(STEPS.rglob("0*.py")) + sorted(STEPS.glob("frozen/*.py")))
def test_steps_import_nothing_that_may_change(path: Path) -> None:
    names = {
        one.module or "" for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.ImportFrom)
    } | {
        name.name
        for one in ast.walk(ast.parse(path.read_text()))
        if isinstance(one, ast.Import)
        for name in one.names
    }
    ours = {name for name in names if name.split(".")[0] in {"service", "spectra", "library", "calibration"}}
    assert ours - ALLOWED <= {name for name in ours if name.startswith("service.api.migrations.frozen.")}
