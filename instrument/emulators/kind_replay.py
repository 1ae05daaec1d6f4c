"""``emulate replay``: a recorded device."""

import argparse
from pathlib import Path
from typing import Any

from .building import Emulator, nothing
from .faults import FaultSpecError
from .options import add_common, number_option
from .replay import Replay, load_steps
from .wire import Wire

HELP = "a wire transcript, played back as a device"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    parser.add_argument(
        "transcript",
        type=Path,
        nargs="+",
        help="transcript of a device or a bench; several are played one after the other",
    )
    parser.add_argument(
        "--source", metavar="NAME", help="spectrometer or laser, where a transcript holds both"
    )
    parser.add_argument(
        "--loose", action="store_true", help="let OBP sequence numbers differ, and answer with the client's"
    )
    parser.add_argument(
        "--speed", type=number_option(0.01, 10_000), default=1.0, metavar="X", help="faster than recorded"
    )
    add_common(parser)


def build(options: argparse.Namespace) -> Emulator:
    """Build the recorded device.

    Raises
    ------
    ProtocolError
        The transcript is none, or its chain is broken.
    FaultSpecError
        Faults were asked for: a replay has the recorded ones.
    OSError
        The transcript cannot be read.
    """
    if options.fault:
        raise FaultSpecError("a replay has the recorded faults and no others")
    steps = load_steps(options.transcript, source=options.source)
    replay = Replay(steps, speed=options.speed, loose=options.loose)

    async def serve(wire: Wire) -> None:
        await replay.run(wire)

    def refuse(message: dict[str, Any]) -> None:
        if message:
            raise FaultSpecError("a replay can only be asked how far it is")

    return Emulator(
        about={
            "kind": "replay",
            "serial": options.serial,
            "model": "replay",
            "emulated": True,
            "turns": len(steps),
            "speed": options.speed,
        },
        serve=serve,
        control=refuse,
        control_keys=frozenset(),
        state=lambda: {"turns": len(steps), "played": replay.played},
        close=nothing,
    )
