"""Routes of verifications."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from ..requests import TheCaller, TheStore
from ..scans.models import ScanId
from ..tables import Verification
from . import repository
from .models import VerificationBody, VerificationPage, VerificationQuery, VerificationView

router = APIRouter(prefix="/verifications", tags=["verifications"])


@router.put(
    "/{scan_id}",
    summary="Tell of a verification",
    responses={201: {"model": VerificationView, "description": "The verification was kept."}},
)
def put_verification(
    scan_id: ScanId, body: VerificationBody, store: TheStore, caller: TheCaller, response: Response
) -> VerificationView:
    """Tell of one check of an instrument, under the scan it was made with.

    The same again is answered with 200, anything else under the same scan with 409. What a failed one
    means for earlier results is told by flags.
    """
    with store.database.write(caller.actor) as change:
        row, created = repository.keep_verification(change, caller, scan_id, body)
        response.status_code = 201 if created else 200
        return _view(row)


@router.get("", summary="List verifications")
def list_verifications(
    query: Annotated[VerificationQuery, Query()], store: TheStore, caller: TheCaller
) -> VerificationPage:
    """List verifications, in the order in which they came: all, of an instrument, passed or failed."""
    with store.database.read() as session:
        rows, after = repository.list_verifications(session, query)
        return VerificationPage(items=[_view(one) for one in rows], next_cursor=after)


def _view(row: Verification) -> VerificationView:
    told = {"scan_id": row.scan_id, "received_at": row.received_at, **json.loads(row.body)}
    return VerificationView.model_validate(told)
