"""Tables of people's work: operations, reviews, measures.

Operations, reviews and answers are records. The tables of measures are sums over records: they can be made
anew from them at any time (`service.api.measures.recompute`).
"""

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Listed


class Operation(Listed):
    """A planned piece of screening at some sites for some time, with what it is measured against."""

    __tablename__ = "operations"

    row: Mapped[int] = mapped_column(primary_key=True)
    operation_id: Mapped[str] = mapped_column(unique=True)
    #: Counts the changes; the ETag.
    version: Mapped[int]
    #: Canonical JSON of everything that was planned.
    body: Mapped[str]
    #: Taken out of the body, because openings of screenings look for them.
    starts_at: Mapped[str]
    ends_at: Mapped[str | None]
    created_at: Mapped[str]
    changed_at: Mapped[str]


class Review(Listed):
    """Somebody is to look at a result or screening again. Answers are records of their own."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("reviews_by_screening", "screening_id", "row"),
        Index("reviews_by_result", "result_id", "row"),
        Index("reviews_open", "closed_at", "row"),
    )

    row: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    screening_id: Mapped[str] = mapped_column(ForeignKey("screenings.screening_id"))
    #: NULL where the whole screening is to be looked at.
    result_id: Mapped[str | None] = mapped_column(ForeignKey("results.result_id"))
    site: Mapped[str]
    training: Mapped[bool]
    emulated: Mapped[bool]
    asked_by: Mapped[str]
    asked_at: Mapped[str]
    #: A person's words; they stand outside the chain.
    question: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    #: Chance in a million with which it was drawn; NULL for what no draw made.
    chance_ppm: Mapped[int | None]
    #: Of the answer that closed it; NULL while it is open.
    closed_at: Mapped[str | None]
    #: Of the latest answer; NULL for none yet.
    outcome: Mapped[str | None]
    #: What the latest laboratory result says; NULL for none yet.
    confirmed: Mapped[bool | None]


class ReviewAnswer(Base):
    """What somebody said who looked. Never changed; a later answer is another record."""

    __tablename__ = "review_answers"
    __table_args__ = (Index("review_answers_by_review", "review_id", "row"),)

    row: Mapped[int] = mapped_column(primary_key=True)
    answer_id: Mapped[str] = mapped_column(unique=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.review_id"))
    outcome: Mapped[str]
    confirmed: Mapped[bool | None]
    #: Canonical JSON of a laboratory's result; NULL for other answers.
    laboratory: Mapped[str | None]
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    at: Mapped[str]
    #: A person's words; they stand outside the chain.
    note: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class MeasureKey(Base):
    """What is counted together: a day or month of a bench at a site in an operation."""

    __tablename__ = "measure_keys"
    __table_args__ = (
        UniqueConstraint(
            "grain",
            "period",
            "site",
            "operation_id",
            "bench",
            "training",
            "emulated",
            name="measure_keys_once",
        ),
        Index("measure_keys_by_bench", "bench", "grain", "period"),
    )

    row: Mapped[int] = mapped_column(primary_key=True)
    #: One of `measures.grains.Grain`; each thing is counted in all of them.
    grain: Mapped[str]
    #: ``2026-11-22``, a week's Monday, or ``2026-11``, UTC.
    period: Mapped[str]
    site: Mapped[str]
    #: Empty for none.
    operation_id: Mapped[str]
    bench: Mapped[str]
    training: Mapped[bool]
    emulated: Mapped[bool]
    #: JSON list: rows of the other keys that a bench's day is counted under; empty for those.
    others: Mapped[str]


class MeasureCount(Base):
    """How many there are of something under a key."""

    __tablename__ = "measure_counts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key_row: Mapped[int] = mapped_column(
        ForeignKey("measure_keys.row"), primary_key=True, autoincrement=False
    )
    metric: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class MeasureHour(Base):
    """How many screenings were opened in an hour of a day; hours with any are the hours of activity."""

    __tablename__ = "measure_hours"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key_row: Mapped[int] = mapped_column(
        ForeignKey("measure_keys.row"), primary_key=True, autoincrement=False
    )
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int]


class MeasuredScreening(Base):
    """What of a screening is in the counts at present, so that a correction can take it out again."""

    __tablename__ = "measured_screenings"

    screening_id: Mapped[str] = mapped_column(ForeignKey("screenings.screening_id"), primary_key=True)
    parcel_id: Mapped[str] = mapped_column(index=True)
    key_row: Mapped[int] = mapped_column(ForeignKey("measure_keys.row"))
    opened_at: Mapped[str]
    #: Canonical JSON: metric → how many.
    counted: Mapped[str]


class MeasuredVerification(Base):
    """Where an instrument stood when it was checked, as far as the server knew then."""

    __tablename__ = "measured_verifications"

    scan_id: Mapped[str] = mapped_column(ForeignKey("verifications.scan_id"), primary_key=True)
    site: Mapped[str]
    operation_id: Mapped[str]
    emulated: Mapped[bool] = mapped_column(default=False, server_default=false())
