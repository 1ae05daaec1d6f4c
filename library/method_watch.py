"""Watch lists as people write them: names with limits, or a CSV file, resolved against a library."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spectra.method import WatchItem

from .errors import EntryNotFound
from .folders import read_file
from .method_errors import MethodDamaged
from .names import fold_name
from .store import Library
from .substances import SubstanceTable

#: Columns of a watch list; the limit may be left empty, or out.
COLUMNS = ("substance", "limit_share")

#: Bounds of a list; a longer one is a mistake.
MAX_ITEMS = 5000
MAX_NAME = 200
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class WatchList:
    """A watch list in the names of a library."""

    items: tuple[WatchItem, ...]
    """Its substances with their limits."""
    uncovered: tuple[str, ...]
    """Those the library has no reference of: no scan can exclude them."""


def watch_item(text: str) -> WatchItem:
    """Read ``SUBSTANCE`` or ``SUBSTANCE=LIMIT``, the limit as a share or with a percent sign.

    Raises
    ------
    MethodDamaged
        The name is missing or too long, or the limit is no share above 0 and up to 1.
    """
    name, equals, limit = text.rpartition("=")
    if not equals:
        return _item(text, "")
    return _item(name, limit)


def read_watch_list(path: Path) -> tuple[WatchItem, ...]:
    """Read a watch list from a CSV file with the columns ``substance`` and, if wanted, ``limit_share``.

    Raises
    ------
    MethodDamaged
        It is no such list.
    OSError, ImportRefused
        It cannot be read.
    """
    data = read_file(path)
    try:
        text = data[: MAX_BYTES + 1].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MethodDamaged(f"{path}: not UTF-8 text; save it as CSV UTF-8") from error
    if len(data) > MAX_BYTES:
        raise MethodDamaged(f"{path}: larger than the {MAX_BYTES} bytes of a watch list")
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="more")
        columns, rows = reader.fieldnames or (), list(reader)
    except csv.Error as error:
        raise MethodDamaged(f"{path}: no CSV: {error}") from error
    if not rows or not set(columns) <= set(COLUMNS) or "substance" not in columns:
        raise MethodDamaged(f"{path}: a watch list has the columns {', '.join(COLUMNS)} and at least one row")
    items = []
    for line, row in enumerate(rows, start=2):
        try:
            if None in row.values() or "more" in row:
                raise MethodDamaged("not as many cells as columns")
            items.append(_item(row["substance"], row.get("limit_share", "")))
        except MethodDamaged as error:
            raise MethodDamaged(f"{path}, row {line}: {error}") from error
    return tuple(items)


def resolved(items: Sequence[WatchItem], library: Library) -> WatchList:
    """Return a watch list in the names of a library.

    A name or synonym becomes the name the library's entries carry; one the library has no entry
    of becomes the preferred name of the shipped substance table.

    Raises
    ------
    MethodDamaged
        A substance is in neither, stands there twice, or there are too many.
    """
    if len(items) > MAX_ITEMS:
        raise MethodDamaged(f"{len(items)} substances are more than the {MAX_ITEMS} of a watch list")
    names = _names(library)
    table = SubstanceTable.shipped()
    found: dict[str, WatchItem] = {}
    uncovered = []
    for item in items:
        name = names.get(fold_name(item.substance))
        if name is None:
            name = _elsewhere(item.substance, names, table, library)
            if name not in names.values():
                uncovered.append(name)
        if name in found:
            raise MethodDamaged(f"{item.substance!r} stands twice on the watch list, as {name!r}")
        found[name] = WatchItem(name, item.limit_share)
    return WatchList(tuple(found.values()), tuple(uncovered))


def _names(library: Library) -> dict[str, str]:
    """Return the name of an entry by each folded name and synonym; a name wins over a synonym."""
    by_fold: dict[str, str] = {}
    for entry in library.entries:
        by_fold.setdefault(fold_name(entry.substance.name), entry.substance.name)
    for entry in library.entries:
        for synonym in entry.substance.synonyms:
            by_fold.setdefault(fold_name(synonym), entry.substance.name)
    return by_fold


def _elsewhere(name: str, names: dict[str, str], table: SubstanceTable, library: Library) -> str:
    known = table.resolve(name)
    if known is None:
        try:
            library.entry(name)
        except EntryNotFound as error:
            raise MethodDamaged(f"watch list: {error}") from error
        raise MethodDamaged(f"watch list: {name!r} names no substance")
    own = (names[fold] for fold in _folds((known.name, *known.synonyms)) if fold in names)
    return next(own, known.name)


def _folds(names: Iterable[str]) -> list[str]:
    return [fold_name(name) for name in names]


def _item(name: str, limit: str) -> WatchItem:
    name, limit = name.strip(), limit.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise MethodDamaged(f"a substance has a name of 1 to {MAX_NAME} printable characters")
    if not limit:
        return WatchItem(name)
    try:
        share = float(limit.removesuffix("%")) / (100.0 if limit.endswith("%") else 1.0)
    except ValueError:
        share = 0.0
    if not 0.0 < share <= 1.0:
        raise MethodDamaged(f"{name}: the limit {limit!r:.40} is no share above 0 and up to 1 (or 100%)")
    return WatchItem(name, share)
