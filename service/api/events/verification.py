"""Proof that the records are what they were: chain, rows and signed heads held against each other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, inspect
from sqlalchemy.orm import Session

from ..heads_key import PublicKey
from ..heads_signed import SignedHead
from .derived import CHECKS
from .faults import ChainFault, Faults
from .paging import pages
from .promises import broken_promises
from .replay import Replay
from .sealing import make_sealer, sealed_tables
from .walking import Told, Walk

__all__ = ["ChainFault", "NotedHashes", "Proof", "Witness", "verify", "verify_chain"]


@dataclass(frozen=True, slots=True)
class NotedHashes:
    """A file with the hashes of events, 32 bytes each, from the first on."""

    path: Path
    """The file."""
    events: int
    """How many of them count; a running server notes more."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What is kept outside the database."""

    heads: Iterable[tuple[SignedHead, str]] = ()
    """Signed heads, each with where it was found."""
    keys: Sequence[PublicKey] = ()
    """Keys that may have signed them."""
    hash_lists: Sequence[NotedHashes] = ()
    """Files with the hash of each event, noted as it was committed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a verification came to."""

    events: int
    """Events in the chain."""
    rows: int
    """Rows held against it."""
    heads: int
    """Signed heads held against it."""
    signed_to: int
    """Last event under a signed head that fits; 0 for none. What came after may be cut off unseen."""
    faults: Faults
    """What is wrong; none where everything is as it was written."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.faults.total == 0


def verify_chain(session: Session) -> list[ChainFault]:
    """Find events and records that were altered, removed or slipped in, without any witness outside.

    Returns
    -------
    list of ChainFault
        Empty where everything is as it was written.
    """
    return list(verify(session.connection()).faults)


def verify(connection: Connection, witness: Witness | None = None, *, told: Told = lambda _: None) -> Proof:
    """Prove that events and records are what they were.

    Parameters
    ----------
    connection
        In a transaction that sees one state.
    witness
        What is kept outside the database.
    told
        Is called with how many more events and rows were looked at.
    """
    witness = witness or Witness()
    faults = Faults()
    with Replay() as replay, ExitStack() as stack:
        heads = _take_heads(replay, faults, witness)
        lists = [(stack.enter_context(one.path.open("rb")), one.events) for one in witness.hash_lists]
        walk = Walk(replay, faults, lists)
        walk.run(connection, told)
        there = set(inspect(connection).get_table_names())
        rows = 0
        for table in sealed_tables():
            if table.name in there:
                rows += _hold_rows(connection, table, replay, faults, told)
        if walk.upgraded:
            for key, what, event in broken_promises(connection, replay, walk.upgraded):
                faults.row(key, what, event)
        for name, check in CHECKS.items():
            if name in there:
                _hold_derived(connection, name, check, replay, faults)
    return Proof(walk.seq, rows, heads, walk.signed, faults)


def _take_heads(replay: Replay, faults: Faults, witness: Witness) -> int:
    number = 0
    for head, source in witness.heads:
        number += 1
        if any(head.signed_by(key) for key in witness.keys):
            replay.add_head(head, source)
        elif any(head.key_id == key.key_id for key in witness.keys):
            faults.other(source, f"the head of event {head.seq} was altered after it was signed")
        else:
            faults.other(
                source, f"the head of event {head.seq} was signed with the unknown key {head.key_id}"
            )
    return number


def _hold_rows(connection: Connection, table: Table, replay: Replay, faults: Faults, told: Told) -> int:
    """Hold the rows of a table against the last word of the chain on each, and return how many there are."""
    sealer = make_sealer(table)
    rows = fitting = 0
    for page in pages(connection, table):
        keys = [sealer.key(row) for row in page]
        said = replay.told(keys)
        for key, row in zip(keys, page, strict=True):
            if key not in said:
                faults.row(key, "has no event that tells of it")
                continue
            digest, event = said[key]
            fitting += digest is not None
            if digest is None:
                faults.row(key, f"is there, but event {event} says that it was deleted", event)
            elif digest != _digest(sealer.digest, row):
                faults.row(key, f"was altered: it is not what event {event} says", event)
        rows += len(page)
        told(len(page))
    if fitting != replay.living(table.name):
        names = [one.name for one in table.primary_key.columns]
        present = ([sealer.key(row) for row in page] for page in pages(connection, table, names))
        for key, event in replay.missing(table.name, present):
            faults.row(key, f"was removed: event {event} says that it is there", event)
    return rows


def _hold_derived(
    connection: Connection,
    name: str,
    check: Callable[[Connection], Iterator[tuple[str, str]]],
    replay: Replay,
    faults: Faults,
) -> None:
    try:
        for key, what in check(connection):
            named = key.rpartition(" ")[2]
            found = replay.told([named])
            faults.row(key, what, found[named][1] if named in found else None)
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        # A row holds what this software never writes, which its seal tells as well.
        faults.other(f"rows made from records ({name})", f"cannot be made again: {error}")


def _digest(digest: Callable[[dict[str, object]], str], row: dict[str, object]) -> str:
    try:
        return digest(row)
    except (ValueError, TypeError):
        return ""  # a value that this software never writes
