"""Tables of parcels at work: advance data, the queue, links, merges, dispositions."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Listed


class ParcelAdvance(Base):
    """Who sent a parcel, as text: personal data, kept apart so that they can be erased alone."""

    __tablename__ = "parcel_advance"

    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"), primary_key=True)
    sender_name: Mapped[str]
    sender_address: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    updated_at: Mapped[str]


class ParcelDeclaration(Base):
    """What was declared of a parcel, and what the targeting system says of it: nothing of a person."""

    __tablename__ = "parcel_declarations"

    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"), primary_key=True)
    #: JSON of `parcels.advance.Advance` without its sender.
    body: Mapped[str]
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    updated_at: Mapped[str]


class ParcelQueue(Base):
    """A parcel that waits for its first screening. Derived from other tables, and part of no record."""

    __tablename__ = "parcel_queue"
    __table_args__ = (
        Index("parcel_queue_by_rank", "rank", "parcel_row"),
        Index("parcel_queue_by_site", "site", "rank", "parcel_row"),
    )

    parcel_row: Mapped[int] = mapped_column(ForeignKey("parcels.row"), primary_key=True, autoincrement=False)
    #: Its place: less is more urgent (`parcels.queue.rank_of`).
    rank: Mapped[int] = mapped_column(BigInteger)
    #: Where it is due, empty for not told.
    site: Mapped[str]
    created_at: Mapped[str] = mapped_column(index=True)


class ParcelMerge(Base):
    """Who said that a provisional parcel is another, and why; never changed."""

    __tablename__ = "parcel_merges"

    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"), primary_key=True)
    into: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"))
    why: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    made_by: Mapped[str]
    made_at: Mapped[str]


class Link(Listed):
    """To which parcel a screening belongs. Never changed: the newest of a screening stands."""

    __tablename__ = "links"
    __table_args__ = (
        Index("links_by_screening", "screening_id", "row"),
        Index("links_by_parcel", "parcel_id", "row"),
    )

    row: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[str] = mapped_column(unique=True)
    screening_id: Mapped[str] = mapped_column(ForeignKey("screenings.screening_id"))
    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"))
    #: The parcel system's own name for the parcel, empty for none.
    reference: Mapped[str]
    #: The link that stood before; NULL for the one made at opening.
    supersedes: Mapped[str | None]
    why: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    made_by: Mapped[str]
    made_at: Mapped[str]


class Disposition(Listed):
    """What a parcel system says became of a parcel. Never changed: the newest of a parcel stands."""

    __tablename__ = "dispositions"
    __table_args__ = (Index("dispositions_by_parcel", "parcel_id", "row"),)

    row: Mapped[int] = mapped_column(primary_key=True)
    disposition_id: Mapped[str] = mapped_column(unique=True)
    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"))
    decision: Mapped[str]
    compliant: Mapped[bool | None]
    decided_at: Mapped[str]
    reference: Mapped[str]
    note: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    #: The one that stood before; NULL for the first.
    supersedes: Mapped[str | None]
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    recorded_at: Mapped[str]
