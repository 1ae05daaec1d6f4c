"""The counts equal what the records say, whatever happened in whatever order."""

import contextlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from service.api.change import Change
from service.api.database import Database
from service.api.dispositions.models import DispositionBody
from service.api.dispositions.repository import record_disposition
from service.api.events.chain import canonical
from service.api.flags.models import FlagBody
from service.api.flags.repository import find_flag, raise_flag, review_flag
from service.api.links.repository import move_screening
from service.api.measures.recompute import kept, rebuild, wrong_counts
from service.api.parcels.merging import merge_parcel
from service.api.permissions import Role
from service.api.requests import Caller
from service.api.reviews.drawing import draw_check
from service.api.reviews.models import AnswerBody
from service.api.reviews.repository import answer, ask
from service.api.s10 import ItemIdType
from service.api.sandbox.repository import make_parcel
from service.api.screenings.bodies import ScreeningBody
from service.api.screenings.repository import (
    amend_screening,
    complete_screening,
    find_screening,
    open_for,
    open_screening,
)
from service.api.tables import Base, MeasureCount, Parcel, Result, Review, ScanFile, Screening
from service.api.tokens.repository import create_token
from service.api.verifications.models import VerificationBody
from service.api.verifications.repository import keep_verification

VERDICTS = ("no_alarm", "inconclusive", "alarm_named", "alarm_class")
LABORATORY = {"substance": "fentanyl", "method": "GC-MS", "reference": "", "at": "2026-11-24T09:00:00Z"}
STEP = st.tuples(
    st.sampled_from(
        (
            *(
                "open",
                "open",
                "result",
                "result",
                "result",
                "complete",
                "complete",
                "ask",
                "answer",
                "answer",
            ),
            *("flag", "close_flag", "verify", "relink", "merge", "dispose"),
        )
    ),
    st.integers(0, 2**30),
)


class History:
    """Things that happen to a database, each chosen by a number."""

    def __init__(self, change: Change, identify: Callable[..., dict[str, Any]], caller: Caller) -> None:
        self.change, self.identify, self.caller = change, identify, caller
        self.flags: list[str] = []

    def _any(self, table: type[Base], number: int) -> Any:
        rows = self.change.session.scalars(select(table).order_by(table.row)).all()
        return rows[number % len(rows)] if rows else None

    def at(self, number: int) -> None:
        hour, second = number % 40, number % 3600
        day, hour = 21 + number % 12, hour % 24
        month, day = (11, day) if day <= 30 else (12, day - 30)
        self.change.now = f"2026-{month:02}-{day:02}T{hour:02}:{second // 60:02}:{second % 60:02}.000000Z"

    def open(self, number: int) -> None:
        site = ("", "ISC-B", "ISC-A")[number % 3]
        body = ScreeningBody(
            item_id=f"P{number % 5}", item_id_type=ItemIdType.CARRIER, bench=f"b{number % 2}", site=site
        )
        if number % 9 == 0:
            open_for(self.change, str(uuid.uuid4()), make_parcel(self.change), body, "")
        else:
            open_screening(self.change, str(uuid.uuid4()), body)

    def _row(self, parcel_id: str) -> int:
        return self.change.session.scalars(select(Parcel.row).where(Parcel.parcel_id == parcel_id)).one()

    def result(self, number: int) -> None:
        screening = self._any(Screening, number)
        if screening is None:
            return
        session, scan_id, name = self.change.session, uuid.uuid4().hex * 2, str(uuid.uuid4())
        verdict, training, emulated = VERDICTS[number % 4], number % 5 == 0, number % 7 == 0
        session.add(
            ScanFile(
                scan_id=scan_id, size=1, role="sample", screening_id=screening.screening_id, spot=1,
                attempt=number, emulated=emulated, taken_at=self.change.now, received_at=self.change.now,
            )
        )  # fmt: skip
        session.flush()
        found = self.identify(scan_id, verdict, training=training)
        late = screening.state != "open"
        result = Result(
            result_id=name, screening_id=screening.screening_id, parcel_id=screening.parcel_id, scan_id=scan_id,
            verdict=verdict, training=training, emulated=emulated, late=late, identification=canonical(found),
            device=json.dumps({"model": "STS", "serial": "S1"}), record_digest="", received_at=self.change.now,
        )  # fmt: skip
        session.add(result)
        names = ("result_id", "screening_id", "parcel_id", "training", "emulated", "late")
        self.change.record("result.accepted", f"results/{name}", {one: getattr(result, one) for one in names})
        if late:
            amend_screening(self.change, screening)

    def complete(self, number: int) -> None:
        screening = self._any(Screening, number)
        if screening is None or not self._results(screening):
            return
        if screening.state == "open":
            complete_screening(self.change, screening)
            draw_check(self.change, screening, 0.5)

    def _results(self, screening: Screening) -> bool:
        wanted = select(Result.row).where(Result.screening_id == screening.screening_id)
        return self.change.session.scalar(wanted.limit(1)) is not None

    def ask(self, number: int) -> None:
        result = self._any(Result, number)
        if result is None:
            return
        screening = find_screening(self.change.session, result.screening_id)
        parcel = self.change.session.get_one(Parcel, self._row(screening.parcel_id))
        if not parcel.sandbox:
            ask(self.change, "referral", screening, result=result, training=False, emulated=False)

    def answer(self, number: int) -> None:
        review = self._any(Review, number)
        if review is None:
            return
        confirmed = (True, False, None)[number % 3]
        body = (
            {"outcome": "agree"},
            {"outcome": "note", "note": "wait"},
            {"outcome": "laboratory", "confirmed": confirmed, "laboratory": LABORATORY},
        )[number // 3 % 3]
        answer(self.change, self.caller, review, AnswerBody.model_validate(body))

    def flag(self, number: int) -> None:
        results = [
            one for one in (self._any(Result, number), self._any(Result, number // 7)) if one is not None
        ]
        if not results:
            return
        flag_id = str(uuid.uuid4())
        body = FlagBody.model_validate(
            {
                "flag_id": flag_id, "reason": "verification_failed", "device": "STS/S1", "verification": "a" * 64,
                "since": "", "until": "2026-11-22T08:00:00Z", "result_ids": [one.result_id for one in results],
            }
        )  # fmt: skip
        raise_flag(self.change, self.caller, body)
        self.flags.append(flag_id)

    def close_flag(self, number: int) -> None:
        if self.flags:
            flag = find_flag(self.change.session, self.flags[number % len(self.flags)])
            assert flag is not None
            review_flag(self.change, self.caller, flag, "seen")

    def verify(self, number: int) -> None:
        body = VerificationBody(
            device="STS/S1", standard="x", passed=number % 3 > 0, at="2026-11-22T08:00:00Z", outcome={},
            bench=f"b{number % 3}",
        )  # fmt: skip
        keep_verification(self.change, self.caller, uuid.uuid4().hex * 2, body)

    def relink(self, number: int) -> None:
        screening, parcel = self._any(Screening, number), self._any(Parcel, number // 3)
        if screening is None:
            return
        was = self.change.session.get_one(Parcel, self._row(screening.parcel_id))
        if parcel.merged_into is None and was.sandbox == parcel.sandbox:
            move_screening(self.change, screening, parcel, reference="", why="wrong label")

    def merge(self, number: int) -> None:
        one, other = self._any(Parcel, number), self._any(Parcel, number // 3)
        if one is None or one.sandbox or other.sandbox or one is other:
            return
        if one.merged_into is None and other.merged_into is None:
            merge_parcel(self.change, self.caller, one, other, "one item")

    def dispose(self, number: int) -> None:
        parcel = self._any(Parcel, number)
        if parcel is not None and parcel.merged_into is None:
            body = DispositionBody.model_validate(
                {
                    "decision": ("released", "seized")[number % 2],
                    "compliant": (True, False, None)[number % 3],
                    "decided_at": "2026-11-22T08:00:00Z",
                }
            )
            record_disposition(self.change, self.caller, parcel, body)


class Enough(Exception):
    """Ends a transaction without keeping anything."""


@given(steps=st.lists(STEP, min_size=10, max_size=60))
@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_the_counts_are_those_of_the_records(
    database: Database, new_identification: Any, steps: list[tuple[str, int]]
) -> None:
    with contextlib.suppress(Enough), database.write("test") as change:
        _, token = create_token(change, Role.TECHNICIAN)
        history = History(change, new_identification, Caller(token.token_id, Role.TECHNICIAN))
        for name, number in steps:
            history.at(number)
            getattr(history, name)(number)
            assert wrong_counts(change.session) == [], (name, number)
        before = kept(change.session)
        rebuild(change.session)
        assert kept(change.session) == before
        raise Enough


def test_a_wrong_count_is_named(database: Database, new_identification: Any) -> None:
    with database.write("test") as change:
        History(change, new_identification, Caller("t", Role.TECHNICIAN)).open(1)
        count = change.session.scalars(select(MeasureCount).where(MeasureCount.metric == "opened")).first()
        assert count is not None
        count.n += 1
        change.session.flush()
        ((place, words),) = wrong_counts(change.session)
    assert place.endswith("ISC-B b1 opened")
    assert words == "2 for 1"
