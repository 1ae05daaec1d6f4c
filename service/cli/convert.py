"""``opioscan convert``: any readable spectrum to JCAMP-DX, CSV or HDF5."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from spectra.formats import Decoded, encode_csv, encode_jcamp
from spectra.values import Technique

from ..errors import UsageError
from .output import emit_json, say
from .spectrum_files import read_spectra, write_whole

app = typer.Typer(help="Convert a spectrum to JCAMP-DX, CSV or HDF5.", add_completion=False)

JCAMP_ENDINGS, CSV_ENDINGS, HDF5_ENDINGS = {".jdx", ".dx"}, {".csv"}, {".h5", ".hdf5"}


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Spectrum file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: .jdx, .dx, .csv, .h5 or .hdf5.")],
    technique: Annotated[
        Technique | None, typer.Option(help="How it was measured, if the file does not say so.")
    ] = None,
    laser: Annotated[
        float | None, typer.Option(metavar="NM", help="Excitation, nm, if the file does not say so.")
    ] = None,
    columns: Annotated[
        str,
        typer.Option(metavar="NAMES", help="What the columns of a plain table are: wavenumber,-,absorbance."),
    ] = "",
    number: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Which spectrum of a file with several, from 1.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All spectra of a file: OUT-1, OUT-2, …; in HDF5 one file.")
    ] = False,
    packed: Annotated[
        bool, typer.Option("--packed", help="JCAMP-DX a third as long; rounds as single precision does.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a file.")] = False,
) -> None:
    """Convert a spectrum; numbers come back from the new file exactly as they were read."""
    ending = out.suffix.lower()
    if ending not in JCAMP_ENDINGS | CSV_ENDINGS | HDF5_ENDINGS:
        raise UsageError(f"{out.name}: end the name in .jdx, .dx, .csv or .h5 to say the format")
    if packed and ending not in JCAMP_ENDINGS:
        raise UsageError(f"{out.name}: --packed is for JCAMP-DX, .jdx or .dx")
    found = read_spectra(file, technique=technique, laser_nm=laser, columns=columns)
    chosen = _chosen(file, found, number, every=every)
    wanted = [(out, chosen)] if ending in HDF5_ENDINGS or len(chosen) == 1 else _numbered(out, chosen)
    # Nothing is written unless everything can be.
    files = [(path, spectra, _encoded(spectra, ending, file, packed=packed)) for path, spectra in wanted]
    taken = [path for path, _, _ in files if path.exists() and not force]
    if taken and len(files) > 1:
        raise FileExistsError(f"{taken[0]} is there already: give --force to replace it")
    for path, spectra, data in files:
        write_whole(path, data, force=force)
        _tell(file, path, spectra, len(data), json=json)


def _chosen(file: Path, found: Sequence[Decoded], number: int | None, *, every: bool) -> list[Decoded]:
    """Return the spectra asked for, where the question is clear."""
    if every and number is not None:
        raise UsageError("--all and --number contradict each other: give one of them")
    if every:
        return list(found)
    if number is None and len(found) > 1:
        raise UsageError(
            f"{file.name} holds {len(found)} spectra: say which with --number 1 to {len(found)}, "
            "or convert each with --all"
        )
    if number is not None and number > len(found):
        raise UsageError(f"{file.name} holds {len(found)} spectra, there is no number {number}")
    return [found[(number or 1) - 1]]


def _numbered(out: Path, spectra: Sequence[Decoded]) -> list[tuple[Path, list[Decoded]]]:
    """Give each spectrum a file of its own: OUT-1, OUT-2, … with as many digits as they all need."""
    digits = len(str(len(spectra)))
    return [
        (out.with_name(f"{out.stem}-{place:0{digits}d}{out.suffix}"), [one])
        for place, one in enumerate(spectra, start=1)
    ]


def _encoded(spectra: Sequence[Decoded], ending: str, file: Path, *, packed: bool) -> bytes:
    if ending in HDF5_ENDINGS:
        # h5py loads for half a second
        from library.spectrum_file import encode_spectra

        return encode_spectra(spectra)
    (one,) = spectra
    if ending in JCAMP_ENDINGS:
        return encode_jcamp(one.spectrum, one.title or file.stem, packed=packed)
    return encode_csv(one.spectrum, one.title)


def _tell(file: Path, path: Path, spectra: Sequence[Decoded], size: int, *, json: bool) -> None:
    points = [one.spectrum.axis.size for one in spectra]
    if json:
        emit_json(
            {
                "source": str(file),
                "out": str(path),
                "points": points[0],
                "bytes": size,
                "spectra": len(points),
            }
        )
    elif len(spectra) > 1:
        say(f"{path}: {len(spectra)} spectra of {file.name}")
    else:
        say(f"{path}: {points[0]} points of {spectra[0].title or file.name}")
