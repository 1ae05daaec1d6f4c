"""Which fault applies to which emulated device, and why another does not."""

import argparse
import json
import sys
from collections.abc import Mapping
from types import MappingProxyType

from .faults import DEVICE_FAULTS, FaultKind

_ALL = frozenset(FaultKind)
_NO_CHECKSUM = "its protocol has no checksum"
_NO_DETECTOR = "a laser has no detector"
_NO_LASER = "there is no laser in it"
_INFRARED = "its detector belongs to a program that hands out finished files"
_OWN_CONNECTION = "each answer has a connection of its own: an older one has none left to come on"

#: Emulator → fault → why it does not apply. ``ventana`` is ``obp --model VENTANA``, which contains a laser.
REASONS: Mapping[str, Mapping[FaultKind, str]] = MappingProxyType(
    {
        "obp": {FaultKind.INTERLOCK: _NO_LASER, FaultKind.LASER_FAULT: _NO_LASER},
        "ventana": {FaultKind.LASER_FAULT: "its protocol has no message for it"},
        "cobolt": {
            FaultKind.BAD_CHECKSUM: _NO_CHECKSUM,
            FaultKind.SATURATION: _NO_DETECTOR,
            FaultKind.COSMIC: _NO_DETECTOR,
        },
        "ips": {
            FaultKind.BAD_CHECKSUM: _NO_CHECKSUM,
            FaultKind.SATURATION: _NO_DETECTOR,
            FaultKind.COSMIC: _NO_DETECTOR,
        },
        "spektralwerk": {
            FaultKind.BAD_CHECKSUM: _NO_CHECKSUM,
            FaultKind.STALE: _OWN_CONNECTION,
            FaultKind.INTERLOCK: _NO_LASER,
            FaultKind.LASER_FAULT: _NO_LASER,
        },
        "opus": {
            FaultKind.BAD_CHECKSUM: _NO_CHECKSUM,
            FaultKind.INTERLOCK: _NO_LASER,
            FaultKind.LASER_FAULT: _NO_LASER,
            FaultKind.SATURATION: _INFRARED,
            FaultKind.COSMIC: _INFRARED,
            FaultKind.DRIFT: _INFRARED,
        },
        "ftsw500": {
            FaultKind.BAD_CHECKSUM: _NO_CHECKSUM,
            FaultKind.INTERLOCK: _NO_LASER,
            FaultKind.LASER_FAULT: _NO_LASER,
            FaultKind.SATURATION: _INFRARED,
            FaultKind.COSMIC: _INFRARED,
            FaultKind.DRIFT: _INFRARED,
        },
    }
)

#: Emulator → the faults that apply to it.
APPLICABLE: Mapping[str, frozenset[FaultKind]] = MappingProxyType(
    {name: _ALL - frozenset(reasons) for name, reasons in REASONS.items()}
)


def main(argv: list[str]) -> int:
    """Print the table: ``emulate faults [--json]``; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="emulate faults", description="Print which fault applies to which emulated device."
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    options = parser.parse_args(argv)
    sys.stdout.write(json.dumps(as_json()) + "\n" if options.json else as_text())
    return 0


def as_json() -> dict[str, dict[str, dict[str, str | bool]]]:
    """Return emulator → fault → ``applies`` and ``reason``."""
    return {
        name: {kind: {"applies": kind not in why, "reason": why.get(kind, "")} for kind in FaultKind}
        for name, why in REASONS.items()
    }


def as_text() -> str:
    """Return the table for people, with the reasons below it."""
    width = max(map(len, FaultKind)) + 2
    lines = ["fault".ljust(width) + "of      " + "  ".join(REASONS)]
    for kind in FaultKind:
        marks = (("yes" if kind in APPLICABLE[name] else "-").ljust(len(name)) for name in REASONS)
        of = "device" if kind in DEVICE_FAULTS else "wire"
        lines.append((f"{kind:<{width}}{of:<8}" + "  ".join(marks)).rstrip())
    lines.append("")
    lines += [f"{name}, {kind}: {text}" for name, why in REASONS.items() for kind, text in why.items()]
    return "\n".join(lines) + "\n"
