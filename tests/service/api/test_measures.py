"""Measures over HTTP: counts, exact intervals, baselines, CSV, and the page."""

import csv
import io
import re
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from service.api.measures import progress
from service.api.measures.durations import LAST, bin_of, middle_of, quantiles
from service.api.measures.grains import week_of
from service.api.measures.models import Measures, MeasuresQuery
from service.api.measures.rates import poisson_interval, rate
from service.api.measures.repository import period_of
from service.api.pages.measures import chart_data
from service.api.permissions import Role

EVERYTHING = "include=training,emulated"


@pytest.fixture
def site() -> str:
    return f"S-{uuid.uuid4().hex[:8]}"


def measures(server: Any, query: str, role: Role = Role.OFFICER) -> dict[str, Any]:
    answer = server.api("GET", f"/measures?{query}", role)
    assert answer.status_code == 200, answer.text
    return answer.json()


def screen(bench: Any, site: str, verdict: str, *, item: str = "", complete: bool = True) -> dict[str, Any]:
    screening_id = str(uuid.uuid4())
    label = {"item_id": item or uuid.uuid4().hex, "item_id_type": "carrier"}
    body = {**label, "bench": "=1+1", "site": site}
    assert bench.served.api("PUT", f"/screenings/{screening_id}", json=body).status_code == 201
    bench.result(screening_id, verdict)
    return bench.complete(screening_id) if complete else bench.screening(screening_id)


def dispose(server: Any, parcel_id: str, *, compliant: bool | None) -> None:
    body = {"decision": "seized", "compliant": compliant, "decided_at": "2026-11-22T08:00:00Z"}
    answer = server.api("POST", f"/parcels/{parcel_id}/dispositions", Role.PARCEL_SYSTEM, json=body)
    assert answer.status_code == 201, answer.text


def test_counts_rates_and_progress(server: Any, bench: Any, site: str) -> None:
    plan = {
        "name": "Autumn mail",
        "sites": [site],
        "starts_at": "2026-01-01T00:00:00Z",
        "baseline": {"non_compliance_rate": 0.001, "inconclusive_rate": 0.3, "source": "October"},
        "targets": {"non_compliance_rate": 0.5, "screened_per_day": 100},
    }
    operation = server.api("POST", "/operations", Role.ADMIN, json=plan).json()["operation_id"]
    item = uuid.uuid4().hex
    seen = [
        screen(bench, site, verdict) for verdict in ("no_alarm", "no_alarm", "alarm_named", "inconclusive")
    ]
    screen(bench, site, "no_alarm", item=item)
    screen(bench, site, "inconclusive", item=item)
    screen(bench, site, "no_alarm", complete=False)
    for one, compliant in zip(seen, (True, True, False, None), strict=True):
        dispose(server, one["parcel_id"], compliant=compliant)
    dispose(server, seen[1]["parcel_id"], compliant=False)
    assert measures(server, f"site={site}")["totals"][0]["opened"] == 0, "emulated work is left out"
    found = measures(server, f"operation_id={operation}&by=site&{EVERYTHING}")
    (row,) = found["rows"]
    assert (row["group"], row["training"], row["emulated"]) == (site, True, True)
    names = (
        "opened",
        "completed",
        "superseded",
        "parcels",
        "alarm_named",
        "inconclusive",
        "no_hold_requested",
    )
    assert [row[name] for name in names] == [7, 6, 1, 5, 1, 2, 2]
    assert row["inconclusive_reasons"] == {"weak_signal": 2}
    exact = binomtest(2, 3).proportion_ci(method="exact")
    bad = row["non_compliance_rate"]
    assert (bad["k"], bad["n"]) == (2, 3)
    assert (bad["low"], bad["high"]) == pytest.approx((exact.low, exact.high), abs=1e-6)
    assert row["dispositions"] == {"seized": 4}
    assert row["active_hours"] in {1, 2}
    assert row["time_to_result"]["n"] == 7
    assert 0 < row["time_to_result"]["median_s"] < 20
    assert row["reviews"]["alarm"] == {"asked": 1, "closed": 0, "open": 1}
    assert found["reviews"]["open"] >= 1
    progress = {one["measure"]: one for one in found["operation"]["progress"]}
    assert list(progress) == ["non_compliance_rate", "screened_per_day", "inconclusive_rate"]
    assert progress["non_compliance_rate"]["value"] is None, "progress is that of real work alone"


def test_what_is_asked_for_too_widely_is_refused(server: Any) -> None:
    for query in (
        "by=day&since=2026-01-01&until=2026-06-01",
        "since=2026-02-30",
        "since=9999-12-15",
        "until=9999-12-31",
        "by=week&since=9999-12-30",
        "by=day&until=0001-01-05",
        "since=2026-02-02&until=2026-02-01",
        "include=sandbox",
        "by=person",
        "colour=red",
    ):
        answer = server.api("GET", f"/measures?{query}", Role.AUDITOR)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), query
    unknown = server.api("GET", f"/measures?operation_id={uuid.uuid4()}", Role.AUDITOR)
    assert unknown.status_code == 404


def test_days_weeks_and_months_add_up(server: Any, bench: Any, site: str) -> None:
    screen(bench, site, "no_alarm")
    for query in (
        "by=day",
        "by=week",
        "by=month",
        "by=bench",
        "since=2026-01-15",
        "since=2026-01-15&until=2099-02-03",
    ):
        totals = measures(server, f"site={site}&{query}&{EVERYTHING}")["totals"]
        assert [one["parcels"] for one in totals] == [0, 0, 0, 1], query
    assert measures(server, f"site={site}&until=2026-01-15&{EVERYTHING}")["totals"][3]["parcels"] == 0


def test_weeks_are_told_whole_where_nobody_says_since_when() -> None:
    for until in ("2026-11-16", "2026-11-17", "2026-11-22"):
        period = period_of(MeasuresQuery(by="week", until=until))
        assert period.since == week_of(period.since), "half a week would stand for a whole one"
        assert date.fromisoformat(until) - date.fromisoformat(period.since) >= timedelta(days=84)


def test_spreadsheets_get_no_formulas(server: Any, bench: Any, site: str) -> None:
    screen(bench, site, "alarm_named")
    answer = server.api("GET", f"/measures.csv?site={site}&by=bench&{EVERYTHING}", Role.ADMIN)
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["group"], row["alarm_named"], row["alarm_rate.high"]) == ("'=1+1", "1", "1.0")


def test_checks_of_instruments_count_where_the_bench_works(server: Any, bench: Any, site: str) -> None:
    name = f"b-{uuid.uuid4().hex[:6]}"
    body = {"item_id": uuid.uuid4().hex, "item_id_type": "carrier", "bench": name, "site": site}
    server.api("PUT", f"/screenings/{uuid.uuid4()}", json=body)
    check = {"device": "STS/S1", "standard": "", "at": "2026-11-22T08:00:00Z", "outcome": {}, "bench": name}
    for passed in (True, True, False):
        path = f"/verifications/{uuid.uuid4().hex * 2}"
        assert server.api("PUT", path, json={**check, "passed": passed}).status_code == 201
    (total,) = measures(server, f"site={site}")["totals"]
    assert (total["verifications_passed"], total["verifications_failed"], total["opened"]) == (2, 1, 1)


def test_the_page_says_it_in_tables(server: Any, bench: Any, site: str) -> None:
    screen(bench, site, "alarm_named")
    page = server.client(Role.OFFICER).get(
        f"/measures?site={site}&{EVERYTHING}&operation_id=&bench=&since=&until="
    )
    assert page.status_code == 200, page.text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text))
    for words in ("0 % (0 to 97.5 %; 0 of 1)", "▲ TRAINING", "Presumptive", "Open reviews"):
        assert words in text, words
    assert 'data-kind="measures-rates"' in page.text
    assert server.client(Role.OFFICER).get("/measures?since=never").status_code == 422
    assert server.client(Role.OFFICER).get("/measures/measures.csv").status_code == 200
    link = re.search(r'href="(/measures/measures.json[^"]*)"', page.text)
    assert link is not None
    told = server.client(Role.OFFICER).get(link[1].replace("&amp;", "&")).json()
    assert told["totals"][3]["alarm_named"] == 1


def test_what_is_nearly_reached_is_not_said_to_be_all_of_the_way() -> None:
    figure = (0.4996, 0.4, 0.6)
    told = progress._progress("non_compliance_rate", figure, 0.0, 0.5)
    assert told.reached is False
    assert "99% of the way" in told.words


def test_a_chart_draws_one_kind_of_work(server: Any, bench: Any, site: str) -> None:
    screen(bench, site, "no_alarm")
    found = Measures.model_validate(measures(server, f"site={site}&by=month&include=training,emulated"))
    rows = [found.rows[0].model_copy(update={"training": kind}) for kind in (True, False)]
    drawn = chart_data(found.model_copy(update={"rows": rows}))
    assert len(drawn["labels"]) == 1, "bars of two kinds would stand on each other"


@given(st.floats(0.1, 9.9e6))
def test_a_bin_is_at_most_six_per_cent_off(seconds: float) -> None:
    assert middle_of(bin_of(seconds)) == pytest.approx(seconds, rel=0.06)


def test_bins_at_their_ends() -> None:
    assert (bin_of(-3.0), bin_of(0.0), bin_of(1e12)) == (0, 0, LAST)
    assert quantiles({}, 0.5) == [None]
    assert quantiles({0: 5}, 0.95) == [0.1]
    assert quantiles({10: 50, 20: 50}, 0.5) == [middle_of(10)]
    assert quantiles({10: 94, 20: 6}, 0.5, 0.95) == [middle_of(10), middle_of(20)]


def test_intervals_of_nothing_and_of_counts() -> None:
    assert (rate(0, 0).rate, rate(0, 0).low, rate(0, 0).high) == (None, 0.0, 1.0)
    assert poisson_interval(0) == (0.0, pytest.approx(3.688879, abs=1e-6))
    assert poisson_interval(10) == pytest.approx((4.795389, 18.390356), abs=1e-6)
