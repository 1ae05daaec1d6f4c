"""The tables of the outbox's file: operations, small values, attempts, verifications, flags and uses."""

import sqlite3
from pathlib import Path

from ..errors import OutboxError

_APPLICATION_ID = 0x4F50_494F  # "OPIO", shown by file(1)
_VERSION = 1
_SCHEMA = """
CREATE TABLE ops (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    json TEXT,
    scan_id TEXT,
    result_of TEXT,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused')),
    status INTEGER,
    detail TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    added_at TEXT NOT NULL,
    settled_at TEXT
) STRICT;
CREATE INDEX ops_by_state ON ops (state, seq);
CREATE INDEX ops_by_result ON ops (result_of) WHERE result_of IS NOT NULL;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
# Came later; a program that does not know it is not disturbed by it, so that the version stays.
_ADDED = """
CREATE TABLE IF NOT EXISTS attempts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    screening_id TEXT NOT NULL,
    item TEXT NOT NULL,
    spot INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    device TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('begun', 'done', 'aborted')),
    scan_id TEXT NOT NULL DEFAULT '',
    words TEXT NOT NULL DEFAULT '',
    found TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS attempts_by_screening ON attempts (screening_id, spot, attempt);
CREATE INDEX IF NOT EXISTS attempts_by_item ON attempts (item, seq);
CREATE INDEX IF NOT EXISTS attempts_begun ON attempts (state) WHERE state = 'begun';
CREATE INDEX IF NOT EXISTS attempts_by_device ON attempts (device, seq);
CREATE TABLE IF NOT EXISTS verifications (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    control TEXT NOT NULL CHECK (control IN ('positive', 'negative')),
    verdict TEXT NOT NULL CHECK (verdict IN ('passed', 'failed', 'no_verdict')),
    scan_id TEXT NOT NULL,
    standard TEXT NOT NULL,
    at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    due_why TEXT NOT NULL,
    after_seq INTEGER NOT NULL,
    axis_id TEXT NOT NULL,
    intensity_id TEXT NOT NULL,
    temperatures TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS verifications_by_device ON verifications (device, seq);
CREATE TABLE IF NOT EXISTS flags (
    flag_id TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    verification TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    result_ids TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS flags_by_verification ON flags (verification);
CREATE TABLE IF NOT EXISTS used_results (
    result_id TEXT PRIMARY KEY,
    scan_id TEXT NOT NULL,
    screening_id TEXT NOT NULL,
    item TEXT NOT NULL,
    verdict TEXT NOT NULL,
    device TEXT NOT NULL,
    training INTEGER NOT NULL,
    emulated INTEGER NOT NULL,
    blank_known INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    at TEXT NOT NULL,
    result_id TEXT NOT NULL REFERENCES used_results,
    part TEXT NOT NULL,
    PRIMARY KEY (kind, value, at, result_id)
) STRICT, WITHOUT ROWID;
"""
# Table → columns that came later; older programs name the columns they know.
_ADDED_COLUMNS = {
    "ops": {
        "file_id": "TEXT",
        # What must reach the server in order: a screening, or what was added together.
        "chain": "TEXT NOT NULL DEFAULT ''",
        "failures": "INTEGER NOT NULL DEFAULT 0",
        "failing_since": "REAL",
        "aside_until": "REAL",
    },
    "attempts": {"operator": "TEXT NOT NULL DEFAULT ''"},
}
_INDEXES = """
CREATE INDEX IF NOT EXISTS ops_aside ON ops (chain) WHERE aside_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS ops_results ON ops (seq) WHERE state = 'pending' AND result_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS attempts_by_scan ON attempts (scan_id);
"""


def prepare(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, bring those of an older one up; raises `OutboxError`."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version == 0 and not tables:
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {_VERSION}")
    elif version != _VERSION or not is_ours(database):
        raise OutboxError(f"{path} is no outbox of this version ({_VERSION}); move it away")
    for statement in _ADDED.split(";"):
        database.execute(statement)
    for table, columns in _ADDED_COLUMNS.items():
        known = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        for name in columns.keys() - known:
            database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
    for statement in _INDEXES.split(";"):
        database.execute(statement)


def is_ours(database: sqlite3.Connection) -> bool:
    """Return whether a database is an outbox."""
    return bool(database.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID)
