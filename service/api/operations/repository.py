"""Operations in the database."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from ..change import Change
from ..clock import utc_now, utc_text
from ..events.chain import canonical
from ..paging import take_page
from ..problems import Problem
from ..tables import Operation
from .models import OperationBody, OperationChange, OperationQuery


def find_operation(session: Session, operation_id: str) -> Operation | None:
    """Return an operation by its id; None where there is none."""
    return session.scalar(select(Operation).where(Operation.operation_id == operation_id))


def running_operation(session: Session, site: str, now: str) -> str | None:
    """Return the newest operation that runs at a site at a moment; None for none."""
    if not site:
        return None
    for operation in session.scalars(select(Operation).where(_runs(now)).order_by(Operation.row.desc())):
        if site in json.loads(operation.body)["sites"]:
            return operation.operation_id
    return None


def list_operations(session: Session, query: OperationQuery) -> tuple[Sequence[Operation], str | None]:
    """Return a page of operations and the next cursor."""
    wanted = select(Operation)
    if query.running is not None:
        runs = _runs(utc_now())
        wanted = wanted.where(runs if query.running else ~runs)
    if query.site:
        # Operations are few: tens a year.
        named = [one.row for one in session.scalars(wanted) if query.site in json.loads(one.body)["sites"]]
        wanted = select(Operation).where(Operation.row.in_(named))
    return take_page(session, Operation, wanted, query)


def overlapping(session: Session, operation: Operation) -> list[str]:
    """Return the other operations that run at one of its sites at the same time, the oldest first."""
    others = select(Operation).where(
        Operation.operation_id != operation.operation_id,
        or_(Operation.ends_at.is_(None), Operation.ends_at > operation.starts_at),
    )
    if operation.ends_at is not None:
        others = others.where(Operation.starts_at < operation.ends_at)
    sites = set(json.loads(operation.body)["sites"])
    found = session.scalars(others.order_by(Operation.row))
    return [one.operation_id for one in found if sites & set(json.loads(one.body)["sites"])]


def plan_operation(change: Change, body: OperationBody) -> Operation:
    """Plan an operation.

    Raises
    ------
    Problem
        It ends before it begins, or another one runs at one of its sites at the same time.
    """
    operation = Operation(
        operation_id=str(uuid.uuid4()), version=1, created_at=change.now, changed_at=change.now
    )
    _write(operation, body.model_dump(mode="json"))
    _check_overlaps(change.session, operation)
    change.session.add(operation)
    _tell(change, "operation.created", operation)
    return operation


def change_operation(change: Change, operation: Operation, wanted: OperationChange) -> None:
    """Change what an operation plans; screenings of before stay where they are.

    Raises
    ------
    Problem
        It would end before it begins, or run into another operation.
    """
    given = wanted.model_dump(mode="json", exclude_unset=True)
    never_empty = given.keys() - {"ends_at"}
    if empty := sorted(name for name in never_empty if given[name] is None):
        raise Problem("invalid", f"body/{empty[0]}: null takes away the end alone")
    before = operation.body
    # Read as a whole plan, so that figures that are replaced say of each whether it is known.
    plan = OperationBody.model_validate({**json.loads(operation.body), **given})
    _write(operation, plan.model_dump(mode="json"))
    if operation.body == before:
        return
    _check_overlaps(change.session, operation)
    operation.version += 1
    operation.changed_at = change.now
    _tell(change, "operation.changed", operation)


def _runs(now: str) -> ColumnElement[bool]:
    return and_(Operation.starts_at <= now, or_(Operation.ends_at.is_(None), Operation.ends_at > now))


def _write(operation: Operation, plan: dict[str, Any]) -> None:
    plan["sites"] = sorted(set(plan["sites"]))
    for name in ("starts_at", "ends_at"):
        if plan[name] is not None:
            plan[name] = utc_text(datetime.fromisoformat(plan[name]))
    if plan["ends_at"] is not None and plan["ends_at"] <= plan["starts_at"]:
        raise Problem("invalid", "body/ends_at: an operation ends after it begins")
    operation.body = canonical(plan)
    operation.starts_at, operation.ends_at = plan["starts_at"], plan["ends_at"]


def _check_overlaps(session: Session, operation: Operation) -> None:
    with session.no_autoflush:
        others = overlapping(session, operation)
    if others and not json.loads(operation.body)["takes_over"]:
        raise Problem(
            "operations_overlap",
            f"operation {others[0]} runs at one of these sites at the same time: end it, choose other "
            "sites or times, or say takes_over",
        )


def _tell(change: Change, kind: str, operation: Operation) -> None:
    data = {
        "operation_id": operation.operation_id,
        "version": operation.version,
        **json.loads(operation.body),
    }
    change.record(kind, f"operations/{operation.operation_id}", data)
