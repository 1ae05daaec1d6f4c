"""Calibration records, verifications, flags on results, and what every result depends on."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from service.api.migrations.frozen.uses_0003 import moment_text, uses_of
from service.api.migrations.immutable import never_changed
from service.api.tables.base import BIG

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Results read at a time while the index is filled: some tens of megabytes.
_BATCH = 500


def _text(name: str, *, nullable: bool = False, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, unique=unique)


def _row() -> sa.Column[int]:
    return sa.Column("row", BIG, primary_key=True)


def _token() -> sa.Column[str]:
    return sa.Column("token_id", sa.String(), sa.ForeignKey("tokens.token_id"), nullable=False)


def upgrade() -> None:
    _records()
    _flags()
    op.add_column("scans", _text("blank_id", nullable=True))
    op.create_index("events_by_subject", "events", ["subject", "seq"])
    _uses()
    for table in ("calibrations", "verifications"):
        never_changed(table)


def _records() -> None:
    op.create_table(
        "calibrations",
        _row(),
        _text("record_id", unique=True),
        _text("kind"),
        _text("serial"),
        _text("record"),
        _token(),
        _text("received_at"),
    )
    op.create_index("ix_calibrations_serial", "calibrations", ["serial"])
    op.create_table(
        "verifications",
        _row(),
        _text("scan_id", unique=True),
        _text("device"),
        sa.Column("passed", sa.Boolean(), nullable=False),
        _text("body"),
        _token(),
        _text("received_at"),
    )
    op.create_index("verifications_by_device", "verifications", ["device", "row"])


def _flags() -> None:
    op.create_table(
        "flags",
        _row(),
        _text("flag_id", unique=True),
        _text("device"),
        _text("body"),
        _token(),
        _text("raised_at"),
        _text("reviewed_at", nullable=True),
        _text("reviewed_by", nullable=True),
        _text("note", nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_flags_reviewed_at", "flags", ["reviewed_at"])
    op.create_table(
        "flagged_results",
        sa.Column("result_id", sa.String(), primary_key=True),
        sa.Column("flag_row", BIG, sa.ForeignKey("flags.row"), primary_key=True),
        _text("state"),
    )
    op.create_index("ix_flagged_results_flag_row", "flagged_results", ["flag_row"])


def _uses() -> None:
    uses = op.create_table(
        "result_uses",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("value", sa.String(), primary_key=True),
        sa.Column("at", sa.String(), primary_key=True),
        sa.Column("result_row", BIG, sa.ForeignKey("results.row"), primary_key=True),
        _text("part"),
        sqlite_with_rowid=False,
    )
    for batch in _results(op.get_bind()):
        op.bulk_insert(uses, [row for result in batch for row in _rows(*result)])


def _results(connection: sa.Connection) -> Iterator[list[Any]]:
    """Yield the results there are, a batch at a time, with the times of their scans."""
    query = sa.text(
        "SELECT r.row, r.identification, r.device, r.received_at, s.taken_at FROM results r "
        "JOIN scans s ON s.scan_id = r.scan_id WHERE r.row > :last ORDER BY r.row LIMIT :most"
    )
    last = 0
    while batch := connection.execute(query, {"last": last, "most": _BATCH}).all():
        yield list(batch)
        last = batch[-1][0]


def _rows(
    row: int, identification: str, device: str, received_at: str, taken_at: str
) -> list[dict[str, Any]]:
    try:
        at = moment_text(taken_at)
    except ValueError:
        at = received_at
    found = uses_of(json.loads(identification), json.loads(device))
    return [
        {"kind": kind, "value": value, "at": at, "result_row": row, "part": part}
        for kind, value, part in found
    ]


def downgrade() -> None:
    raise NotImplementedError("records are never taken back")
