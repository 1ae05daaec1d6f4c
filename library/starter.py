"""The starter library: derived and literature entries rendered from the shipped fact tables.

It lets the first run work. It holds no Raman reference of any fentanyl, because no open one exists.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from spectra.references import Grade, ReferenceEntry, Substance
from spectra.values import FloatArray, Spectrum, Technique

from .changes import changes_path
from .equivalents import link_equivalents
from .errors import LibraryFormatError, LibraryNotFound, LibraryNotWritten, LibraryVersionError, TableError
from .names import fold_name, slug
from .replacing import folder_lock
from .store import content_digest, read_library, write_library
from .substances import PACKAGING, SubstanceTable
from .tables import read_table

NAME = "starter"
FILE = "starter.h5"

PEAK_COLUMNS = ("substance", "centre_cm1", "fwhm_cm1", "height", "lorentz_fraction")
BAND_COLUMNS = (
    "substance",
    "form",
    "technique",
    "position_cm1",
    "relative_intensity",
    "assignment",
    "source",
)

#: Range the Raman peaks were fitted in, cm⁻¹; two oils were measured from 500 only (SOURCE of the
#: ENLIGHTEN matching library), and zero below that would be a claim nobody measured.
RAMAN_FROM, RAMAN_TO, RAMAN_STEP = 302.0, 2300.0, 1.0
MEASURED_FROM = {"linseed oil": 500.0, "sesame oil": 500.0}
#: The narrowest lines of the fitted spectra, silicon 521 and calcium carbonate 1087, are 6.5 to 7 cm⁻¹ wide.
RAMAN_RESOLUTION = 7.0
LASER_NM = 785.0
RAMAN_SOURCE = (
    "sum of pseudo-Voigt peaks fitted to the ENLIGHTEN default matching library (Wasatch Photonics, "
    "commit 0e98896, WP-785X spectrometer) after arPLS baseline"
)

#: The band tables were read between these, cm⁻¹.
IR_FROM, IR_TO, IR_STEP = 400.0, 1800.0, 2.0
#: Width of a rendered band, cm⁻¹. Of 8 to 24, 12 to 16 agreed best with measured spectra of five of the
#: drugs: correlation of first derivatives 0.77 to 0.90.
IR_FWHM = 14.0
#: Point spacing of the spectra the bands were read from, cm⁻¹.
IR_RESOLUTION = 8.0
IR_SUBSTANCES = (
    "fentanyl",
    "carfentanil",
    "acetylfentanyl",
    "acrylfentanyl",
    "furanylfentanyl",
    "furanylethylfentanyl",
    "flunitazene",
    "heroin",
)

#: Rendered intensities are rounded to this many decimals of the strongest: exp() may differ in its last
#: bit between processors, the digest of the starter library may not.
DECIMALS = 6


def starter_entries() -> tuple[ReferenceEntry, ...]:
    """Return the entries of the starter library, the same on every machine.

    80 Raman entries of grade *derived* and eight infrared ones of grade *literature*.

    Raises
    ------
    TableError
        A shipped table is missing or damaged.
    """
    return _starter_entries()


def ensure_starter(folder: Path) -> Path:
    """Return the starter library in a folder, building it where it is missing, damaged or of another version.

    One that somebody changed or added to is kept beside it under another name.

    Parameters
    ----------
    folder
        Folder of libraries; made where missing.

    Raises
    ------
    LibraryError
        It can neither be read nor written.
    """
    path = Path(folder) / FILE
    if _is_current(path):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryNotWritten(f"the folder {folder} cannot be made: {error.strerror}") from error
    with folder_lock(path.parent):
        if not _is_current(path):
            _set_aside(path)
            write_library(path, starter_entries(), name=NAME)
    return path


def pseudo_voigt(
    axis: FloatArray, centre: FloatArray, fwhm: FloatArray, height: FloatArray, lorentz: FloatArray
) -> FloatArray:
    """Return a sum of peaks, each ``height · (η · Lorentz + (1 − η) · Gauss)`` of one common width.

    Parameters
    ----------
    axis
        Where, cm⁻¹, shape (n,).
    centre, fwhm
        Centre and full width at half maximum of each peak, cm⁻¹, shape (m,).
    height
        Height of each peak, any unit, shape (m,).
    lorentz
        Fraction η of the Lorentzian, 0 to 1, shape (m,).

    Returns
    -------
    ndarray of shape (n,)
        The sum, in the unit of `height`.
    """
    distance = ((axis[:, None] - centre) / (fwhm / 2)) ** 2
    shape = lorentz / (1 + distance) + (1 - lorentz) * np.exp(-np.log(2) * distance)
    return np.asarray(shape @ height, dtype=np.float64)


def _is_current(path: Path) -> bool:
    try:
        return read_library(path).digest == _starter_digest()
    except (LibraryNotFound, LibraryVersionError, LibraryFormatError):
        return False


def _set_aside(path: Path) -> None:
    """Keep a starter library that holds somebody's work; of an older version nothing is lost."""
    try:
        library = read_library(path)
    except (LibraryNotFound, LibraryVersionError, LibraryFormatError):
        return
    journal = changes_path(path)
    if not journal.exists() and all(entry.grade is not Grade.MEASURED for entry in library.entries):
        return
    kept = path.with_name(f"{path.stem}-changed-{library.digest[:12]}.h5")
    try:
        path.rename(kept)
        if journal.exists():
            journal.rename(changes_path(kept))
    except OSError as error:
        raise LibraryNotWritten(f"{path} cannot be kept as {kept.name}: {error.strerror}") from error


@cache
def _starter_digest() -> str:
    return content_digest(starter_entries(), name=NAME)


@cache
def _starter_entries() -> tuple[ReferenceEntry, ...]:
    table = SubstanceTable.shipped()
    peaks = _grouped(read_table("raman785_peaks.csv", PEAK_COLUMNS))
    bands = _grouped(r for r in read_table("bands.csv", BAND_COLUMNS) if r["technique"] == "ATR-FTIR")
    entries = [_raman_entry(name, rows, table) for name, rows in peaks.items()]
    entries += [_infrared_entry(name, bands.get(name, []), table) for name in IR_SUBSTANCES]
    return link_equivalents(sorted(entries, key=lambda entry: entry.reference_id))


def _grouped(rows: Iterable[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row["substance"], []).append(row)
    return groups


def _raman_entry(name: str, rows: list[dict[str, str]], table: SubstanceTable) -> ReferenceEntry:
    substance, preferred = _substance(name, table)
    axis = np.arange(MEASURED_FROM.get(name, RAMAN_FROM), RAMAN_TO + RAMAN_STEP / 2, RAMAN_STEP)
    columns = {column: _numbers(rows, column) for column in PEAK_COLUMNS[1:]}
    intensity = pseudo_voigt(
        axis, columns["centre_cm1"], columns["fwhm_cm1"], columns["height"], columns["lorentz_fraction"]
    )
    return ReferenceEntry(
        reference_id=f"raman-{slug(name)}-derived",
        substance=substance,
        spectrum=Spectrum(
            axis=axis,
            intensity=_scaled(intensity),
            technique=Technique.RAMAN,
            laser_nm=LASER_NM,
            resolution_cm1=RAMAN_RESOLUTION,
            history=(f"rendered from {len(rows)} pseudo-Voigt peaks", "strongest channel scaled to 1"),
        ),
        grade=Grade.DERIVED,
        packaging=preferred in PACKAGING,
        instrument="WP-785X (fitted)",
        source=RAMAN_SOURCE,
        licence="MIT (Wasatch Photonics ENLIGHTEN)",
    )


def _infrared_entry(name: str, rows: list[dict[str, str]], table: SubstanceTable) -> ReferenceEntry:
    if not rows:
        raise TableError(f"bands.csv has no infrared bands of {name}: install it again")
    axis = np.arange(IR_FROM, IR_TO + IR_STEP / 2, IR_STEP)
    centre, height = _numbers(rows, "position_cm1"), _numbers(rows, "relative_intensity")
    width, none = np.full(centre.shape, IR_FWHM), np.zeros(centre.shape)
    return ReferenceEntry(
        reference_id=f"ftir-{slug(name)}-literature",
        substance=_substance(name, table)[0],
        spectrum=Spectrum(
            axis=axis,
            intensity=_scaled(pseudo_voigt(axis, centre, width, height, none)),
            technique=Technique.FTIR,
            resolution_cm1=IR_RESOLUTION,
            history=(f"rendered from {len(rows)} bands, ± 4 cm⁻¹", "strongest channel scaled to 1"),
        ),
        grade=Grade.LITERATURE,
        form=rows[0]["form"],
        source=rows[0]["source"],
        licence="band positions only; see the source's terms",
    )


def _substance(name: str, table: SubstanceTable) -> tuple[Substance, str]:
    """Return the substance under the name of the fact table, and its preferred name."""
    known = table.resolve(name)
    if known is None:
        raise TableError(f"substances.csv does not have {name!r}: install it again")
    own = fold_name(name)
    others = tuple(one for one in (known.name, *known.synonyms) if fold_name(one) != own)
    return replace(known, name=name, synonyms=others), known.name


def _numbers(rows: list[dict[str, str]], column: str) -> FloatArray:
    try:
        return np.array([float(row[column]) for row in rows], dtype=np.float64)
    except ValueError as error:
        raise TableError(f"a {column} of {rows[0]['substance']} is no number: install it again") from error


def _scaled(intensity: FloatArray) -> FloatArray:
    return np.asarray(np.round(intensity / intensity.max(), DECIMALS), dtype=np.float64)
