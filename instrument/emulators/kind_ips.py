"""``emulate ips``: an IPS digital U-type Raman laser, serial with numbers and units."""

import argparse

from .building import Emulator
from .ips import IpsDialect, serve_ips
from .ips_laser import IpsLaser
from .kind_cobolt import add_laser_options
from .light import LightLog
from .options import add_common, number_option
from .wire import LineTime, Wire

HELP = "IPS digital U-type Raman laser, serial"
_BAUD = 115_200
_CONTROL_KEYS = frozenset({"interlock", "fault", "stuck", "autostart"})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    parser.add_argument("--max-ma", type=number_option(1, 5000), default=600.0, metavar="MA", help="current")
    parser.add_argument(
        "--max-mw", type=number_option(1, 2000), default=350.0, metavar="MW", help="power at that current"
    )
    parser.add_argument(
        "--threshold-ma", type=number_option(0, 5000), default=60.0, metavar="MA", help="where light begins"
    )
    add_laser_options(parser)
    add_common(parser)


def build(options: argparse.Namespace) -> Emulator:
    """Build the laser; raises `OSError` when the light file cannot be written."""
    log = LightLog(options.light)
    serial = options.serial or f"EMU-IPS-{options.seed:04d}"
    laser = IpsLaser(
        serial,
        log,
        max_ma=options.max_ma,
        max_mw=options.max_mw,
        threshold_ma=min(options.threshold_ma, options.max_ma - 0.5),
        laser_nm=options.laser_nm,
        seed=options.seed,
        warm_up_s=options.warm_up,
        speed=options.speed,
        autostart=options.autostart,
    )
    dialect = IpsDialect(laser)

    async def serve(wire: Wire) -> None:
        await serve_ips(dialect, wire)

    return Emulator(
        about={
            "kind": "ips",
            "serial": serial,
            "model": "IPS HPU",
            "emulated": True,
            "light": str(options.light) if options.light else None,
            "laser_nm": options.laser_nm,
            "max_ma": laser.max_ma,
            "max_power_mw": laser.max_mw,
            "threshold_ma": laser.threshold_ma,
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
