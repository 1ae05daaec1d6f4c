"""``emulate ftsw500``: an infrared spectrometer behind an FTSW500 program, with its lines and its files."""

import argparse

from .building import Emulator, nothing
from .ftir_options import about_ftir, add_ftir, program_of
from .ftir_program import FTIR_KEYS, FileFormat
from .ftsw500 import FtswServer, encode_measured, encode_peaks

HELP = "infrared spectrometer behind ABB FTSW500, lines over TCP and JCAMP-DX files (format unproven)"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    add_ftir(parser)


def build(options: argparse.Namespace) -> Emulator:
    """Build the program; raises `SceneError`."""
    serial = options.serial or f"EMU-FTSW500-{options.seed:04d}"
    form = FileFormat(lambda n: f"spectrum{n:05d}.jdx", lambda m: encode_measured(m, serial), encode_peaks)
    program = program_of(options, form)
    return Emulator(
        about=about_ftir(options, program, serial, "FTSW500 (emulated)"),
        serve=FtswServer(program, speed=options.speed).serve,
        control=program.control,
        control_keys=FTIR_KEYS,
        state=program.state,
        close=nothing,
        power_cut=program.power_cut,
    )
