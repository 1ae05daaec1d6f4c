"""``emulate opus``: an infrared spectrometer behind an OPUS program, with its pages and its files."""

import argparse

from .building import Emulator, nothing
from .ftir import Measured
from .ftir_options import about_ftir, add_ftir, program_of
from .ftir_program import FTIR_KEYS, FileFormat
from .options import number_option
from .opus import OpusServer
from .opus_writer import Instrument, encode_interferogram, encode_opus

HELP = "infrared spectrometer behind Bruker OPUS, HTTP and OPUS files"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    add_ftir(parser)
    parser.add_argument(
        "--pace", type=number_option(0, 60), default=2.0, metavar="S", help="least time between answers, s"
    )


def build(options: argparse.Namespace) -> Emulator:
    """Build the program; raises `SceneError`."""
    serial = options.serial or f"EMU-OPUS-{options.seed:04d}"
    instrument = Instrument(serial, atr=not options.no_atr)

    def encode(measured: Measured) -> bytes:
        return encode_opus(measured, instrument, resolution_cm1=options.resolution, scans=options.scans)

    form = FileFormat(lambda n: f"sample.{n}", encode, lambda m: encode_interferogram(m, instrument))
    program = program_of(options, form)
    return Emulator(
        about=about_ftir(options, program, serial, instrument.name),
        serve=OpusServer(program, pace_s=options.pace).serve,
        control=program.control,
        control_keys=FTIR_KEYS,
        state=program.state,
        close=nothing,
        power_cut=program.power_cut,
    )
