"""An operation, as it goes over the wire."""

import json

from sqlalchemy.orm import Session

from ..clock import utc_now
from ..tables import Operation
from .models import OperationView
from .repository import overlapping


def view_operation(session: Session, operation: Operation) -> OperationView:
    """Return an operation with how it stands to the present and to others."""
    now = utc_now()
    return OperationView.model_validate(
        {
            **json.loads(operation.body),
            "operation_id": operation.operation_id,
            "running": operation.starts_at <= now and (operation.ends_at is None or now < operation.ends_at),
            "overlaps": overlapping(session, operation),
            "version": operation.version,
            "created_at": operation.created_at,
            "changed_at": operation.changed_at,
        }
    )
