"""The release gate: a frozen panel identified with the new method and with the released one, row by row.

A row is worse where the new method loses something right or says something wrong that the released one did
not; one such row refuses the release, unless somebody says why it is accepted. Better rows do not make up
for worse ones: a screening station that lost a substance has lost it, whatever else it learned.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectra.errors import FormatError
from spectra.method import Method
from spectra.reasons import Verdict
from spectra.validation import ALARMS, Judged

from .known_names import KnownNames
from .panels import PanelRow, located, read_panel
from .problems import message_of
from .validating import Failed, Reader, play

Outcome = Judged | Failed

#: Worse and better rows told in words; the record holds all of them.
MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Change:
    """A row that the new method answers otherwise."""

    line: int
    """Line of the panel."""
    file: str
    """Its file, as the panel writes it."""
    how: tuple[str, ...]
    """What changed, in words."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"line": self.line, "file": self.file, "how": list(self.how)}


@dataclass(frozen=True, slots=True)
class Gate:
    """What the release gate found."""

    panel: str
    """Name of the panel's file."""
    panel_sha256: str
    """SHA-256 over the panel and every file it names: two gates with the same saw the same samples."""
    rows: int
    """Samples in it."""
    compared_with: str
    """The released method, NAME@VERSION; empty for a first release."""
    worse: tuple[Change, ...]
    """Rows that the new method answers worse."""
    better: tuple[Change, ...]
    """Rows that it answers better."""
    counts: dict[str, int]
    """Of the new method's answers: rows wholly right, missed, wrongly named, without an answer."""

    @property
    def passed(self) -> bool:
        """Whether no row got worse."""
        return not self.worse

    def to_json(self, *, accepted: str = "") -> dict[str, Any]:
        """Return it as JSON values, with the reason for which worse rows were accepted."""
        return {
            "panel": self.panel,
            "panel_sha256": self.panel_sha256,
            "rows": self.rows,
            "compared_with": self.compared_with,
            "worse": [one.to_json() for one in self.worse],
            "better": [one.to_json() for one in self.better],
            "counts": self.counts,
            "accepted_worse": accepted,
        }


def judge_release(
    panel: Path,
    new: Method,
    released: Method | None,
    *,
    read: Reader,
    now: str,
    advance: Callable[[float], None] = lambda _more: None,
) -> Gate:
    """Identify a panel with a new method and with the released one, and compare the answers.

    Parameters
    ----------
    panel
        The frozen panel, a CSV file as ``opioscan validate`` reads it.
    new
        The method to be released.
    released
        The one in force; None for a first release, which has nothing to be worse than.
    read
        Reads spectra of a file.
    now
        Time the answers are given at, RFC 3339 in UTC.
    advance
        Told of each row identified.

    Raises
    ------
    FormatError, OSError
        The panel, or a file it names, cannot be read, or the new method answers no row of it.
    """
    rows = read_panel(panel)
    digest = panel_digest(panel, rows)
    after = _answers(panel, rows, new, read, now, advance)
    if all(isinstance(one, Failed) for one in after):
        raise FormatError(
            f"{panel.name}: no sample has an answer, so the panel compares nothing: mend it first"
        )
    before = None if released is None else _answers(panel, rows, released, read, now, advance)
    compared = () if before is None else zip(rows, before, after, strict=True)
    worse, better = [], []
    for row, was, is_ in compared:
        if lost := tuple(_losses(was, is_)):
            worse.append(Change(row.line, row.file, lost))
        elif gained := tuple(_losses(is_, was, back=True)):
            better.append(Change(row.line, row.file, gained))
    return Gate(
        panel=panel.name,
        panel_sha256=digest,
        rows=len(rows),
        compared_with="" if released is None else f"{released.name}@{released.version}",
        worse=tuple(worse),
        better=tuple(better),
        counts=_counts(after),
    )


def panel_digest(panel: Path, rows: Sequence[PanelRow]) -> str:
    """Return the SHA-256 over a panel and every file it names, in its order."""
    digest = hashlib.sha256(panel.read_bytes())
    for name in dict.fromkeys(name for row in rows for name in (row.file, row.blank) if name):
        with located(panel, name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def gate_lines(gate: Gate) -> Iterator[str]:
    """Yield what a gate found in words: every worse row says how."""
    counts = ", ".join(f"{count} {what}" for what, count in gate.counts.items())
    yield f"release gate: {gate.rows} samples of {gate.panel}: {counts}"
    if not gate.compared_with:
        yield "first release of this method: nothing to compare with"
        return
    yield f"compared with {gate.compared_with}: {len(gate.worse)} worse, {len(gate.better)} better"
    for word, changes in (("worse", gate.worse), ("better", gate.better)):
        for one in changes[:MOST_TOLD]:
            yield f"  {word}, line {one.line}, {one.file}: {'; '.join(one.how)}"
        if len(changes) > MOST_TOLD:
            yield f"  {word}: {len(changes) - MOST_TOLD} more rows"


def _answers(
    panel: Path,
    rows: Sequence[PanelRow],
    method: Method,
    read: Reader,
    now: str,
    advance: Callable[[float], None],
) -> list[Outcome]:
    found = []
    for outcome in play(panel, rows, method, KnownNames(method.references), read=read, now=now):
        found.append(outcome)
        advance(1.0)
    return found


def _losses(old: Outcome, new: Outcome, *, back: bool = False) -> Iterator[str]:
    """Yield what `new` lacks or says wrongly that `old` did not; with `back`, told as what `old` gained."""
    if isinstance(new, Failed) or isinstance(old, Failed):
        if isinstance(new, Failed) and not isinstance(old, Failed):
            yield f"{'was' if back else 'is'} without an answer: {message_of(new.error)}"
        return
    for name in old.named:
        if name not in new.named:
            yield f"{name} is {'now named' if back else 'no longer named'}"
    for name in old.by_class:
        if name in new.missed and name not in new.by_class:
            yield f"{name} {'now alarms' if back else 'no longer alarms'} by its class"
    for name in new.wrong:
        if name not in old.wrong:
            yield f"{name} is {'no longer' if back else 'now'} named wrongly"
    if old.verdict in ALARMS and new.verdict not in ALARMS and _rightly(old):
        yield f"the verdict {'was' if back else 'is now'} {new.verdict}, not {old.verdict}"
    if new.verdict in ALARMS and old.verdict not in ALARMS and not _rightly(new):
        yield f"{'no longer' if back else 'now'} a false alarm"
    if old.verdict is Verdict.NO_ALARM and new.verdict is Verdict.INCONCLUSIVE and not new.missed:
        yield f"{'was' if back else 'is now'} inconclusive: {', '.join(new.reasons)}"


def _rightly(answer: Judged) -> bool:
    """Return whether an alarm has something true to alarm for."""
    return bool(answer.named or answer.by_class)


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    answers = [one for one in outcomes if isinstance(one, Judged)]
    return {
        "wholly right": sum(not one.missed and not one.wrong for one in answers),
        "with a substance missed": sum(bool(one.missed) for one in answers),
        "with a wrong name": sum(bool(one.wrong) for one in answers),
        "without an answer": len(outcomes) - len(answers),
    }
