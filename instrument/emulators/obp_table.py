"""What an emulated OBP device does with each message number: a table that its parts fill."""

import struct
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

from ..obp_numbers import ErrorNumber

Handler = Callable[[bytes], bytes]


class Refusal(Exception):
    """The device refuses a message; `error` goes into the NACK."""

    def __init__(self, error: ErrorNumber) -> None:
        super().__init__(error.name)
        self.error = error


@dataclass(frozen=True, slots=True)
class Within:
    """Numbers from low to high."""

    low: float
    """Least."""
    high: float
    """Greatest."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(slots=True)
class ObpTable:
    """Handlers by message number, each with the length of its operand in bytes."""

    queries: dict[int, tuple[int, Handler]] = field(default_factory=dict)
    """Answer with data."""
    commands: dict[int, tuple[int, Handler]] = field(default_factory=dict)
    """Only acknowledge, and only when asked to."""

    def carry_out(self, kind: int, operand: bytes) -> bytes:
        """Do what a message says and return the answer's operand; raises `Refusal`."""
        entry = self.commands.get(kind) or self.queries.get(kind)
        if entry is None:
            raise Refusal(ErrorNumber.UNKNOWN_TYPE)
        length, handler = entry
        if len(operand) != length:
            raise Refusal(ErrorNumber.WRONG_LENGTH)
        return handler(operand)

    def constant(self, kind: int, operand: bytes) -> None:
        """Learn an answer that never changes."""
        self.queries[kind] = (0, lambda _: operand)

    def number(self, kind: int, layout: str, read: Callable[[], float]) -> None:
        """Learn a number that is read anew each time."""
        self.queries[kind] = (0, lambda _: struct.pack(layout, read()))

    def picked(self, count: int, one: int, layout: str, read: Callable[[], Sequence[float]]) -> None:
        """Learn a list: its length (u8), and each value by its index (u8)."""

        def pick(operand: bytes) -> bytes:
            values = read()
            if operand[0] >= len(values):
                raise Refusal(ErrorNumber.NO_SUCH_INFORMATION)
            return struct.pack(layout, values[operand[0]])

        self.queries[count] = (0, lambda _: bytes([len(read())]))
        self.queries[one] = (1, pick)

    def command(self, kind: int, act: Callable[[], None]) -> None:
        """Learn a command without an operand."""

        def handle(_: bytes) -> bytes:
            act()
            return b""

        self.commands[kind] = (0, handle)

    def setting(
        self,
        get: int | None,
        put: int,
        layout: str,
        owner: Callable[[], object],
        name: str,
        allowed: Container[float],
    ) -> None:
        """Learn a number that can be set and read back: attribute ``name`` of ``owner()``."""

        def write(operand: bytes) -> bytes:
            (value,) = struct.unpack(layout, operand)
            if value not in allowed:
                raise Refusal(ErrorNumber.INVALID_DATA)
            setattr(owner(), name, value)
            return b""

        if get is not None:
            self.number(get, layout, lambda: getattr(owner(), name))
        self.commands[put] = (struct.calcsize(layout), write)
