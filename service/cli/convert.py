"""``opioscan convert``: any readable spectrum to JCAMP-DX or CSV."""

from pathlib import Path
from typing import Annotated

import typer

from spectra.formats import encode_csv, encode_jcamp
from spectra.values import Technique

from ..errors import UsageError
from .output import emit_json, say
from .spectrum_files import read_spectra, write_whole

app = typer.Typer(help="Convert a spectrum to JCAMP-DX or CSV.", add_completion=False)

JCAMP_ENDINGS, CSV_ENDINGS, HDF5_ENDINGS = {".jdx", ".dx"}, {".csv"}, {".h5", ".hdf5"}


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Spectrum file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: .jdx, .dx or .csv.")],
    technique: Annotated[
        Technique | None, typer.Option(help="How it was measured, if the file does not say so.")
    ] = None,
    laser: Annotated[
        float | None, typer.Option(metavar="NM", help="Excitation, nm, if the file does not say so.")
    ] = None,
    number: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Which spectrum of a file with several, from 1.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Convert a spectrum; numbers come back from the new file exactly as they were read."""
    ending = out.suffix.lower()
    if ending in HDF5_ENDINGS:
        raise UsageError(
            "HDF5 holds libraries of references, not single spectra: "
            f"opioscan library import FOLDER --into {out.name}"
        )
    if ending not in JCAMP_ENDINGS | CSV_ENDINGS:
        raise UsageError(f"{out.name}: end the name in .jdx, .dx or .csv to say the format")
    found = read_spectra(file, technique=technique, laser_nm=laser)
    if number is None and len(found) > 1:
        raise UsageError(f"{file.name} holds {len(found)} spectra: say which with --number 1 to {len(found)}")
    if number is not None and number > len(found):
        raise UsageError(f"{file.name} holds {len(found)} spectra, there is no number {number}")
    one = found[(number or 1) - 1]
    if ending in JCAMP_ENDINGS:
        data = encode_jcamp(one.spectrum, one.title or file.stem)
    else:
        data = encode_csv(one.spectrum)
    write_whole(out, data, force=force)
    if json:
        emit_json(
            {"source": str(file), "out": str(out), "points": one.spectrum.axis.size, "bytes": len(data)}
        )
    else:
        say(f"{out}: {one.spectrum.axis.size} points of {one.title or file.name}")
