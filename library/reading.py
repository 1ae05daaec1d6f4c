"""One file of a folder that is imported, read as its row of the manifest says."""

from dataclasses import replace
from pathlib import Path

from spectra.errors import SpectraError
from spectra.formats import Decoded
from spectra.values import Spectrum, Technique

from .errors import ImportRefused
from .folders import read_file
from .manifest import Row, inside
from .spectrum_file import decode_file


def decoded_file(
    folder: Path, row: Row, technique: Technique | None, laser_nm: float | None
) -> tuple[Decoded, ...]:
    """Read the spectra of a file as a row of the manifest says; its technique wins over the file's.

    Raises
    ------
    ImportRefused
        The row cannot be followed, or the file leads out of the folder.
    SpectraError
        The file cannot be read.
    OSError
        It is not there, or may not be read.
    """
    if problem := row.problem():
        raise ImportRefused(problem)
    if not row.file.isprintable():
        raise ImportRefused("its name holds characters that cannot be printed; rename it")
    path = inside(folder, row.file)
    if path is None:
        raise ImportRefused("leads out of the folder; move the file into it")
    data = read_file(path)
    if not row.technique:
        return decode_file(data, name=row.file, technique=technique, laser_nm=laser_nm)
    said = Technique(row.technique)
    try:
        return decode_file(data, name=row.file, technique=said, laser_nm=laser_nm)
    except SpectraError:
        others = decode_file(data, name=row.file, laser_nm=laser_nm)
    return tuple(replace(one, spectrum=_overruled(one.spectrum, said)) for one in others)


def _overruled(spectrum: Spectrum, technique: Technique) -> Spectrum:
    step = f"the file says {spectrum.technique}, the manifest {technique}: taken as {technique}"
    laser = spectrum.laser_nm if technique is Technique.RAMAN else None
    return replace(spectrum, technique=technique, laser_nm=laser, history=(*spectrum.history, step))


def reason_of(error: Exception, file: str) -> str:
    """Return why a file was not imported, in words that do not name it again."""
    if isinstance(error, OSError) and error.strerror:
        gone = isinstance(error, FileNotFoundError)
        return (
            "not in the folder, but listed in manifest.csv" if gone else f"cannot be read: {error.strerror}"
        )
    return str(error).removeprefix(f"{file}: ") or type(error).__name__
