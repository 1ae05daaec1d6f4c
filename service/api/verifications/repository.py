"""Verifications in the database."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from spectra.digest import bytes_digest

from ..change import Change
from ..events.chain import canonical
from ..paging import take_page
from ..problems import Problem
from ..requests import Caller
from ..tables import Verification
from .models import VerificationBody, VerificationQuery


def keep_verification(
    change: Change, caller: Caller, scan_id: str, body: VerificationBody
) -> tuple[Verification, bool]:
    """Keep a verification, and say whether that was new.

    Raises
    ------
    Problem
        Something else was told of that scan before.
    """
    text = canonical(body.model_dump(mode="json"))
    found = change.session.scalar(select(Verification).where(Verification.scan_id == scan_id))
    if found is not None:
        if found.body != text:
            raise Problem("conflict", f"another verification was told of scan {scan_id}")
        return found, False
    row = Verification(
        scan_id=scan_id,
        device=body.device,
        passed=body.passed,
        body=text,
        token_id=caller.token_id,
        received_at=change.now,
    )
    change.session.add(row)
    told = body.model_dump(mode="json", exclude={"outcome"})
    digest = bytes_digest(text.encode())
    data = {"scan_id": scan_id, **told, "body_digest": digest}
    change.record("verification.recorded", f"verifications/{scan_id}", data)
    return row, True


def list_verifications(
    session: Session, query: VerificationQuery
) -> tuple[Sequence[Verification], str | None]:
    """Return a page of verifications and the next cursor."""
    wanted = select(Verification)
    if query.device:
        wanted = wanted.where(Verification.device == query.device)
    if query.passed is not None:
        wanted = wanted.where(Verification.passed == query.passed)
    return take_page(session, Verification, wanted, query)
