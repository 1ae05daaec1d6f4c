"""Tables of proof: legal holds."""

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base


class LegalHold(Base):
    """That personal data of a parcel are kept in spite of retention, from when to when, and why."""

    __tablename__ = "legal_holds"

    row: Mapped[int] = mapped_column(primary_key=True)
    hold_id: Mapped[str] = mapped_column(unique=True)
    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"), index=True)
    #: A person's words: outside the chain, salted digest in it.
    why: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    placed_at: Mapped[str]
    placed_by: Mapped[str]
    lifted_at: Mapped[str | None]
    lifted_by: Mapped[str | None]
