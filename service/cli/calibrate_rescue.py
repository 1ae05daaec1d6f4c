"""``opioscan calibrate axis --from``: correct measurements after the fact by a known substance."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.record import CalibrationRecord

from ..calibrating import record_of
from ..calibration_sources import Source, expanded, source_of
from ..errors import UsageError
from ..rescuing import Rescued, check_same_axis, check_untouched, derived, encoded, found_rescue, written_name
from .calibrate_words import answer, page
from .calibrate_work import Work, draw
from .output import emit_json, say, warn
from .spectrum_files import write_whole

#: Why the record of a rescue is not in force.
WITHDRAWN = "it corrects measurements after the fact, and was made for no later scan"


@dataclass(frozen=True, slots=True)
class _File:
    """One file to be written."""

    path: Path
    data: bytes
    source: Source


def rescue(work: Work, text: str, known: str, apply_to: Sequence[str], out: Path, ending: str) -> None:
    """Find the correction, write what is derived, keep the record; originals stay as they are."""
    asked = work.asked
    reference = source_of(text, work.archive)
    sources = _distinct([reference, *(source_of(one, work.archive) for one in expanded(list(apply_to)))])
    check_same_axis(reference, sources)
    found = found_rescue(reference, known)
    record = record_of(found.outcome, [reference], (known,), asked.papers, work.store, supersede=False)
    paths = [written_name(one, out, ending) for one in sources]
    _check_free(paths, force=asked.force)
    # Nothing is written unless everything can be.
    files = [
        _File(path, encoded(derived(one, record), _title(one), ending), one)
        for path, one in zip(paths, sources, strict=True)
    ]
    kept = "" if asked.dry_run else _kept(work, record, files, out)
    if asked.plot is not None:
        draw(record, found.lines, asked.plot, force=asked.force)
    check_untouched(sources)
    _tell(work, record, found, files, kept)


def _kept(work: Work, record: CalibrationRecord, files: Sequence[_File], out: Path) -> str:
    """Keep the record, in force for nothing, and write the files; return the record's file."""
    kept = str(work.store.keep(record))
    work.store.withdraw(record.record_id, why=WITHDRAWN, by=record.operator, at=record.made_at)
    out.mkdir(parents=True, exist_ok=True)
    for file in files:
        write_whole(file.path, file.data, force=work.asked.force)
    return kept


def _tell(work: Work, record: CalibrationRecord, found: Rescued, files: Sequence[_File], kept: str) -> None:
    if work.asked.as_json:
        written = [{"file": str(one.path), "from": one.source.digest} for one in files if kept]
        emit_json(answer(record, found.lines, kept, derived=written))
        return
    say(page(record, found.lines))
    if not kept:
        say("nothing was written, this was a dry run")
        return
    for one in files:
        said = f"derived from {one.source.name} ({one.source.digest[:12]}), which stays as it is"
        say(f"{one.path}: {said}")
    say(f"Record {record.record_id[:12]}: kept, and in force for no other scan")
    if record.emulated:
        warn("this is an emulated device: no real sample was measured")


def _distinct(sources: Sequence[Source]) -> list[Source]:
    """Return each measurement once, however often it is named."""
    first: dict[str, Source] = {}
    for one in sources:
        first.setdefault(one.digest, one)
    return list(first.values())


def _check_free(paths: Sequence[Path], *, force: bool) -> None:
    if len(set(paths)) != len(paths):
        raise UsageError(
            "two files of one name: rescue them one folder after the other, each to its own --out"
        )
    taken = [path for path in paths if path.exists()]
    if taken and not force:
        raise FileExistsError(f"{taken[0]} is there already: give --force to replace it")


def _title(source: Source) -> str:
    if source.scan is None:
        return source.decoded[0].title
    return f"{source.scan.name or source.scan.item or 'scan'} {source.name}"
