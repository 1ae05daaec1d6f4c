"""Reviews nobody asks for: alarms that a supervisor acknowledges, negatives drawn for the laboratory."""

import secrets
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..change import Change
from ..screenings.models import FindingView, State
from ..tables import Review, Screening
from .repository import Draw, ask, is_sandbox

#: A draw is one of so many numbers: shares are kept to a millionth.
OF = 1_000_000


def ask_about_alarm(change: Change, _: str, data: dict[str, Any]) -> None:
    """Ask for the acknowledgement of an alarm, once for each screening; a reaction to its completion."""
    finding, session = data["finding"], change.session
    if finding["outward"] != "hold" or is_sandbox(session, data["parcel_id"]):
        return
    if _asked(session, data["screening_id"], "alarm"):
        return
    screening = _screening(session, data["screening_id"])
    ask(change, "alarm", screening, training=finding["training"], emulated=finding["emulated"])


def draw_check(change: Change, screening: Screening, share: float) -> Review | None:
    """Draw whether a screening that asks for nothing is checked by a laboratory.

    Parameters
    ----------
    change
        The transaction in which it was completed.
    screening
        The screening.
    share
        Chance, 0 to 1. The number comes from the operating system's random source, after the finding is
        made: nobody at the bench can foresee it.

    Returns
    -------
    Review or None
        The check; None where none is due.
    """
    if screening.state != State.COMPLETE or screening.finding is None:
        return None
    finding = FindingView.model_validate_json(screening.finding)
    if finding.outward != "no_hold_requested" or is_sandbox(change.session, screening.parcel_id):
        return None
    draw = Draw(secrets.randbelow(OF), round(share * OF))
    if draw.number >= draw.chance_ppm:
        return None
    return ask(
        change,
        "negative_check",
        screening,
        training=finding.training,
        emulated=finding.emulated,
        draw=draw,
    )


def _asked(session: Session, screening_id: str, kind: str) -> bool:
    wanted = select(Review.row).where(Review.screening_id == screening_id, Review.kind == kind)
    return session.scalar(wanted.limit(1)) is not None


def _screening(session: Session, screening_id: str) -> Screening:
    return session.scalars(select(Screening).where(Screening.screening_id == screening_id)).one()
