"""Where faults come from: a specification with probabilities and a seed, and single faults queued by hand."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .faults import DEVICE_FAULTS, Fault, FaultKind, FaultSpecError, parse_faults, parse_once

#: Kinds of reply: any, and those that carry a spectrum or another measurement.
ANY, DATA = "any", "data"
#: Single faults that may wait at once.
MAX_WAITING = 1000

Refusal = bytes | Callable[[int | None], bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as the protocol made it, and what it would be with faults only the protocol can make."""

    data: bytes
    """The good reply."""
    kind: str = ANY
    """`DATA` for a spectrum or another measurement, else `ANY`."""
    refusal: Refusal | None = None
    """What the device says when it refuses instead; a function of the error number where it has numbers."""
    wrong: bytes | None = None
    """The reply to another question."""
    checksum_damage: bytes | Callable[[], bytes] | None = None
    """The reply with a wrong checksum; None where it carries none."""


class FaultSource:
    """Draw the fault of each reply, the same ones for the same seed."""

    def __init__(self, faults: tuple[Fault, ...] = (), *, seed: int = 0) -> None:
        self.faults = faults
        self.device_fault: Callable[[Fault], bool | None] | None = None
        """What lets the device itself suffer; None where it cannot."""
        self.power_cut: Callable[[], None] | None = None
        """What takes the device's power away; None where that is not emulated."""
        self.inapplicable: Mapping[FaultKind, str] = {}
        """Faults this device cannot have, with the reason, see `fault_table`."""
        self.injected: Counter[str] = Counter()
        """How often each kind happened."""
        self._waiting: deque[tuple[Fault, str]] = deque()
        self._before: dict[str, bytes] = {}
        self._rng = np.random.default_rng([seed, 3])

    def control(self, message: dict[str, Any]) -> None:
        """Carry out ``faults``, ``once`` and ``on`` of a control message; raises `FaultSpecError`."""
        if "faults" in message:
            if not isinstance(message["faults"], str):
                raise FaultSpecError("faults: a specification as text, empty for none")
            self.faults = self.checked(parse_faults(message["faults"]))
            if not self.faults:
                self._waiting.clear()
        on = message.get("on", ANY)
        if on not in (ANY, DATA):
            raise FaultSpecError(f"on: {ANY} or {DATA}")
        if "once" in message:
            if not isinstance(message["once"], str):
                raise FaultSpecError("once: KIND[:VALUE] as text")
            self.queue(parse_once(message["once"]), on)

    def queue(self, fault: Fault, on: str = ANY) -> None:
        """Let a fault happen once: to the next reply it can happen to, or to the device at once."""
        self.checked((fault,))
        if len(self._waiting) >= MAX_WAITING:
            raise FaultSpecError(f"{MAX_WAITING} faults are waiting already")
        if fault.kind not in DEVICE_FAULTS or not self._suffer(fault):
            self._waiting.append((fault, on))

    def checked(self, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
        """Return the faults; raises `FaultSpecError` when one can never happen to this device."""
        for fault in faults:
            if fault.kind in self.inapplicable:
                raise FaultSpecError(f"{fault.kind}: {self.inapplicable[fault.kind]}")
            lacking = (fault.kind in DEVICE_FAULTS and self.device_fault is None) or (
                fault.kind is FaultKind.POWER_CUT and self.power_cut is None
            )
            if lacking:
                raise FaultSpecError(f"{fault.kind}: this device has no such fault")
        return faults

    def draw(self, reply: Reply) -> Fault | None:
        """Return what happens to a reply, None for nothing; faults of the device happen here."""
        drawn = self._next_waiting(reply)
        for fault in self.faults:
            if self._rng.random() >= fault.probability or drawn is not None:
                continue
            if fault.kind in DEVICE_FAULTS:
                self._suffer_if_possible(fault)
            elif self._applies(fault, reply):
                drawn = fault
        if drawn is not None:
            self.injected[drawn.kind] += 1
        return drawn

    def remember(self, reply: Reply) -> None:
        """Keep a reply: it may come again, stale."""
        self._before[reply.kind] = reply.data

    def before(self, reply: Reply) -> bytes:
        """Return the reply of the same kind before this one; empty where there was none, or the same one."""
        before = self._before.get(reply.kind, b"")
        return b"" if before == reply.data else before

    def noise(self) -> bytes:
        """Return 1 to 40 bytes of line noise, each from 128 to 255.

        Such bytes a text protocol can tell from its own; a digit among digits would be nobody's to find.
        """
        return bytes(self._rng.integers(128, 256, int(self._rng.integers(1, 41))).astype(np.uint8))

    def state(self) -> dict[str, Any]:
        """Return how often each fault happened and how many wait, as JSON values."""
        return {
            "faults_injected": {str(kind): count for kind, count in self.injected.items()},
            "faults_waiting": len(self._waiting),
        }

    def _next_waiting(self, reply: Reply) -> Fault | None:
        for entry in tuple(self._waiting):
            fault, on = entry
            if on not in (ANY, reply.kind):
                continue
            if fault.kind in DEVICE_FAULTS:
                if self._suffer(fault):
                    self._waiting.remove(entry)
            elif self._applies(fault, reply):
                self._waiting.remove(entry)
                return fault
        return None

    def _applies(self, fault: Fault, reply: Reply) -> bool:
        match fault.kind:
            case FaultKind.NACK:
                return reply.refusal is not None
            case FaultKind.WRONG_TYPE:
                return reply.wrong is not None
            case FaultKind.BAD_CHECKSUM:
                return reply.checksum_damage is not None
            case FaultKind.STALE:
                return bool(self.before(reply))
            case _:
                return True

    def _suffer(self, fault: Fault) -> bool:
        """Let the device suffer; return whether it did. Raises `FaultSpecError` where it never can."""
        done = self.device_fault is not None and self.device_fault(fault) is not False
        if done:
            self.injected[fault.kind] += 1
        return done

    def _suffer_if_possible(self, fault: Fault) -> None:
        try:
            self._suffer(fault)
        except FaultSpecError:
            return
