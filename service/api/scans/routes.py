"""Routes of scans."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from spectra.digest import bytes_digest

from ...errors import ScanDamaged
from ..problems import Problem
from ..requests import Caller, Store, TheCaller, TheStore
from ..tables import ScanFile
from .models import ScanId, ScanView
from .repository import find_scan, note_scan

MEDIA_TYPE = "application/octet-stream"

router = APIRouter(prefix="/scans", tags=["scans"])

_FILE = {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


@router.put(
    "/{scan_id}",
    summary="Store a scan",
    responses={201: {"model": ScanView, "description": "The scan was stored."}},
    openapi_extra={"requestBody": {"required": True, **_FILE}},
)
async def put_scan(
    scan_id: ScanId, request: Request, store: TheStore, caller: TheCaller, response: Response
) -> ScanView:
    """Store a scan file under the SHA-256 of its bytes, at most 64 MiB; doing it again is harmless."""
    data = await request.body()
    row, created = await run_in_threadpool(_keep, store, caller, scan_id, data)
    response.status_code = 201 if created else 200
    return _view(row)


@router.get("/{scan_id}", summary="Fetch a scan", response_class=Response, responses={200: _FILE})
def get_scan(scan_id: ScanId, store: TheStore, caller: TheCaller) -> Response:
    """Fetch a scan file, its digest checked on reading."""
    with store.database.read() as session:
        if find_scan(session, scan_id) is None:
            raise Problem("not_found", f"no scan {scan_id}")
    headers = {"ETag": f'"{scan_id}"', "Content-Disposition": f'attachment; filename="{scan_id}.h5"'}
    return Response(store.archive.read_bytes(scan_id), media_type=MEDIA_TYPE, headers=headers)


def _keep(store: Store, caller: Caller, scan_id: str, data: bytes) -> tuple[ScanFile, bool]:
    if bytes_digest(data) != scan_id:
        raise Problem("digest_mismatch", f"{len(data)} bytes came, of another SHA-256; send them again")
    try:
        kept = store.archive.put_bytes(scan_id, data)
    except ScanDamaged as error:
        raise Problem("scan_damaged", str(error)) from error
    with store.database.write(caller.actor) as change:
        return note_scan(change, scan_id, len(data), kept.scan)


def _view(row: ScanFile) -> ScanView:
    names = ("scan_id", "size", "role", "emulated", "taken_at", "received_at")
    return ScanView.model_validate({name: getattr(row, name) for name in names})
