"""``emulate cobolt``: a Cobolt 08-NLD Raman laser with its ASCII serial protocol."""

import argparse

from .building import Emulator
from .cobolt import CoboltDialect, serve_cobolt
from .cobolt_laser import MAX_POWER_MW, CoboltLaser
from .light import LightLog
from .options import add_common, number_option
from .wire import LineTime, Wire

HELP = "Cobolt 08-NLD Raman laser, ASCII serial protocol"
_BAUD = 115_200
_CONTROL_KEYS = frozenset({"interlock", "key", "fault", "stuck", "autostart"})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    add_laser_options(parser)
    add_common(parser)


def add_laser_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of lasers on a serial port."""
    parser.add_argument(
        "--warm-up", type=number_option(0, 3600), default=0.0, metavar="S", help="time until it can come on"
    )
    parser.add_argument(
        "--speed",
        type=number_option(0.01, 10_000),
        default=1.0,
        metavar="X",
        help="warm-up seconds per second",
    )
    parser.add_argument("--autostart", action="store_true", help="comes on by itself when it gets power")
    parser.add_argument("--usb", action="store_true", help="its port is its own and goes with its power")


def build(options: argparse.Namespace) -> Emulator:
    """Build the laser; raises `OSError` when the light file cannot be written."""
    log = LightLog(options.light)
    serial = options.serial or f"EMU-COBOLT-{options.seed:04d}"
    laser = CoboltLaser(
        serial,
        log,
        laser_nm=options.laser_nm,
        seed=options.seed,
        warm_up_s=options.warm_up,
        speed=options.speed,
        autostart=options.autostart,
    )
    dialect = CoboltDialect(laser)

    async def serve(wire: Wire) -> None:
        await serve_cobolt(dialect, wire)

    return Emulator(
        about={
            "kind": "cobolt",
            "serial": serial,
            "model": dialect.answer("glm?"),
            "emulated": True,
            "light": str(options.light) if options.light else None,
            "laser_nm": options.laser_nm,
            "max_power_mw": MAX_POWER_MW,
        },
        serve=serve,
        control=laser.control,
        control_keys=_CONTROL_KEYS,
        state=laser.state,
        close=log.close,
        line=LineTime(lambda: options.baud or _BAUD) if options.line_time else None,
        power_cut=laser.power_on,
        device_fault=laser.suffer,
        usb=options.usb,
    )
