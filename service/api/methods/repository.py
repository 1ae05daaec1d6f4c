"""Method files in the database; their bytes are in the folder of methods."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...method_head import MethodFileHead
from ..change import Change
from ..guards.texts import require_fit
from ..paging import take_page
from ..requests import Caller
from ..tables import MethodFile
from .models import MethodQuery


def find_method(session: Session, file_id: str) -> MethodFile | None:
    """Return the row of a method file; None where it is not kept."""
    return session.scalar(select(MethodFile).where(MethodFile.file_id == file_id))


def files_of(session: Session, method_digest: str) -> Sequence[MethodFile]:
    """Return the files of a method, the oldest first; benches may bring it with different reports."""
    wanted = select(MethodFile).where(MethodFile.method_digest == method_digest)
    return session.scalars(wanted.order_by(MethodFile.row)).all()


def list_methods(session: Session, query: MethodQuery) -> tuple[Sequence[MethodFile], str | None]:
    """Return a page of method files and the next cursor."""
    wanted = select(MethodFile)
    if query.method_digest:
        wanted = wanted.where(MethodFile.method_digest == query.method_digest)
    return take_page(session, MethodFile, wanted, query)


def note_method(change: Change, caller: Caller, head: MethodFileHead, size: int) -> tuple[MethodFile, bool]:
    """Note a method file that is safely on disk, and say whether that was new."""
    found = find_method(change.session, head.file_id)
    if found is not None:
        return found, False
    told = {
        name: getattr(head, name)
        for name in ("file_id", "name", "version", "method_digest", "library_digest")
    }
    require_fit(head.name)
    row = MethodFile(**told, size=size, token_id=caller.token_id, received_at=change.now)
    change.session.add(row)
    change.record("method.stored", f"methods/{head.file_id}", told)
    return row, True
