"""Validation: panels of real files and simulated trials put to a method, one judged answer after another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spectra.errors import FormatError, SpectraError
from spectra.formats import Decoded
from spectra.identification import identify
from spectra.method import Method
from spectra.references import Grade, ReferenceEntry
from spectra.trials import Matrix, Trial
from spectra.validation import Case, Judged, Names, judge
from spectra.values import Spectrum, Technique

from .errors import UsageError
from .panels import PanelRow, located

#: Reads every spectrum of a file, given its technique and laser where the panel says them.
Reader = Callable[[Path, Technique | None, float | None], Sequence[Decoded]]

#: What references are mixed with where no matrix is named.
CUTS = "cutting_agent"

#: Which references of a substance to simulate with, the best first.
_GRADES = (Grade.MEASURED, Grade.DERIVED, Grade.LITERATURE)


@dataclass(frozen=True, slots=True)
class Failed:
    """A row of a panel that has no answer."""

    row: PanelRow
    """The row."""
    error: SpectraError | OSError
    """Why."""


def play(
    panel: Path,
    rows: Sequence[PanelRow],
    method: Method,
    names: Names,
    *,
    read: Reader,
    now: str,
    technique: Technique | None = None,
    laser_nm: float | None = None,
) -> Iterator[Judged | Failed]:
    """Identify the samples of a panel one after another and judge each answer.

    A row whose file or blank cannot be read or compared is a failure; the others go on.

    Parameters
    ----------
    panel
        Where the panel is; its paths are relative to it.
    rows
        Its rows.
    method
        What is validated.
    names
        Which names mean one substance.
    read
        Reads spectra of a file.
    now
        Time the answers are given at, RFC 3339 in UTC.
    technique, laser_nm
        For rows that say none.
    """
    blanks: dict[tuple[str, Technique | None, float | None], Spectrum] = {}
    for row in rows:
        given = (row.technique or technique, row.laser_nm or laser_nm)
        try:
            spectrum = _one(panel, row.file, given, read)
            blank = None
            if row.blank:
                key = (row.blank, *given)
                if key not in blanks:
                    blanks[key] = _one(panel, row.blank, given, read)
                blank = blanks[key]
            answer = identify(spectrum, method, blank=blank, source=row.file, now=now)
        except (SpectraError, OSError) as error:
            yield Failed(row, error)
            continue
        yield judge(answer, Case(row.file, row.group, row.truth, row.levels), names)


def _one(panel: Path, name: str, given: tuple[Technique | None, float | None], read: Reader) -> Spectrum:
    found = read(located(panel, name), *given)
    if len(found) != 1:
        raise FormatError(f"{name} holds {len(found)} spectra: a panel's row is one spectrum")
    return found[0].spectrum


def simulate(
    trials: Sequence[Trial], method: Method, names: Names, *, snr: float, fluorescence: float, now: str
) -> Iterator[Judged]:
    """Identify simulated scans one after another and judge each answer.

    Parameters
    ----------
    trials
        What to simulate.
    method, names, now
        As for `play`.
    snr, fluorescence
        As for `spectra.simulation.mix`.

    Raises
    ------
    SpectraError
        References that cannot be mixed.
    """
    for trial in trials:
        scan = trial.scan(snr=snr, fluorescence=fluorescence)
        source = scan.history[-1]
        answer = identify(scan, method, source=source, now=now)
        levels = (trial.share, 1.0 - trial.share) if trial.target is not None else (1.0,)
        case = Case(source, trial.matrix.name, trial.truth, levels[: len(trial.truth)])
        yield judge(answer, case, names)


def ingredients(
    method: Method,
    names: Names,
    *,
    targets: Sequence[str],
    cuts: Sequence[str],
    technique: Technique | None = None,
) -> tuple[tuple[ReferenceEntry, ...], tuple[Matrix, ...]]:
    """Choose references to simulate with.

    Parameters
    ----------
    method
        Its references are what is mixed.
    names
        Which names mean one substance.
    targets
        Substances to look for; by default the watch list.
    cuts
        Substances to mix them with, each a matrix of its own; by default all cutting agents of the method in
        turn, as one matrix.
    technique
        Technique to simulate; by default Raman where the method has it.

    Raises
    ------
    UsageError
        A name that is no reference, or nothing to look for or to mix with.
    """
    if technique is None:
        technique = Technique.RAMAN if Technique.RAMAN in method.sets else next(iter(method.sets))
    known: dict[str, list[ReferenceEntry]] = {}
    for entry in method.reference_set(technique).entries:
        known.setdefault(names.key(entry.substance.name), []).append(entry)
    best = {key: min(some, key=lambda one: _GRADES.index(one.grade)) for key, some in known.items()}

    def asked(name: str) -> ReferenceEntry:
        if (key := names.key(name)) not in best:
            raise UsageError(f"the method has no {technique} reference of {name!r}")
        return best[key]

    wanted = targets or [item.substance for item in method.watch_list if names.key(item.substance) in best]
    if not wanted:
        raise UsageError("the method watches for nothing it has a reference of: name a --target")
    chosen = {names.key(name): asked(name) for name in wanted}
    if cuts:
        named = {names.key(name): asked(name) for name in cuts}
        return tuple(chosen.values()), tuple(Matrix(one.substance.name, (one,)) for one in named.values())
    mixed = tuple(
        one for key, one in best.items() if one.substance.substance_class == CUTS and key not in chosen
    )
    if not mixed:
        raise UsageError("the method has no cutting agents among its references: name a --cut")
    return tuple(chosen.values()), (Matrix(f"{len(mixed)} cutting agents in turn", mixed),)
