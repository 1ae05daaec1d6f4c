"""Fitting a method for keeps: thresholds, the agency's negatives, reliability, stored as a version."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spectra.errors import MethodError
from spectra.method import FALSE_ALARM_RATE, Method, WatchItem
from spectra.nulls import DRAWS, LEAST, NEAREST
from spectra.promise import search_share, share_of
from spectra.reliability import DRAWS as RELIABILITY_DRAWS
from spectra.reliability import reliability
from spectra.trained import CLASSES, trainable
from spectra.values import Technique

from .method_names import check_name
from .method_negatives import Negatives, live_check, with_negatives
from .method_store import StoredMethod, next_version, write_method
from .methods import fit_method
from .store import Library

#: False alarms that may be promised, of a completed screening (chosen: more is no screening, less
#: no null table of ours can test).
RATES = (1e-4, 0.2)

#: Most scans that may be planned for one screening (chosen).
MOST_SCANS = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a technician asks of a method."""

    name: str
    """Its name, see `library.method_names.check_name`."""
    watch_list: tuple[WatchItem, ...] | None = None
    """What to alarm on; None for every controlled substance of the library."""
    classes: tuple[str, ...] | None = None
    """Classes to answer for; None for those the library can train."""
    false_alarm_rate: float = FALSE_ALARM_RATE
    """False alarms promised per completed screening, within `RATES`."""
    planned_scans: int = 1
    """Scans a screening is planned to have; `spectra.promise` divides the rate by it."""
    training: bool = False
    """True for harmless targets, marked TRAINING everywhere."""
    draws: int | None = None
    """Simulated null scans of each technique; None for enough to test the rate."""
    reliability_draws: int = RELIABILITY_DRAWS
    """Simulated scans of each kind for the reliability table."""
    seed: int = 0
    """Seed of all simulation."""

    def __post_init__(self) -> None:
        check_name(self.name)
        if not RATES[0] <= self.false_alarm_rate <= RATES[1]:
            raise ValueError(f"a rate of {self.false_alarm_rate} is not within {RATES[0]} to {RATES[1]}")
        if not 1 <= self.planned_scans <= MOST_SCANS:
            raise ValueError(f"{self.planned_scans} scans per screening are not within 1 to {MOST_SCANS}")
        if (
            (self.draws is not None and self.draws < 1)
            or self.reliability_draws < 1
            or not 0 <= self.seed < 2**32
        ):
            raise ValueError("draws must be at least 1, and a seed from 0 to 4294967295")
        if any(not 0.0 < item.limit_share <= 1.0 for item in self.watch_list or ()):
            raise ValueError("a limit of the watch list is a share above 0 and up to 1")
        names = [item.substance for item in self.watch_list or ()]
        if len(set(names)) < len(names):
            raise ValueError("a substance stands twice on the watch list")


def fit_stored(
    folder: Path,
    library: Library,
    wanted: Wanted,
    *,
    now: str,
    software: str,
    negatives: Negatives | None = None,
    workers: int = 1,
    advance: Callable[[float], None] | None = None,
) -> StoredMethod:
    """Fit a method from a library and store it as the next version of its name.

    Parameters
    ----------
    folder
        Folder of methods; null tables and class models are kept there as well.
    library
        Its references.
    wanted
        What is asked of it.
    now
        Time of the fit, RFC 3339 in UTC.
    software
        Program and version that fit it.
    negatives
        Scans known to hold nothing on the watch list.
    workers
        Processes that simulate null tables; the method does not depend on their number.
    advance
        Told of each scan simulated or searched, for a progress bar.

    Raises
    ------
    MethodError
        The library has no usable reference, or the null tables cannot test the rate.
    LibraryNotWritten
        It could not be stored.
    """
    method = fit_method(
        library,
        name=wanted.name,
        watch_list=wanted.watch_list,
        classes=wanted.classes,
        training=wanted.training,
        version=next_version(folder, wanted.name),
        false_alarm_rate=wanted.false_alarm_rate,
        planned_scans=wanted.planned_scans,
        cache=folder,
        draws=draws_of(library, wanted),
        seed=wanted.seed,
        workers=workers,
        advance=advance,
    )
    for technique in method.sets:
        _require_testable(method, technique)
    refused: Sequence[tuple[str, str]] = ()
    checked: dict[str, Any] = {}
    if negatives is not None:
        method, refused = with_negatives(method, negatives, advance=advance)
        checked = live_check(method, negatives, now=now, advance=advance)
    report: dict[str, Any] = {
        "fitted_at": now,
        "software": software,
        "seed": wanted.seed,
        "refused_negatives": [{"source": source, "reason": why} for source, why in refused],
        "negatives_live": checked,
        "reliability": reliability_of(
            method, draws=wanted.reliability_draws, seed=wanted.seed, advance=advance
        ),
    }
    return write_method(folder, method, library, report)


def draws_of(library: Library, wanted: Wanted) -> int:
    """Return the null scans of each technique: those asked for, else enough for the smallest rate of a scan.

    A p-value is counted against `spectra.nulls.NEAREST` of them, or `LEAST`.
    """
    if wanted.draws is not None:
        return wanted.draws
    asked = CLASSES if wanted.classes is None else wanted.classes
    most = max((len({*trainable(library.entries, t)} & {*asked}) for t in Technique), default=0)
    return max(DRAWS, _draws_for(_least_rate(wanted) * search_share(most)))


def _least_rate(wanted: Wanted) -> float:
    return wanted.false_alarm_rate * share_of(wanted.planned_scans, wanted.planned_scans)


def _draws_for(rate: float) -> int:
    counted = math.ceil(1.0 / rate - 1.0)
    return counted if counted <= LEAST else math.ceil(counted / NEAREST) + 1


def _require_testable(method: Method, technique: Technique) -> None:
    """Raise `MethodError` unless the null table can test what the search may spend of a planned scan."""
    least = method.search_rate(technique, method.planned_scans)
    try:
        method.threshold(technique, least)
    except MethodError as error:
        raise MethodError(f"{error}; give --draws {_draws_for(least)} or more, or promise less") from error


def reliability_of(
    method: Method, *, draws: int, seed: int, advance: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Return the reliability table of each technique of a method, JSON values."""
    return {
        str(technique): reliability(
            references,
            partial(method.p_value, technique),
            rate=method.false_alarm_rate,
            draws=draws,
            seed=seed,
            advance=advance,
        ).to_json()
        for technique, references in method.sets.items()
    }


def work_of(library: Library, wanted: Wanted, negatives: Negatives | None) -> float:
    """Return how many scans a fit will simulate or search, for a progress bar."""
    techniques = sum(any(e.technique is t for e in library.entries) for t in Technique)
    searched = 0 if negatives is None else 2 * len(negatives.scans)
    return float(techniques * (draws_of(library, wanted) + 2 * wanted.reliability_draws) + searched)
