"""Routes of benches."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from ..audit.models import HeadView
from ..problems import Problem
from ..requests import TheCaller, TheStore
from . import repository
from .models import BenchName, BenchPage, BenchQuery, BenchReport, BenchView, ReportReceipt
from .views import view_bench

router = APIRouter(prefix="/benches", tags=["benches"])

TheBench = Annotated[BenchName, Path(description="Name of the bench.")]


@router.put(
    "/{bench}",
    summary="Report how a bench stands",
    response_model=ReportReceipt,
    responses={201: {"model": ReportReceipt, "description": "The bench reports for the first time."}},
)
def report_bench(bench: TheBench, body: BenchReport, store: TheStore, caller: TheCaller) -> Response:
    """Replace a bench's last report. Reports are one way: no answer changes anything at the bench.

    The token that reports first keeps the bench's name until it is revoked or expires, and has no other.
    """
    with store.database.write(caller.actor) as change:
        created = repository.keep_report(change, caller, bench, body)
        received_at = change.now
    head = HeadView.of(store.heads.newest())
    receipt = ReportReceipt(bench=bench, received_at=received_at, head=head)
    return JSONResponse(receipt.model_dump(by_alias=True, exclude_unset=True), 201 if created else 200)


@router.get("", summary="List the benches")
def list_benches(query: Annotated[BenchQuery, Query()], store: TheStore, caller: TheCaller) -> BenchPage:
    """List the benches with their last reports and how they stand; those of revoked tokens are left out."""
    with store.database.read() as session:
        benches, after = repository.list_benches(session, query)
        fleet = repository.fleet_of(session, store.settings)
        items = [view_bench(session, one, fleet) for one in benches]
    return BenchPage(items=items, next_cursor=after, newest_release=fleet.newest)


@router.get("/{bench}", summary="Read a bench")
def get_bench(bench: TheBench, store: TheStore, caller: TheCaller) -> BenchView:
    """Read a bench's last report and how it stands, also of one whose token was revoked."""
    with store.database.read() as session:
        found = repository.find_bench(session, bench)
        if found is None:
            raise Problem("not_found", f"no bench {bench} has reported")
        return view_bench(session, found, repository.fleet_of(session, store.settings))
