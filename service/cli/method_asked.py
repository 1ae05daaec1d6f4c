"""What is asked of ``opioscan method``: names with versions, watch lists, classes, folders of negatives."""

from pathlib import Path
from typing import TYPE_CHECKING

from spectra.values import Technique

from ..errors import UsageError
from ..settings import load_settings
from .output import warn

if TYPE_CHECKING:
    from library.method_negatives import Negatives
    from library.store import Library
    from spectra.method import WatchItem
    from spectra.recipe import Recipe
    from spectra.references import ReferenceEntry


def asked(text: str) -> tuple[str, int | None]:
    """Split ``NAME[@VERSION]``.

    Raises
    ------
    UsageError
        The version is no number from 1.
    """
    name, at, version = text.partition("@")
    if not at:
        return name, None
    if not (version.isascii() and version.isdigit() and len(version) <= 5 and int(version) > 0):
        raise UsageError(f"{text!r}: a version is a number from 1, as in {name}@1")
    return name, int(version)


def asked_references(
    method: str, library: Path | None
) -> "tuple[tuple[ReferenceEntry, ...], dict[Technique, Recipe], float | None]":
    """Return the references to prove, their recipes, and the promised rate of a stored method."""
    if library is not None:
        from library.store import read_library

        return read_library(library).entries, {}, None
    from library.method_store import read_method

    found = read_method(load_settings().methods_dir, *asked(method)).method
    return found.references, {t: refs.recipe for t, refs in found.sets.items()}, found.false_alarm_rate


def asked_watch_list(
    given: list[str] | None, listed: Path | None, library: "Library"
) -> "tuple[WatchItem, ...] | None":
    """Return the watch list asked for, in the library's names; None leaves it to the library."""
    from library.method_watch import read_watch_list, resolved, watch_item

    items = [*(read_watch_list(listed) if listed else ()), *(watch_item(one) for one in given or ())]
    if not items:
        return None
    found = resolved(items, library)
    for name in found.uncovered:
        warn(f"the library has no reference of {name}: no scan can exclude it, so none is a negative")
    return found.items


def asked_classes(given: list[str] | None) -> tuple[str, ...] | None:
    """Return the classes asked for; None leaves them to the library.

    Raises
    ------
    UsageError
        There is no such class.
    """
    from spectra.method import CLASSES

    if unknown := sorted(set(given or ()) - set(CLASSES)):
        raise UsageError(f"no class {unknown[0]!r}; there are {', '.join(CLASSES)}")
    return tuple(dict.fromkeys(given)) if given else None


def asked_negatives(
    folder: Path | None, technique: Technique | None, laser: float | None
) -> "Negatives | None":
    """Read the folder of negatives asked for; None without one."""
    if folder is None:
        return None
    from library.method_negatives import read_negatives

    return read_negatives(folder, technique=technique, laser_nm=laser)
