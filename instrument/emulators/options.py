"""The command line of the emulators."""

import argparse
import sys
from pathlib import Path

from .axis_error import LIMITS as AXIS_LIMITS
from .faults import FaultSpecError, parse_faults
from .kinds import KINDS, known_kinds, load_kind
from .response import SHAPES

_EXAMPLES = """examples:
  emulate obp --model STS --sample ibuprofen.csv --light light.log
  emulate cobolt --light light.log
  emulate spektralwerk --tcp 0
  emulate put probe.ctl caffeine.jdx   (another sample before one that runs with --control probe.ctl)
  emulate faults
The first line on standard output is one JSON object with the address; then it serves until terminated."""


def parse_options(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; exits with status 2 and one message when it makes no sense."""
    words = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="emulate",
        description="Run an emulated device as a program of its own, speaking the real wire protocol.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="|".join(KINDS))
    # Only the kind asked for is imported; help and mistakes need all of them.
    for name in words[:1] if words and words[0] in known_kinds() else known_kinds():
        kind = load_kind(name)
        kind.add_options(kinds.add_parser(name, help=kind.HELP))
    return parser.parse_args(words)


def add_common(parser: argparse.ArgumentParser, serial: bool = True) -> None:
    """Add the options every kind has; ``serial`` devices are on a pseudo-terminal by default."""
    where = parser.add_mutually_exclusive_group()
    if serial:
        where.add_argument("--pty", action="store_true", help="serve a pseudo-terminal (the default)")
        parser.add_argument(
            "--link",
            type=Path,
            metavar="PATH",
            help="symbolic link to the pseudo-terminal, also after a fault",
        )
    else:
        parser.set_defaults(pty=False, link=None, line_time=False, baud=None)
    where.add_argument(
        "--tcp",
        type=number_option(0, 65535, int),
        metavar="PORT",
        default=None if serial else 0,
        help="serve 127.0.0.1:PORT, 0 = any free",
    )
    parser.add_argument(
        "--serial", default="", help="serial number, by default made from the model and the seed"
    )
    parser.add_argument(
        "--seed", type=number_option(0, 2**32, int), default=0, metavar="N", help="of noise and specimen"
    )
    parser.add_argument(
        "--light", type=Path, metavar="FILE", help="light path shared by laser and spectrometer"
    )
    parser.add_argument(
        "--laser-nm", type=number_option(200, 2000), default=785.0, metavar="NM", help="excitation"
    )
    parser.add_argument(
        "--with-parent", action="store_true", help="end when the process that started it ends"
    )
    parser.add_argument("--control", type=Path, metavar="SOCKET", help="Unix socket for line-JSON control")
    parser.add_argument(
        "--fault", type=_faults, default=(), metavar="SPEC", help="KIND:PROBABILITY[:VALUE],… for replies"
    )
    if serial:
        parser.add_argument("--line-time", action="store_true", help="bytes take 10 bits at the set baud")
        parser.add_argument("--baud", type=number_option(1200, 4_000_000, int), metavar="N", help="at start")


def add_detector(parser: argparse.ArgumentParser) -> None:
    """Add the options of a device with a detector."""
    parser.add_argument("--sample", type=Path, metavar="FILE", help="spectrum to put before the probe")
    parser.add_argument(
        "--pattern", choices=["ramp"], default="", help="a known picture instead of the physics"
    )
    parser.add_argument(
        "--speed",
        type=number_option(0.01, 10_000),
        default=1.0,
        metavar="X",
        help="device seconds per second",
    )
    parser.add_argument(
        "--cosmic-rate", type=number_option(0, 1000), default=0.01, metavar="HZ", help="cosmic rays per s"
    )
    parser.add_argument(
        "--brightness", type=number_option(0, 1000), default=1.0, metavar="X", help="of the sample"
    )
    parser.add_argument(
        "--fluorescence", type=number_option(0, 1000), default=0.0, metavar="X", help="broad background"
    )
    parser.add_argument(
        "--lamp", default="", metavar="NAME", help="calibration lamp that is lit: neon, argon or neon+argon"
    )
    parser.add_argument(
        "--response",
        default="",
        metavar="NAME|FILE",
        help=f"relative efficiency: {', '.join(SHAPES)}, or CSV wavelength_nm,efficiency",
    )
    for name, words, unit, says in _AXIS_ERRORS:
        parser.add_argument(
            words, dest=name, type=number_option(*AXIS_LIMITS[name]), default=0.0, metavar=unit, help=says
        )


#: Errors of the axis: name of the setting, option, unit, what it is.
_AXIS_ERRORS = (
    ("axis_shift_cm1", "--axis-shift", "CM1", "the axis is off by so much, cm⁻¹"),
    ("axis_stretch_percent", "--axis-stretch", "PERCENT", "the dispersion is greater by so much, %%"),
    ("laser_error_nm", "--laser-error-nm", "NM", "the laser's line is off by so much, nm"),
    ("drift_cm1_per_h", "--drift", "CM1_PER_H", "the axis drifts, cm⁻¹ per hour of device time"),
)


class number_option:  # noqa: N801 - read as a function in the tables above
    """An argparse type: a number within limits."""

    def __init__(self, low: float, high: float, kind: type[int] | type[float] = float) -> None:
        self._low, self._high, self._kind = low, high, kind

    def __call__(self, text: str) -> float:
        """Return the number; argparse shows the error of any other text."""
        try:
            value = self._kind(text)
        except ValueError:
            value = None
        if value is None or not self._low <= value <= self._high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {self._low:g} to {self._high:g}")
        return value


def range_option(text: str) -> tuple[float, float]:
    """Read ``LOW:HIGH``, a range of wavelengths, nm; an argparse type."""
    low, _, high = text.partition(":")
    limits = number_option(100, 100_000)
    pair = (limits(low), limits(high))
    if pair[0] >= pair[1]:
        raise argparse.ArgumentTypeError(f"{text!r}: write the shorter wavelength first")
    return pair


def _faults(text: str) -> object:
    try:
        return parse_faults(text)
    except FaultSpecError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
