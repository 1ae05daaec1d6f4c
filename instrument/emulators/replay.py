"""Play a wire transcript back as a device: the recorded answers to the recorded questions, in their order."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ProtocolError
from ..raman_bench import split_transcript
from ..transport.transcript import Entry, read_transcript
from .building import EmulatorError
from .replay_obp import Restamper
from .wire import Wire

#: Largest transcript read, bytes; chosen, sixteen times what a driver keeps.
MAX_FILE = 64 << 20
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the conversation."""

    number: int
    """Number of the entry with which it begins, from 1."""
    written: bytes
    """What the client has to write; empty where the device speaks unasked."""
    answers: tuple[tuple[float, bytes], ...]
    """What the device then says: pause before it, s, and the bytes."""


def load_steps(paths: Sequence[Path], *, source: str | None = None) -> tuple[Step, ...]:
    """Read transcripts, check every link of their chains, and return the conversation.

    Parameters
    ----------
    paths
        Transcripts of one device, or of a whole bench, in the order in which they are to be played.
    source
        Which device of a bench; None where there is only one.

    Raises
    ------
    ProtocolError
        A file is no transcript, was changed, or holds another device only.
    OSError
        A file cannot be read.
    """
    entries: list[Entry] = []
    for path in paths:
        if path.stat().st_size > MAX_FILE:
            raise ProtocolError(f"{path}: larger than {MAX_FILE >> 20} MiB, no transcript is")
        try:
            for record in _records(_of_source(path.read_bytes(), source)):
                entries += read_transcript(record)
        except ProtocolError as error:
            raise ProtocolError(f"{path}: {error}") from error
    return tuple(_steps(entries))


def _of_source(data: bytes, source: str | None) -> bytes:
    """Return the part of one device of a bench's transcript; a device's own transcript as it is."""
    first = data.partition(b"\n")[0]
    try:
        head = json.loads(first)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"no transcript: {error}") from error
    if not isinstance(head, dict) or "source" not in head:
        return data
    parts = {name: part for name, part in split_transcript(data).items() if part}
    if source is None and len(parts) == 1:
        return next(iter(parts.values()))
    if source not in parts:
        raise ProtocolError(f"holds {', '.join(sorted(parts)) or 'no device'}; say which with --source")
    return parts[source]


def _records(data: bytes) -> Iterable[bytes]:
    """Yield the records of a device one by one: a connection opened again begins a new one."""
    record = b""
    for line in data.splitlines(keepends=True):
        if line.startswith(b'{"transcript"') and record:
            yield record
            record = b""
        record += line
    yield record


def _steps(entries: Sequence[Entry]) -> Iterable[Step]:
    """Yield the turns; several writes without an answer between them are one."""
    number, written, answers = 1, b"", list[tuple[float, bytes]]()
    before = entries[0].ns if entries else 0
    for index, entry in enumerate(entries, start=1):
        if entry.direction == "w":
            if answers:
                yield Step(number, written, tuple(answers))
                number, written, answers = index, b"", []
            written += entry.data
        elif entry.direction == "r":
            answers.append((max(0, entry.ns - before) * 1e-9, entry.data))
        else:
            continue
        before = entry.ns
    if written or answers:
        yield Step(number, written, tuple(answers))


class Replay:
    """A recorded device; its clients share one conversation.

    Parameters
    ----------
    speed
        How much faster than recorded the answers come.
    loose
        Let Ocean Binary Protocol frames carry other sequence numbers than recorded, see `Restamper`.
    """

    def __init__(self, steps: Sequence[Step], *, speed: float = 1.0, loose: bool = False) -> None:
        self._steps, self._speed = steps, speed
        self._stamps = Restamper() if loose else None
        self._pending = b""
        self.played = 0
        """Turns that took place."""

    async def run(self, wire: Wire) -> None:
        """Serve a client until it is gone.

        Raises
        ------
        EmulatorError
            The client wrote something else than was recorded, or went on after the end.
        """
        while True:
            if self.played < len(self._steps):
                step = self._steps[self.played]
                if self._matches(step):
                    self._pending = self._pending[len(step.written) :]
                    self.played += 1
                    await self._answer(step, wire)
                    continue
            elif self._pending:
                raise EmulatorError(
                    f"the recorded conversation is over, but written: {_shown(self._pending)}"
                )
            data = await wire.read()
            if not data:
                return
            self._pending += data

    def _matches(self, step: Step) -> bool:
        """Return whether the whole question of a turn was written; raise for another one."""
        due, got = step.written, self._pending[: len(step.written)]
        free = self._stamps.free_positions(due) if self._stamps else frozenset()
        for at, byte in enumerate(got):
            if byte != due[at] and at not in free:
                raise EmulatorError(
                    f"entry {step.number}, byte {at}: recorded {_shown(due[at:])}, written {_shown(got[at:])}"
                )
        if len(got) < len(due):
            return False
        if self._stamps:
            self._stamps.learn(due, got)
        return True

    async def _answer(self, step: Step, wire: Wire) -> None:
        whole = b"".join(data for _, data in step.answers)
        if self._stamps:
            whole = self._stamps.stamped(whole)
        at = 0
        for pause_s, data in step.answers:
            await asyncio.sleep(pause_s / self._speed)
            await wire.send(whole[at : at + len(data)])
            at += len(data)


def _shown(data: bytes) -> str:
    return data[:_SHOWN].hex(" ") + (" …" if len(data) > _SHOWN else "")
