"""``manifest.csv``: what a person says about the files of a folder; it wins over what the files say."""

import csv
import io
import re
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

from spectra.values import Technique

from .errors import ManifestError

NAME = "manifest.csv"
MAX_BYTES = 16 << 20
MAX_ROWS = 20_000
MAX_CELL = 2_000

_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_CAS = re.compile(r"([0-9]{2,7})-([0-9]{2})-([0-9])")


@dataclass(frozen=True, slots=True)
class Row:
    """One row; every field but the first is empty where the manifest does not say."""

    file: str
    """File, relative to the folder, with ``/``."""
    name: str = ""
    """Name of the substance."""
    synonyms: str = ""
    """Other names, separated by ``|``."""
    substance_class: str = ""
    """Class, column ``class``."""
    form: str = ""
    """Salt, hydrate or physical form."""
    technique: str = ""
    """``raman`` or ``ftir``."""
    measurement: str = ""
    """How it was measured, for example ``ATR`` or ``GC-IR``."""
    inchikey: str = ""
    """InChIKey."""
    cas: str = ""
    """CAS registry number."""
    schedule: str = ""
    """Schedule text."""
    source: str = ""
    """Origin of the spectrum."""
    licence: str = ""
    """Licence of the data."""
    authenticated_by: str = ""
    """Who vouches that the sample was what it is called; not who measured it."""
    authenticated_at: str = ""
    """When, RFC 3339."""
    basis: str = ""
    """On what grounds."""
    certificate: str = ""
    """Certificate of analysis: text, or a file of the folder."""
    lot: str = ""
    """Lot of the sample."""
    supplier: str = ""
    """Who supplied the sample."""
    sample: str = ""
    """The sample as its laboratory calls it."""
    expires: str = ""
    """Last day on which the lot may be used, such as 2027-06-30."""

    def problem(self) -> str:
        """Return why this row cannot be followed; empty where it can."""
        if self.technique and self.technique not in set(Technique):
            return f"manifest.csv says technique {self.technique!r:.40}; it should be raman or ftir"
        if self.inchikey and not _INCHIKEY.fullmatch(self.inchikey):
            return f"manifest.csv says InChIKey {self.inchikey!r:.40}, which is none"
        if self.cas and not is_cas(self.cas):
            return f"manifest.csv says CAS number {self.cas!r:.40}, whose check digit or form is wrong"
        return ""


#: Column of the manifest for each field of a row.
COLUMNS = {("class" if field.name == "substance_class" else field.name): field.name for field in fields(Row)}


def is_inchikey(text: str) -> bool:
    """Whether a text has the form of an InChIKey."""
    return bool(_INCHIKEY.fullmatch(text))


def is_cas(text: str) -> bool:
    """Whether a text is a CAS registry number with its right check digit (CAS: weighted sum mod 10)."""
    found = _CAS.fullmatch(text)
    if not found:
        return False
    digits = found[1] + found[2]
    total = sum(weight * int(digit) for weight, digit in enumerate(reversed(digits), start=1))
    return total % 10 == int(found[3])


def read_manifest(folder: Path) -> dict[str, Row] | None:
    """Read the manifest of a folder.

    Returns
    -------
    dict or None
        Rows by file, in the manifest's order; None where the folder has no manifest.

    Raises
    ------
    ManifestError
        It cannot be read, has an unknown or repeated column, a row of another length,
        or a file listed twice.
    """
    path = folder / NAME
    if not path.exists():
        return None
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    found: dict[str, Row] = {}
    try:
        columns = _columns(next(rows, []))
        for cells in rows:
            if any(cell.strip() for cell in cells):
                row = _row(columns, cells, rows.line_num)
                if row.file in found:
                    raise ManifestError(f"{NAME}, line {rows.line_num}: {row.file!r:.80} is listed twice")
                found[row.file] = row
            if len(found) > MAX_ROWS:
                raise ManifestError(f"{NAME} lists more than {MAX_ROWS} files; split the folder")
    except csv.Error as error:
        raise ManifestError(f"{NAME}, line {rows.line_num}: {error}") from error
    return found


def inside(folder: Path, file: str) -> Path | None:
    """Return the path a manifest's file names, or None where it would lead out of the folder."""
    parts = PurePosixPath(file)
    if not file or "\0" in file or "\\" in file or parts.is_absolute() or ".." in parts.parts:
        return None
    path = folder / parts
    try:
        return path if path.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, RuntimeError):
        return None


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise ManifestError(f"{NAME} is no file, or has more than {MAX_BYTES} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{NAME} is not UTF-8 text; save it as CSV UTF-8") from error
    except OSError as error:
        raise ManifestError(f"{NAME} cannot be read: {error.strerror}") from error


def _columns(cells: list[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown or "file" not in columns or len(set(columns)) != len(columns):
        wrong = f"unknown column {unknown[0]!r:.40}" if unknown else "no column 'file', or a column twice"
        raise ManifestError(f"{NAME}: {wrong}; columns are among {','.join(COLUMNS)}, comma separated")
    return columns


def _row(columns: list[str], cells: list[str], line: int) -> Row:
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        raise ManifestError(f"{NAME}, line {line}: {len(cells)} cells for {len(columns)} columns")
    if any(len(cell) > MAX_CELL or not cell.isprintable() for cell in cells):
        raise ManifestError(f"{NAME}, line {line}: a cell is too long or holds control characters")
    said = {COLUMNS[column]: cell.strip() for column, cell in zip(columns, cells, strict=False)}
    said["technique"] = said.get("technique", "").lower()
    return Row(**said)
