"""The page of measures: figures, progress of an operation, charts, and tables that say the same."""

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from ...fleet_words import minute
from ..measures.models import Measures, MeasuresQuery, ProgressView, RateView
from ..measures.table import csv_of
from ..measures.views import view_measures
from ..operations.models import OperationQuery
from ..operations.repository import list_operations
from ..paging import MOST
from ..problems import Problem
from ..requests import TheFetcher, ThePerson, TheStore
from ..tables import MeasureKey
from .render import render
from .reviews import age_words

router = APIRouter(include_in_schema=False)

#: How rows are put together → in words.
BY = {
    "month": "month by month",
    "week": "week by week",
    "day": "day by day",
    "site": "by site",
    "operation": "by operation",
    "bench": "by bench",
}
#: What is told besides real work.
INCLUDE = {
    "": "real work only",
    "training": "training too",
    "emulated": "emulated instruments too",
    "training,emulated": "training and emulated instruments too",
}


class PageQuery(BaseModel):
    """What the form asks for; an empty field chooses everything."""

    model_config = ConfigDict(extra="forbid")

    operation_id: UUID | Literal[""] = ""
    site: Annotated[str, Field(max_length=64)] = ""
    bench: Annotated[str, Field(max_length=128)] = ""
    since: Annotated[str, Field(max_length=10)] = ""
    until: Annotated[str, Field(max_length=10)] = ""
    by: Annotated[str, Field(max_length=16)] = "month"
    include: Annotated[str, Field(max_length=32)] = ""

    def query(self) -> MeasuresQuery:
        """Return the same as the API asks it.

        Raises
        ------
        Problem
            A field does not fit.
        """
        try:
            return MeasuresQuery.model_validate(
                {**self.model_dump(), "operation_id": self.operation_id or None}
            )
        except ValidationError as error:
            first = error.errors()[0]
            where = "/".join(str(step) for step in first["loc"]) or "question"
            raise Problem("invalid", f"{where}: {first['msg']}") from error

    def link(self, place: str) -> str:
        """Return an address that asks for the same."""
        given = {name: str(value) for name, value in self.model_dump().items() if value}
        return f"{place}?{urlencode(given)}"


@router.get("/measures")
def measures_page(person: ThePerson, store: TheStore, asked: Annotated[PageQuery, Query()]) -> Response:
    """Show what screening achieved, with exact intervals."""
    with store.database.read() as session:
        found = view_measures(session, asked.query())
        choices = _choices(session)
    return render(
        "measures.html",
        charts=True,
        found=found,
        asked=asked,
        choices=choices,
        by_words=BY,
        include_words=INCLUDE,
        data=chart_data(found),
        as_of=minute(found.as_of),
        bars=[] if found.operation is None else [_bar(one) for one in found.operation.progress],
        open_age=age_words(found.reviews.median_age_s),
        oldest_age=age_words(found.reviews.oldest_age_s),
        percent=percent,
        duration=age_words,
        role=person.role.value,
    )


@router.get("/measures/measures.csv")
def measures_file(person: TheFetcher, store: TheStore, asked: Annotated[PageQuery, Query()]) -> Response:
    """Give the rows of the page as CSV."""
    with store.database.read() as session:
        text = csv_of(view_measures(session, asked.query()))
    headers = {"Content-Disposition": 'attachment; filename="measures.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/measures/measures.json")
def measures_json(person: TheFetcher, store: TheStore, asked: Annotated[PageQuery, Query()]) -> Measures:
    """Give what the page shows as the API tells it."""
    with store.database.read() as session:
        return view_measures(session, asked.query())


def percent(rate: RateView) -> str:
    """Return a share with its exact interval, in words."""
    if rate.rate is None:
        return "nothing to count"
    return f"{100 * rate.rate:.3g} % ({100 * rate.low:.3g} to {100 * rate.high:.3g} %; {rate.k} of {rate.n})"


def chart_data(found: Measures) -> dict[str, Any]:
    """Return what the charts draw: the rows of real work, or of the first kind there is."""
    kind = min(((one.training, one.emulated) for one in found.rows), default=None)
    first = [one for one in found.rows if (one.training, one.emulated) == kind]
    return {
        "dated": found.by in {"day", "week", "month"},
        "labels": [one.label for one in first],
        "verdicts": [
            {"name": name, "kind": kind, "values": [getattr(one, kind) for one in first]}
            for name, kind in (
                ("▲ alarm, named", "alarm_named"),
                ("▲ alarm, by class", "alarm_class"),
                ("? inconclusive", "inconclusive"),
                ("○ no hold requested", "no_hold_requested"),
            )
        ],
        "rates": [
            _rate(name, [getattr(one, field) for one in first])
            for name, field in (
                ("inconclusive", "inconclusive_rate"),
                ("alarms", "alarm_rate"),
                ("non-compliant", "non_compliance_rate"),
                ("missed", "miss_rate"),
            )
        ],
    }


def _rate(name: str, rates: list[RateView]) -> dict[str, Any]:
    return {
        "name": name,
        "values": [None if one.rate is None else 100 * one.rate for one in rates],
        "low": [100 * one.low for one in rates],
        "high": [100 * one.high for one in rates],
    }


def _bar(one: ProgressView) -> dict[str, Any]:
    share = 0.0 if one.progress is None else max(0.0, min(1.0, one.progress))
    return {"one": one, "share": 1.0 if one.reached else share, "value": _figure(one, one.value)} | {
        name: _figure(one, getattr(one, name)) for name in ("low", "high", "baseline", "target")
    }


def _figure(one: ProgressView, value: float | None) -> str:
    if value is None:
        return "not known"
    if one.measure.endswith("_rate"):
        return f"{100 * value:.3g} %"
    return f"{value:.3g} s" if one.measure.endswith("_s") else f"{value:.3g}"


def _choices(session: Session) -> dict[str, list[tuple[str, str]]]:
    operations, _ = list_operations(session, OperationQuery(limit=MOST))
    places = {
        name: session.scalars(
            select(column)
            .where(MeasureKey.grain == "month", column != "")
            .distinct()
            .order_by(column)
            .limit(MOST)
        )
        for name, column in (("site", MeasureKey.site), ("bench", MeasureKey.bench))
    }
    return {
        "operation_id": [(one.operation_id, str(json.loads(one.body)["name"])) for one in operations],
        **{name: [(value, value) for value in values] for name, values in places.items()},
    }
