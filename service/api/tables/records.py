"""Tables of the first years: parcels, screenings, scans, results, instruments and the chain."""

from sqlalchemy import Double, ForeignKey, Index, LargeBinary, false
from sqlalchemy.orm import Mapped, mapped_column

from .base import BIG, Base, Listed


class Token(Base):
    """A bearer token; only its digest is kept."""

    __tablename__ = "tokens"

    token_id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[str]
    expires_at: Mapped[str | None]
    revoked_at: Mapped[str | None]
    #: What it may do of what its role may, see `tokens.scopes`; NULL for all.
    scopes: Mapped[str | None]


class Parcel(Listed):
    """A physical item. Its key is ours: S10 identifiers are reused after twelve months."""

    __tablename__ = "parcels"
    __table_args__ = (Index("parcels_by_key", "item_key", "row"),)

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    parcel_id: Mapped[str] = mapped_column(unique=True)
    item_id: Mapped[str]
    item_key: Mapped[str]
    item_id_type: Mapped[str]
    label_problem: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[str]
    #: Made by an integrator to try things out; counts nowhere.
    sandbox: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: By the targeting system, 0 to 1, more is riskier; NULL for not told.
    risk_score: Mapped[float | None] = mapped_column(Double)
    known_shipper: Mapped[bool | None]
    #: The parcel this provisional one turned out to be.
    merged_into: Mapped[str | None]


class Screening(Base):
    """One visit of a parcel to the benches."""

    __tablename__ = "screenings"
    __table_args__ = (Index("screenings_by_parcel", "parcel_id", "row"),)

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    screening_id: Mapped[str] = mapped_column(unique=True)
    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"))
    bench: Mapped[str]
    body_digest: Mapped[str]
    state: Mapped[str]
    opened_at: Mapped[str]
    completed_at: Mapped[str | None]
    finding: Mapped[str | None]
    #: Site of the bench, empty where it said none.
    site: Mapped[str] = mapped_column(default="", server_default="")
    #: Operation it counts in, chosen by site and time as it was opened.
    operation_id: Mapped[str | None]


class ScanFile(Base):
    """A scan in the archive, with what its header says."""

    __tablename__ = "scans"

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    scan_id: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int]
    role: Mapped[str]
    screening_id: Mapped[str]
    spot: Mapped[int]
    attempt: Mapped[int]
    emulated: Mapped[bool]
    taken_at: Mapped[str]
    received_at: Mapped[str]
    #: Blank it was made with, empty for none; NULL for scans of before this was noted.
    blank_id: Mapped[str | None]


class Result(Listed):
    """An identification in a screening. Never changed; corrections are new results."""

    __tablename__ = "results"
    __table_args__ = (
        Index("results_by_screening", "screening_id", "row"),
        Index("results_by_parcel", "parcel_id", "row"),
    )

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    result_id: Mapped[str] = mapped_column(unique=True)
    screening_id: Mapped[str] = mapped_column(ForeignKey("screenings.screening_id"))
    parcel_id: Mapped[str] = mapped_column(ForeignKey("parcels.parcel_id"))
    scan_id: Mapped[str] = mapped_column(ForeignKey("scans.scan_id"))
    verdict: Mapped[str]
    training: Mapped[bool]
    emulated: Mapped[bool]
    late: Mapped[bool]
    identification: Mapped[str]
    device: Mapped[str]
    record_digest: Mapped[str]
    received_at: Mapped[str]


class ResultPerson(Base):
    """Who made a result: personal data, kept apart so that it can be erased alone."""

    __tablename__ = "result_people"

    result_id: Mapped[str] = mapped_column(ForeignKey("results.result_id"), primary_key=True)
    operator: Mapped[str]
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class Bench(Listed):
    """A bench that reports, and what it works with; changed only together with an event."""

    __tablename__ = "benches"

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    bench: Mapped[str] = mapped_column(unique=True)
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"), unique=True)
    facts: Mapped[str]
    method_name: Mapped[str | None]
    method_version: Mapped[int | None]
    method_digest: Mapped[str | None]
    release_number: Mapped[int | None]
    first_at: Mapped[str]
    changed_at: Mapped[str]


class BenchContact(Base):
    """A bench's last report, whole: like the state of deliveries it comes and goes without events."""

    __tablename__ = "bench_contacts"

    bench: Mapped[str] = mapped_column(ForeignKey("benches.bench"), primary_key=True)
    received_at: Mapped[str]
    report: Mapped[str]


class Calibration(Listed):
    """A calibration record, whole and never changed, with what lists choose by."""

    __tablename__ = "calibrations"

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    record_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    serial: Mapped[str] = mapped_column(index=True)
    record: Mapped[str]
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    received_at: Mapped[str]


class Verification(Listed):
    """One check of an instrument, passed or failed; never changed."""

    __tablename__ = "verifications"
    __table_args__ = (Index("verifications_by_device", "device", "row"),)

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    scan_id: Mapped[str] = mapped_column(unique=True)
    device: Mapped[str]
    passed: Mapped[bool]
    body: Mapped[str]
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    received_at: Mapped[str]


class Flag(Listed):
    """A call to look at results again, and that somebody did."""

    __tablename__ = "flags"

    row: Mapped[int] = mapped_column(BIG, primary_key=True)
    flag_id: Mapped[str] = mapped_column(unique=True)
    device: Mapped[str]
    body: Mapped[str]
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    raised_at: Mapped[str]
    reviewed_at: Mapped[str | None] = mapped_column(index=True)
    reviewed_by: Mapped[str | None]
    note: Mapped[str | None]
    salt: Mapped[bytes] = mapped_column(LargeBinary)


class FlaggedResult(Base):
    """A result that a flag names; it may not have arrived yet, so that no key ties it to `results`."""

    __tablename__ = "flagged_results"

    result_id: Mapped[str] = mapped_column(primary_key=True)
    flag_row: Mapped[int] = mapped_column(BIG, ForeignKey("flags.row"), primary_key=True, index=True)
    state: Mapped[str]


class ResultUse(Base):
    """A thing a result depends on. Its key is in the order in which it is asked for: name, then time."""

    __tablename__ = "result_uses"
    __table_args__ = ({"sqlite_with_rowid": False},)

    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(primary_key=True)
    result_row: Mapped[int] = mapped_column(BIG, ForeignKey("results.row"), primary_key=True)
    part: Mapped[str]


class Event(Base):
    """A link of the chain."""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_by_subject", "subject", "seq"),
        Index("events_by_type", "type", "seq"),
    )

    seq: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=False)
    type: Mapped[str]
    at: Mapped[str]
    actor: Mapped[str]
    subject: Mapped[str]
    data: Mapped[str]
    prev_hash: Mapped[str]
    hash: Mapped[str]


class ChainHead(Base):
    """The end of the chain: how many events there are, and the hash of the last."""

    __tablename__ = "chain_head"

    only: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BIG)
    hash: Mapped[str]
    #: Events by kind, as JSON.
    counts: Mapped[str] = mapped_column(default="{}", server_default="{}")


class IdempotencyKey(Base):
    """An answer that was given to a POST, for when it is sent again."""

    __tablename__ = "idempotency_keys"

    token_id: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[str] = mapped_column(index=True)


class SignIn(Base):
    """A person at the pages: only the digest of the cookie's secret is kept, and goes with the shift."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(primary_key=True)
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.token_id"))
    expires_at: Mapped[str] = mapped_column(index=True)
