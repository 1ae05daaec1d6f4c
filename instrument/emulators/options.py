"""The command line of the emulators."""

import argparse
from pathlib import Path

from spectra.values import Technique

from .faults import FaultSpecError, parse_faults
from .obp_models import MODELS

_EXAMPLES = """examples:
  emulate obp --model STS --sample ibuprofen.csv --light light.log
  emulate cobolt --light light.log
  emulate spektralwerk --tcp 0
The first line on standard output is one JSON object with the address; then it serves until terminated."""


def parse_options(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; exits with status 2 and one message when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="emulate",
        description="Run an emulated device as a program of its own, speaking the real wire protocol.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="obp|cobolt|spektralwerk")
    obp = kinds.add_parser("obp", help="Ocean Optics spectrometer, binary protocol")
    obp.add_argument("--model", choices=sorted(MODELS), default="STS", type=str.upper)
    cobolt = kinds.add_parser("cobolt", help="Cobolt 08-NLD Raman laser, ASCII serial protocol")
    spektralwerk = kinds.add_parser("spektralwerk", help="Spektralwerk Core spectrometer, SCPI over TCP")
    spektralwerk.add_argument("--pixels", type=_number(2, 4096, int), default=256, metavar="N")
    spektralwerk.add_argument(
        "--range-nm", type=_range, default=(900.0, 1700.0), metavar="LOW:HIGH", help="wavelengths, nm"
    )
    spektralwerk.add_argument(
        "--technique", type=Technique, help="of a sample file that does not say it: raman or ftir"
    )
    for kind in (obp, cobolt, spektralwerk):
        _add_common(kind, serial=kind is not spektralwerk)
    for kind in (obp, spektralwerk):
        _add_detector(kind)
    return parser.parse_args(argv)


def _add_common(parser: argparse.ArgumentParser, *, serial: bool) -> None:
    where = parser.add_mutually_exclusive_group()
    if serial:
        where.add_argument("--pty", action="store_true", help="serve a pseudo-terminal (the default)")
    where.add_argument(
        "--tcp", type=_number(0, 65535, int), metavar="PORT", help="serve 127.0.0.1:PORT, 0 = any free"
    )
    parser.add_argument(
        "--serial", default="", help="serial number, by default made from the model and the seed"
    )
    parser.add_argument(
        "--seed", type=_number(0, 2**32, int), default=0, metavar="N", help="of noise and specimen"
    )
    parser.add_argument(
        "--light", type=Path, metavar="FILE", help="light path shared by laser and spectrometer"
    )
    parser.add_argument("--laser-nm", type=_number(200, 2000), default=785.0, metavar="NM", help="excitation")
    parser.add_argument("--control", type=Path, metavar="SOCKET", help="Unix socket for line-JSON control")
    parser.add_argument(
        "--fault", type=_faults, default=(), metavar="SPEC", help="KIND:PROBABILITY[:SECONDS],… for replies"
    )
    if serial:
        parser.add_argument("--line-time", action="store_true", help="bytes take 10 bits at the set baud")
        parser.add_argument("--baud", type=_number(1200, 4_000_000, int), metavar="N", help="at start")


def _add_detector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sample", type=Path, metavar="FILE", help="spectrum to put before the probe")
    parser.add_argument(
        "--pattern", choices=["ramp"], default="", help="a known picture instead of the physics"
    )
    parser.add_argument(
        "--speed", type=_number(0.01, 10_000), default=1.0, metavar="X", help="device seconds per second"
    )
    parser.add_argument(
        "--cosmic-rate", type=_number(0, 1000), default=0.01, metavar="HZ", help="cosmic rays per s"
    )
    parser.add_argument("--brightness", type=_number(0, 1000), default=1.0, metavar="X", help="of the sample")
    parser.add_argument(
        "--fluorescence", type=_number(0, 1000), default=0.0, metavar="X", help="broad background"
    )
    parser.add_argument(
        "--axis-shift", type=_number(-500, 500), default=0.0, metavar="CM1", help="drift of the axis, cm⁻¹"
    )


class _number:  # noqa: N801 - read as a function in the tables above
    """An argparse type: a number within limits."""

    def __init__(self, low: float, high: float, kind: type[int] | type[float] = float) -> None:
        self._low, self._high, self._kind = low, high, kind

    def __call__(self, text: str) -> float:
        try:
            value = self._kind(text)
        except ValueError:
            value = None
        if value is None or not self._low <= value <= self._high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {self._low:g} to {self._high:g}")
        return value


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition(":")
    limits = _number(100, 100_000)
    pair = (limits(low), limits(high))
    if pair[0] >= pair[1]:
        raise argparse.ArgumentTypeError(f"{text!r}: write the shorter wavelength first")
    return pair


def _faults(text: str) -> object:
    try:
        return parse_faults(text)
    except FaultSpecError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
