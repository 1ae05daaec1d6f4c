"""The valid files of the mutation bar: made by our own writers, and measured ones of the makers' formats."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_files import BWSPEC, ENLIGHTEN
from mutations_checks import Coverage, coverage_of

from library.spectrum_file import SIGNATURE, decode_spectra, encode_spectra
from spectra.errors import SpectraError
from spectra.formats import Decoded, decode, encode_csv, encode_jcamp
from spectra.values import Spectrum, Technique

#: Measured files up to this size are mutated, bytes.
LARGEST = 300_000
#: Measured files of one reader: every so many of them would only cost time.
MOST_OF_A_READER = 24


@dataclass(frozen=True, slots=True)
class Seed:
    """One valid file."""

    name: str
    """Where it is from."""
    data: bytes
    """Its bytes."""
    technique: Technique | None
    """What the reader has to be told."""
    coverage: Coverage
    """What its own checks cover."""
    true: tuple[Decoded, ...]
    """What it holds."""


def read(data: bytes, technique: Technique | None) -> tuple[Decoded, ...]:
    """Read a file as ``opioscan show`` does."""
    if data.startswith(SIGNATURE):
        return decode_spectra(data)
    return decode(data, technique=technique)


def seeds_by_reader(shared: Path | None) -> dict[str, list[Seed]]:
    """Return all valid files, by the reader that takes them."""
    found: dict[str, list[Seed]] = {}
    for name, data in (*_own(), *(_measured(shared) if shared else ())):
        for technique in (None, Technique.RAMAN):
            try:
                true = read(data, technique)
            except SpectraError:
                continue
            reader = true[0].format
            held = found.setdefault(reader, [])
            if len(held) < MOST_OF_A_READER:
                held.append(Seed(name, data, technique, coverage_of(data, reader), true))
            break
    return dict(sorted(found.items()))


def _measured(shared: Path) -> Iterator[tuple[str, bytes]]:
    folders = [shared / "data" / name for name in ("vendor-files", "raman785-sig-container", "ftir-drugs")]
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in files if folder.name == "vendor-files" else files[:4]:
            if path.stat().st_size <= LARGEST:
                yield path.name, path.read_bytes()


def _own() -> Iterator[tuple[str, bytes]]:
    for make in (_jcamp, _packed_forms, _columns, _makers_text, _opus, _hdf5):
        yield from make()


def _spectrum(size: int = 240, *, raman: bool = True, whole: bool = False, grid: bool = True) -> Spectrum:
    rng = np.random.default_rng(size)
    axis = np.linspace(400.0, 400.0 + 2.0 * size, size)
    if not grid:
        axis = axis + rng.uniform(0, 1, size)
    bands = sum(np.exp(-(((axis - at) / 9) ** 2)) for at in (450.0, 520.0, 700.0))
    height = 4000.0 if raman else 0.8
    intensity = height * bands + rng.normal(0, height / 200, size) + height / 10
    technique = Technique.RAMAN if raman else Technique.FTIR
    return Spectrum(
        axis=axis,
        intensity=np.rint(intensity) if whole else intensity,
        technique=technique,
        noise=np.full(size, height / 200),
        laser_nm=785.0 if raman else None,
        resolution_cm1=4.0,
        history=("measured",),
    )


def _jcamp() -> Iterator[tuple[str, bytes]]:
    raman, infrared = _spectrum(), _spectrum(180, raman=False)
    counts = encode_jcamp(_spectrum(200, whole=True), "counts", packed=True)
    yield "own: free format", encode_jcamp(raman, "x")
    yield "own: pairs", encode_jcamp(_spectrum(120, grid=False), "pairs")
    yield "own: packed counts", counts
    yield "own: packed infrared", encode_jcamp(infrared, "packed", packed=True)
    # Without our digest, the checks of the format itself have to notice.
    for name, data in (("counts", counts), ("infrared", encode_jcamp(infrared, "packed", packed=True))):
        yield f"own: packed {name}, no digest", re.sub(rb"##\$SHA256=[^\n]*\n", b"", data)
    yield "own: free format, no digest", re.sub(rb"##\$SHA256=[^\n]*\n", b"", encode_jcamp(raman, "x"))
    link = b"##TITLE=all\r\n##JCAMP-DX=5.01\r\n##DATA TYPE=LINK\r\n##BLOCKS=2\r\n"
    yield "own: linked", link + counts + encode_jcamp(infrared, "b", packed=True) + b"##END=\r\n"


def _packed_forms() -> Iterator[tuple[str, bytes]]:
    """PAC, SQZ, DIF with invalid points, and pages of NTUPLES, of the same whole numbers."""
    values = _spectrum(96, whole=True).intensity.astype(int).tolist()
    head = (
        "##TITLE=f\n##JCAMP-DX=5.01\n##DATA TYPE=RAMAN SPECTRUM\n##XUNITS=1/CM\n##YUNITS=COUNTS\n##XFACTOR=1\n"
        f"##YFACTOR=0.5\n##FIRSTX=400\n##LASTX=495\n##DELTAX=1\n##NPOINTS=96\n##FIRSTY={values[0] / 2}\n"
    )
    squeezed = ["@ABCDEFGHI", "@abcdefghi"]
    forms: dict[str, Callable[[int], str]] = {
        "PAC": lambda value: f"{value:+d}",
        "SQZ": lambda value: squeezed[value < 0][int(str(abs(value))[0])] + str(abs(value))[1:],
    }
    for name, form in forms.items():
        lines = [f"{400 + at}" + "".join(map(form, values[at : at + 8])) for at in range(0, 96, 8)]
        yield f"own: {name}", (head + "##XYDATA=(X++(Y..Y))\n" + "\n".join(lines) + "\n##END=\n").encode()
    holes = ["?" if at in {1, 2} else str(value) for at, value in enumerate(values)]
    lines = [f"{400 + at} {' '.join(holes[at : at + 8])}" for at in range(0, 96, 8)]
    yield "own: invalid points", (head + "##XYDATA=(X++(Y..Y))\n" + "\n".join(lines) + "\n##END=\n").encode()
    table = "\n".join(f"{400 + at} {' '.join(map(str, values[at : at + 8]))}" for at in range(0, 96, 8))
    yield (
        "own: NTUPLES",
        (
            "##TITLE=n\n##JCAMP-DX=5.01\n##DATA TYPE=RAMAN SPECTRUM\n##NTUPLES=RAMAN SPECTRUM\n"
            "##VAR_NAME=SHIFT,INTENSITY,PAGE\n##SYMBOL=X,Y,N\n##VAR_TYPE=INDEPENDENT,DEPENDENT,PAGE\n"
            f"##VAR_DIM=96,96,2\n##UNITS=1/CM,COUNTS,\n##FIRST=400,{values[0]},1\n##LAST=495,1,2\n##FACTOR=1,1,1\n"
            f"##PAGE=N=1\n##DATA TABLE=(X++(Y..Y)),XYDATA\n{table}\n##PAGE=N=2\n##DATA TABLE=(X++(Y..Y)),XYDATA\n"
            f"{table}\n##END NTUPLES=RAMAN SPECTRUM\n##END=\n"
        ).encode(),
    )


def _columns() -> Iterator[tuple[str, bytes]]:
    raman, infrared = _spectrum(), _spectrum(180, raman=False)
    yield "own: CSV", encode_csv(raman, "caffeine")
    yield "own: CSV, infrared", encode_csv(infrared)
    rows = [f"{a:.2f};{b:.3f}".replace(".", ",") for a, b in zip(raman.axis, raman.intensity, strict=True)]
    yield "own: decimal comma", ("Raman shift (cm-1);Intensity\n" + "\n".join(rows) + "\n").encode()
    rows = [f"{a:.2f}\t{b:.3f}" for a, b in zip(raman.axis, raman.intensity, strict=True)]
    yield "own: tabulators", ("\n".join(rows) + "\n").encode()
    rows = [f"{1e7 / (1e7 / 785 - a):.3f} {b:.3f}" for a, b in zip(raman.axis, raman.intensity, strict=True)]
    yield (
        "own: wavelengths",
        ("# laser_nm: 785\nwavelength (nm)  counts\n" + "\n".join(rows)).encode("utf-16"),
    )


def _makers_text() -> Iterator[tuple[str, bytes]]:
    rows = [f"{400 + at}.0,{at * at % 97}.5\n" for at in range(60)]
    head, _, _ = ENLIGHTEN.decode().partition("400.0")
    yield "own: ENLIGHTEN", (head.replace("Count,6", "Count,60") + "".join(rows)).encode()
    head, _, _ = BWSPEC.decode().partition("0;800.0")
    rows = [f"{at};{800 + at}.0;12500;{238 + at}.85;1;{2 + at % 7};{1 + at % 7};\n" for at in range(60)]
    yield "own: BWSpec", (head.replace("pixel_num;4", "pixel_num;60") + "".join(rows)).encode()


def _opus() -> Iterator[tuple[str, bytes]]:
    from instrument.emulators.ftir import FtirOptics
    from instrument.emulators.opus_writer import Instrument, encode_opus

    optics = FtirOptics(
        seed=1, resolution_cm1=32.0, range_cm1=(400.0, 800.0), scans=4, atr=True, pattern="ramp"
    )
    optics.measure_background(time.time())
    yield (
        "own: OPUS",
        encode_opus(optics.measure(time.time()), Instrument("EMU-OPUS-1"), resolution_cm1=32.0, scans=4),
    )


def _hdf5() -> Iterator[tuple[str, bytes]]:
    one: Any = Decoded(_spectrum(), "x", "caffeine", {"a": "b"})
    yield "own: HDF5", encode_spectra([one])
    yield "own: HDF5 of two", encode_spectra([one, Decoded(_spectrum(90, raman=False), "x", "b")])
