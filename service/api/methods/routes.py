"""Routes of method files."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from ...method_head import MAX_BYTES, MethodFileHead
from ..problems import Problem
from ..requests import Caller, Store, TheCaller, TheStore
from ..tables import MethodFile
from . import files, repository
from .models import FileId, MethodPage, MethodQuery, MethodView

MEDIA_TYPE = "application/zip"

router = APIRouter(prefix="/methods", tags=["methods"])

_FILE = {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


@router.put(
    "/{file_id}",
    summary="Store a method file",
    responses={201: {"model": MethodView, "description": "The method was stored."}},
    openapi_extra={"requestBody": {"required": True, **_FILE}},
)
async def put_method(
    file_id: FileId, request: Request, store: TheStore, caller: TheCaller, response: Response
) -> MethodView:
    """Store a method file under the SHA-256 of its bytes, at most 256 MiB; doing it again is harmless.

    The method is rebuilt from it before it counts. Results name methods by digest: with the file, they can be
    drawn and recomputed.
    """
    known = await run_in_threadpool(_known, store, file_id)
    if known is not None:
        await files.compare(file_id, request.stream())
        return known
    row, created = await _kept(store, caller, file_id, request)
    response.status_code = 201 if created else 200
    return row


@router.get("", summary="List method files")
def list_methods(query: Annotated[MethodQuery, Query()], store: TheStore, caller: TheCaller) -> MethodPage:
    """List the method files, in the order in which they came: all, or those of a method."""
    with store.database.read() as session:
        rows, after = repository.list_methods(session, query)
        return MethodPage(items=[_view(one) for one in rows], next_cursor=after)


@router.get("/{file_id}", summary="Fetch a method file", response_class=Response, responses={200: _FILE})
def get_method(file_id: FileId, store: TheStore, caller: TheCaller) -> Response:
    """Fetch a method file: a ZIP archive of JSON and plain arrays, whose SHA-256 is its name."""
    if _known(store, file_id) is None:
        raise Problem("not_found", f"no method file {file_id}")
    path = _path(store, file_id)
    headers = {"ETag": f'"{file_id}"'}
    return FileResponse(path, media_type=MEDIA_TYPE, headers=headers, filename=f"method-{file_id[:12]}.zip")


def _path(store: Store, file_id: str) -> Path:
    return files.path_of(store.settings.methods_path, file_id)


def _known(store: Store, file_id: str) -> MethodView | None:
    """Return a method file that is kept, in the records and on the disk."""
    with store.database.read() as session:
        row = repository.find_method(session, file_id)
        return _view(row) if row is not None and _path(store, file_id).is_file() else None


async def _kept(store: Store, caller: Caller, file_id: str, request: Request) -> tuple[MethodView, bool]:
    folder = store.settings.methods_path
    # The limit of bodies has looked at it: digits, and not too many.
    announced = int(request.headers.get("content-length", MAX_BYTES))
    head, size = await files.receive(folder, file_id, request.stream(), store.looker, announced=announced)
    return await run_in_threadpool(_noted, store, caller, head, size)


def _noted(store: Store, caller: Caller, head: MethodFileHead, size: int) -> tuple[MethodView, bool]:
    with store.database.write(caller.actor) as change:
        row, created = repository.note_method(change, caller, head, size)
    return _view(row), created


def _view(row: MethodFile) -> MethodView:
    names = ("file_id", "name", "version", "method_digest", "library_digest", "size", "received_at")
    return MethodView.model_validate({name: getattr(row, name) for name in names})
