"""Routes of calibration records."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import JSONResponse

from ..problems import Problem
from ..requests import TheCaller, TheStore
from ..tables import Calibration
from . import repository
from .models import (
    EXAMPLE,
    CalibrationPage,
    CalibrationQuery,
    CalibrationReceipt,
    CalibrationView,
    RecordId,
)

router = APIRouter(prefix="/calibrations", tags=["calibrations"])


@router.put(
    "/{record_id}",
    summary="Store a calibration record",
    response_model=CalibrationReceipt,
    responses={201: {"model": CalibrationReceipt, "description": "The record was stored."}},
)
def put_calibration(
    record_id: RecordId,
    body: Annotated[dict[str, Any], Body(examples=[EXAMPLE])],
    store: TheStore,
    caller: TheCaller,
) -> Response:
    """Store a record under its digest; doing it again is harmless. Nothing of it is ever changed."""
    record = repository.read_record(record_id, body)
    with store.database.write(caller.actor) as change:
        row, created = repository.keep_calibration(change, caller, record)
        receipt = CalibrationReceipt(record_id=record_id, received_at=row.received_at)
    return JSONResponse(receipt.model_dump(), 201 if created else 200)


@router.get("", summary="List calibration records")
def list_calibrations(
    query: Annotated[CalibrationQuery, Query()], store: TheStore, caller: TheCaller
) -> CalibrationPage:
    """List the records, in the order in which they came: all, of a device, or of a kind."""
    with store.database.read() as session:
        rows, after = repository.list_calibrations(session, query)
        return CalibrationPage(items=[_view(one) for one in rows], next_cursor=after)


@router.get(
    "/{record_id}",
    summary="Read a calibration record",
    response_class=Response,
    responses={200: {"content": {"application/json": {"example": EXAMPLE}}}},
)
def get_calibration(record_id: RecordId, store: TheStore, caller: TheCaller) -> Response:
    """Read a record as it came, in the form its digest is taken over."""
    with store.database.read() as session:
        found = repository.find_calibration(session, record_id)
        if found is None:
            raise Problem("not_found", f"no calibration record {record_id}")
        return Response(found.record, headers={"ETag": f'"{record_id}"'}, media_type="application/json")


def _view(row: Calibration) -> CalibrationView:
    record = json.loads(row.record)
    names = ("kind", "device_serial", "device_model", "made_at", "valid_until", "supersedes", "emulated")
    return CalibrationView(
        record_id=row.record_id,
        standards=[one["name"] for one in record["standards"]],
        received_at=row.received_at,
        **{name: record[name] for name in names},
    )
