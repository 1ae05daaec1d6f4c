"""Routes of operations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from ..change import Change
from ..etags import IfMatch, etag_of, require_match
from ..posts import ThePost
from ..problems import Problem
from ..requests import TheCaller, TheStore
from ..tables import Operation
from . import repository
from .models import OperationBody, OperationChange, OperationPage, OperationQuery, OperationView
from .views import view_operation

router = APIRouter(prefix="/operations", tags=["operations"])


@router.post("", summary="Plan an operation", response_model=OperationView, status_code=201)
def create_operation(body: OperationBody, post: ThePost) -> Response:
    """Plan an operation at some sites. Screenings opened there while it runs count in it.

    Where another operation runs at one of the sites at the same time, this is refused with 409
    `operations_overlap`, unless the plan says that it takes over.
    """

    def work(change: Change) -> tuple[int, OperationView]:
        operation = repository.plan_operation(change, body)
        return 201, view_operation(change.session, operation)

    return post.once(body.model_dump(mode="json"), work)


@router.get("", summary="List operations")
def list_operations(
    query: Annotated[OperationQuery, Query()], store: TheStore, caller: TheCaller
) -> OperationPage:
    """List operations, oldest first: all, those of a site, or those that run now."""
    with store.database.read() as session:
        operations, after = repository.list_operations(session, query)
        return OperationPage(items=[view_operation(session, one) for one in operations], next_cursor=after)


@router.get("/{operation_id}", summary="Read an operation")
def get_operation(
    operation_id: UUID, store: TheStore, caller: TheCaller, response: Response
) -> OperationView:
    """Read an operation; the ETag stands for what it is now."""
    with store.database.read() as session:
        operation = _known(session, operation_id)
        view = view_operation(session, operation)
        response.headers["ETag"] = etag_of(view.plan())
        return view


@router.patch("/{operation_id}", summary="Change an operation")
def change_operation(
    operation_id: UUID,
    body: OperationChange,
    store: TheStore,
    caller: TheCaller,
    response: Response,
    if_match: IfMatch = None,
) -> OperationView:
    """Change what an operation plans, if it is still what you have read.

    Without `If-Match` this is answered with 428, with the ETag of another version with 412. Screenings
    stay in the operation they were opened in.
    """
    with store.database.write(caller.actor) as change:
        operation = _known(change.session, operation_id)
        require_match(view_operation(change.session, operation).plan(), if_match)
        repository.change_operation(change, operation, body)
        view = view_operation(change.session, operation)
        response.headers["ETag"] = etag_of(view.plan())
        return view


def _known(session: Session, operation_id: UUID) -> Operation:
    operation = repository.find_operation(session, str(operation_id))
    if operation is None:
        raise Problem("not_found", f"no operation {operation_id}")
    return operation
