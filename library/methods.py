"""Methods from libraries: fitted once, their null tables cached by digest."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spectra.digest import array_digest, json_digest
from spectra.method import FALSE_ALARM_RATE, Method, WatchItem, fit
from spectra.nulls import DRAWS, NullTable, ordered_table
from spectra.recipe import default_recipe
from spectra.values import FloatArray, Technique

from .keeping import keep_references, kept_references
from .method_cache import keep_models, kept_models
from .null_workers import simulate_null_by
from .replacing import replace_file
from .starter import ensure_starter
from .store import Library, read_library

#: Harmless targets of the training method: both ship as derived references, and both carry the
#: mono-substituted phenyl bands (1001, 1030, 1600 cm⁻¹) that make fentanyls hard to tell apart.
TRAINING_TARGETS = ("metamizole", "ketoprofen")

#: Share of spectral area above which the training method must exclude its targets. Chosen so that
#: an ordinary strong scan can be a negative in training; an agency sets its own.
TRAINING_LIMIT = 0.25

#: Counted up whenever the simulation or the statistic changes, so that old caches are not used.
NULL_REVISION = 2

#: Null tables of the starter library, computed by `ship_null_tables`.
SHIPPED = Path(__file__).parent / "data" / "nulls"

#: A cached null table larger than this is not ours.
MAX_CACHE_BYTES = 4 << 20


def fit_method(
    library: Library,
    *,
    name: str = "",
    watch_list: Sequence[WatchItem] | None = None,
    classes: Sequence[str] | None = None,
    training: bool = False,
    version: int = 1,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    planned_scans: int = 1,
    cache: Path | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    workers: int = 1,
    advance: Callable[[float], None] | None = None,
) -> Method:
    """Fit a method from a library alone, as ``identify --library`` does.

    Parameters
    ----------
    library
        The opened library.
    name
        Name of the method; by default that of the library.
    watch_list
        By default every controlled substance in the library.
    classes
        Classes to answer for; by default those the library can train.
    version, false_alarm_rate, planned_scans
        As `spectra.method.fit`.
    cache
        Folder for null tables and class models, named by the digest of all they depend on; None for none.
    draws, seed
        Size and seed of the null tables; the seed is that of the classes' training too.
    workers
        Processes that simulate null tables; the method does not depend on their number.
    advance
        Told of each null scan simulated, for a progress bar.
    """
    there = [t for t in Technique if any(e.technique is t for e in library.entries)]
    keys = {t: _null_key(library, t, draws, seed) for t in there}
    known = {t: table for t, key in keys.items() if (table := _kept(cache, key)) is not None}
    recipes = {technique: default_recipe(technique) for technique in there}
    method = fit(
        library.entries,
        name=name or library.name,
        library_name=library.name,
        library_digest=library.digest,
        watch_list=watch_list,
        classes=classes,
        training=training,
        version=version,
        false_alarm_rate=false_alarm_rate,
        planned_scans=planned_scans,
        draws=draws,
        seed=seed,
        nulls=known,
        prepared=kept_references(cache, library.digest, recipes),
        class_models=kept_models(cache, library, there, seed),
        simulate=partial(simulate_null_by, workers),
        advance=advance,
    )
    if cache is not None:
        for technique, table in method.nulls.items():
            if technique not in known:
                cache.mkdir(parents=True, exist_ok=True)
                _keep(cache, keys[technique], table)
        keep_models(cache, library, method, seed)
        keep_references(cache, library.digest, method.sets.values())
    return method


def training_method(folder: Path, *, advance: Callable[[float], None] | None = None) -> Method:
    """Return the training method, built from the shipped facts on first use.

    Its watch list is two harmless substances, so that the whole chain can alarm on the first
    day; every screen, record and page of it is marked TRAINING.

    Parameters
    ----------
    folder
        The user's data folder; the starter library and the null tables are kept there.
    """
    library = read_library(ensure_starter(folder / "libraries"))
    return fit_method(
        library,
        name="training",
        watch_list=[WatchItem(target, TRAINING_LIMIT) for target in _as_named(library, TRAINING_TARGETS)],
        training=True,
        cache=folder / "methods",
        advance=advance,
    )


def _as_named(library: Library, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the names as the library writes them."""
    by_fold = {entry.substance.name.casefold(): entry.substance.name for entry in library.entries}
    return tuple(by_fold.get(name.casefold(), name) for name in wanted)


def _null_key(library: Library, technique: Technique, draws: int, seed: int = 0) -> str:
    told = {
        "library": library.digest,
        "recipe": default_recipe(technique).digest,
        "draws": draws,
        "revision": NULL_REVISION,
    }
    return json_digest({**told, "seed": seed} if seed else told)


def ship_null_tables() -> None:
    """Write the null tables of the starter library into the package, for those who change the search.

    Shipped tables make the training method the same on every machine, to the last bit of its
    digest, and spare the first run their simulation. A test simulates them anew.
    """
    library = read_library(ensure_starter(SHIPPED))
    for old in SHIPPED.glob("null-*.json"):
        old.unlink()
    method = fit_method(library)
    for technique, table in method.nulls.items():
        rounded = ordered_table(_rounded(table.maxima), _rounded(table.regimes), table.seed)
        _keep(SHIPPED, _null_key(library, technique, DRAWS), rounded)
    (SHIPPED / "starter.h5").unlink()


def _rounded(values: FloatArray) -> FloatArray:
    return np.array([float(f"{value:.6g}") for value in values])


def _kept(cache: Path | None, key: str) -> NullTable | None:
    """Return a table that ships or was kept; a damaged one counts as missing and is computed again."""
    folders = [SHIPPED] if cache is None else [SHIPPED, cache]
    found = (_read(folder / f"null-{key[:32]}.json", key) for folder in folders)
    return next((table for table in found if table is not None), None)


def _read(path: Path, key: str) -> NullTable | None:
    try:
        if path.stat().st_size > MAX_CACHE_BYTES:
            return None
        kept: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        maxima = np.array(kept["maxima"], dtype=np.float64)
        shares = np.array(kept["regimes"], dtype=np.float64)
        if kept["key"] != key or array_digest(maxima, shares) != kept["digest"]:
            return None
        return ordered_table(maxima, shares, int(kept["seed"]))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _keep(cache: Path, key: str, table: NullTable) -> None:
    kept = {
        "key": key,
        "seed": table.seed,
        "digest": array_digest(table.maxima, table.regimes),
        "maxima": table.maxima.tolist(),
        "regimes": table.regimes.tolist(),
    }
    replace_file(cache / f"null-{key[:32]}.json", lambda path: _write(path, json.dumps(kept)))


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
