"""Panels: known samples listed in a CSV file, read strictly and within bounds.

Columns ``file, truth, blank, technique, laser_nm, group`` and, where the shares are known, ``level``; only
``file`` and ``truth`` must be there. Paths are relative to the panel.
"""

import csv
import io
import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from spectra.errors import FormatError
from spectra.values import Technique

COLUMNS = ("file", "truth", "blank", "technique", "laser_nm", "group", "level")
_REQUIRED = ("file", "truth")

#: A panel beyond these is no panel: bytes, rows, characters of a cell, substances in a sample.
MAX_PANEL_BYTES = 8 << 20
MAX_ROWS = 20_000
MAX_CELL = 1_000
MAX_TRUTH = 16


@dataclass(frozen=True, slots=True)
class PanelRow:
    """A sample as the panel describes it."""

    line: int
    """Line of the file on which its row ends, from 1."""
    file: str
    """Path of its spectrum, as written."""
    truth: tuple[str, ...]
    """Substances in it; empty where none of the library is."""
    levels: tuple[float | None, ...]
    """Share of each by weight, above 0 to 1; None where the panel does not say it."""
    blank: str
    """Path of the blank's spectrum, as written; empty for none."""
    technique: Technique | None
    """How it was measured, where the file does not say it."""
    laser_nm: float | None
    """Excitation, nm, where the file does not say it."""
    group: str
    """What it is counted with; empty for none."""


def read_panel(path: Path) -> tuple[PanelRow, ...]:
    """Read a panel; the files it lists are not opened.

    Raises
    ------
    FormatError
        Not UTF-8, too large, an unknown or missing column, or a cell that cannot be used.
    OSError
        The file cannot be opened.
    """
    text = _text(path)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(rows, None)
        columns = _columns(path.name, head)
        found = tuple(
            _row(f"{path.name}, line {rows.line_num}", rows.line_num, columns, cells) for cells in _some(rows)
        )
    except csv.Error as error:
        raise FormatError(f"{path.name}, line {rows.line_num}: {error}") from error
    if not found:
        raise FormatError(f"{path.name}: the panel lists no samples")
    if len(found) > MAX_ROWS:
        raise FormatError(f"{path.name}: more than {MAX_ROWS} samples: split the panel")
    return found


def located(panel: Path, name: str) -> Path:
    """Return where a path of a panel leads: a regular file, by a way relative to the panel.

    Panels come from elsewhere; a path may leave the panel's folder (``../data``), but names no place of its
    own, and no device or pipe that would never end.

    Raises
    ------
    FormatError
        An absolute path, or something that is no regular file.
    OSError
        There is no such file.
    """
    if "\0" in name or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise FormatError(f"{name!r}: paths in a panel are relative to it")
    path = panel.parent / name
    if not stat.S_ISREG(path.stat().st_mode):
        raise FormatError(f"{name}: no regular file")
    return path


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_PANEL_BYTES + 1)
    if len(data) > MAX_PANEL_BYTES:
        raise FormatError(f"{path.name}: larger than {MAX_PANEL_BYTES >> 20} MiB: no panel")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name}: not UTF-8 at byte {error.start}: save the panel as UTF-8") from error


def _columns(name: str, head: list[str] | None) -> list[str]:
    columns = [cell.strip() for cell in head or []]
    strange = [cell for cell in columns if cell not in COLUMNS]
    if strange or len(set(columns)) != len(columns) or not set(_REQUIRED) <= set(columns):
        wrong = f"unknown column {strange[0]!r}" if strange else "columns are missing or stand twice"
        raise FormatError(
            f"{name}: {wrong}; a panel has file,truth and may have {','.join(COLUMNS[len(_REQUIRED) :])}"
        )
    return columns


def _some(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield rows that are not blank, one more than allowed at most."""
    count = 0
    for cells in rows:
        if cells:
            count += 1
            yield cells
        if count > MAX_ROWS:
            return


def _row(where: str, line: int, columns: list[str], cells: list[str]) -> PanelRow:
    if len(cells) != len(columns):
        raise FormatError(f"{where}: {len(cells)} cells for {len(columns)} columns")
    if any(len(cell) > MAX_CELL for cell in cells):
        raise FormatError(f"{where}: a cell of more than {MAX_CELL} characters")
    cell = dict.fromkeys(COLUMNS, "") | {c: text.strip() for c, text in zip(columns, cells, strict=True)}
    if not cell["file"]:
        raise FormatError(f"{where}: no file is named")
    truth = _truth(where, cell["truth"])
    return PanelRow(
        line=line,
        file=cell["file"],
        truth=truth,
        levels=_levels(where, cell["level"], len(truth)),
        blank=cell["blank"],
        technique=_technique(where, cell["technique"]),
        laser_nm=_number(where, cell["laser_nm"], "a laser, nm") if cell["laser_nm"] else None,
        group=cell["group"],
    )


def _truth(where: str, text: str) -> tuple[str, ...]:
    if not text:
        return ()
    names = tuple(name.strip() for name in text.split("|"))
    if not all(names) or len(set(names)) != len(names) or len(names) > MAX_TRUTH:
        raise FormatError(f"{where}: the truth is 1 to {MAX_TRUTH} names with | between them, each once")
    return names


def _levels(where: str, text: str, count: int) -> tuple[float | None, ...]:
    if not text:
        return (None,) * count
    parts = text.split("|")
    if len(parts) != count:
        raise FormatError(f"{where}: {len(parts)} levels for {count} substances")
    levels = [_number(where, part, "a level") if part.strip() else None for part in parts]
    if not all(level is None or 0.0 < level <= 1.0 for level in levels):
        raise FormatError(f"{where}: levels are shares above 0 and at most 1, got {text}")
    if sum(level or 0.0 for level in levels) > 1.0 + 1e-9:
        raise FormatError(f"{where}: levels come to more than 1")
    return tuple(levels)


def _technique(where: str, text: str) -> Technique | None:
    try:
        return Technique(text.lower()) if text else None
    except ValueError:
        known = ", ".join(Technique)
        raise FormatError(f"{where}: no technique {text!r}; there are {known}") from None


def _number(where: str, text: str, what: str) -> float:
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{where}: {text!r} is not {what}")
    return value
