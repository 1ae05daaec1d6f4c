"""What a proof found wrong, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

#: Faults told one by one; more are counted (chosen: a table that was emptied has a million).
MOST = 1000


@dataclass(frozen=True, slots=True)
class ChainFault:
    """A place at which the records are not what they were."""

    where: str
    """Event number, row (``table/primary key``), head."""
    what: str
    """What is wrong, in a sentence."""
    event: int | None = None
    """The event it concerns: the bad one, or the last one that tells of the row; None for none."""


@dataclass(slots=True)
class Faults:
    """Everything found wrong."""

    kept: list[ChainFault] = field(default_factory=list)
    """The first `MOST`."""
    total: int = 0
    """How many there are."""
    _chain: int | None = None
    _row: int | None = None
    _between: tuple[int, int] | None = None

    @property
    def first_event(self) -> int | None:
        """Number of the first bad event; None where no event is concerned.

        Where the chain itself is broken, what rows say against later events counts for nothing.
        """
        if self._between is not None and (self._chain is None or self._chain > self._between[1]):
            return self._between[0]
        return self._row if self._chain is None else self._chain

    def chain(self, event: int, what: str, *, where: str = "") -> None:
        """Note a fault of the chain at an event."""
        self._chain = event if self._chain is None else min(self._chain, event)
        self._add(ChainFault(where or f"event {event}", what, event))

    def between(self, first: int, last: int, what: str) -> None:
        """Note that one event of several is bad; where the walk finds a bad one among them, that is it."""
        if self._between is None:
            self._between = first, last
        self._add(ChainFault(f"event {first}", what, first))

    def row(self, key: str, what: str, event: int | None = None) -> None:
        """Note a fault of a row, with the event that tells of it."""
        if event is not None:
            self._row = event if self._row is None else min(self._row, event)
        self._add(ChainFault(f"row {key}", what, event))

    def other(self, where: str, what: str) -> None:
        """Note a fault that concerns no event."""
        self._add(ChainFault(where, what))

    def _add(self, fault: ChainFault) -> None:
        self.total += 1
        if len(self.kept) < MOST:
            self.kept.append(fault)

    def __iter__(self) -> Iterator[ChainFault]:
        return iter(self.kept)
