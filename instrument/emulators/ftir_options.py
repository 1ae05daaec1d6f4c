"""Options of the infrared emulators, and what they build of them."""

import argparse
from pathlib import Path
from typing import Any

from .ftir import FtirOptics
from .ftir_program import FileFormat, FtirProgram
from .options import add_common, number_option, range_option
from .scene import SceneError


def add_ftir(parser: argparse.ArgumentParser) -> None:
    """Add the options of an infrared spectrometer behind a program."""
    add_common(parser, serial=False)
    parser.add_argument(
        "--folder", type=Path, required=True, metavar="DIR", help="where the program saves spectra"
    )
    parser.add_argument("--sample", type=Path, metavar="FILE", help="infrared spectrum to put on the crystal")
    parser.add_argument("--pattern", choices=["ramp"], default="", help="a known picture, not the physics")
    parser.add_argument(
        "--speed",
        type=number_option(0.01, 10_000),
        default=1.0,
        metavar="X",
        help="device seconds per second",
    )
    parser.add_argument(
        "--scans", type=number_option(1, 10_000, int), default=16, metavar="N", help="co-added"
    )
    parser.add_argument(
        "--scan-time", type=number_option(0.01, 60), default=0.5, metavar="S", help="of one scan, s"
    )
    parser.add_argument("--resolution", type=number_option(0.5, 32), default=4.0, metavar="CM1", help="cm⁻¹")
    parser.add_argument(
        "--range-cm1", type=range_option, default=(400.0, 4000.0), metavar="LOW:HIGH", help="cm⁻¹"
    )
    parser.add_argument("--no-atr", action="store_true", help="transmission instead of a diamond crystal")


def program_of(options: argparse.Namespace, form: FileFormat) -> FtirProgram:
    """Build the program; raises `SceneError`."""
    if not options.folder.is_dir():
        raise SceneError(f"{options.folder}: no such folder")
    optics = FtirOptics(
        seed=options.seed,
        resolution_cm1=options.resolution,
        range_cm1=options.range_cm1,
        scans=options.scans,
        atr=not options.no_atr,
        pattern=options.pattern,
    )
    optics.put(options.sample)
    return FtirProgram(optics, options.folder, form, scan_s=options.scan_time, speed=options.speed)


def about_ftir(options: argparse.Namespace, program: FtirProgram, serial: str, model: str) -> dict[str, Any]:
    """Return what the start-up line says."""
    return {
        "kind": options.kind,
        "serial": serial,
        "model": model,
        "emulated": True,
        "folder": str(options.folder),
        "pixels": program.optics.axis.size,
        "resolution_cm1": options.resolution,
        "scans": options.scans,
        "pattern": options.pattern,
        "sample": str(options.sample) if options.sample else None,
        "speed": options.speed,
    }
