"""``emulate obp``: an Ocean Optics spectrometer that speaks the Ocean Binary Protocol."""

import argparse
from collections.abc import Callable
from typing import Any

from spectra.values import Technique

from .building import Emulator, nothing
from .detector import Detector
from .light import CONSTANT_POWER_MW, LightLog
from .obp import ObpSession
from .obp_device import POWER_ON_BAUD, ObpDevice
from .obp_models import MODELS
from .obp_teaching import taught
from .optics import SCENE_KEYS, about_detector, light_of, scene_control, scene_of
from .options import add_common, add_detector
from .wire import LineTime, Wire

HELP = "Ocean Optics spectrometer, binary protocol"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    parser.add_argument("--model", choices=sorted(MODELS), default="STS", type=str.upper)
    add_common(parser)
    add_detector(parser)


def build(options: argparse.Namespace) -> Emulator:
    """Build the spectrometer; raises `SceneError` or `OSError`."""
    model = MODELS[options.model]
    own_laser = LightLog(options.light) if model.laser else None
    light, lit = light_of(options, constant_mw=CONSTANT_POWER_MW)
    if own_laser is not None and options.light is None:
        light, lit = own_laser.timeline, "internal"
    scene = scene_of(options, Technique.RAMAN)
    detector = Detector(
        model.chip,
        coefficients=model.coefficients,
        pixels=model.pixels,
        scene=scene,
        light=light,
        seed=options.seed,
        speed=options.speed,
        pattern=options.pattern,
        cosmic_rate=options.cosmic_rate,
        blind=model.blind,
        unlit=model.unlit,
        nonlinearity=model.nonlinearity,
    )
    device = ObpDevice(
        model,
        options.serial or f"EMU-{model.name}-{options.seed:04d}",
        detector,
        own_laser,
        baud=options.baud or POWER_ON_BAUD,
    )

    table = taught(device)

    async def serve(wire: Wire) -> None:
        await ObpSession(device, table, wire).run()

    return Emulator(
        about={
            **about_detector(options, device.serial, model.name, detector, model.coefficients),
            "light": lit,
        },
        serve=serve,
        control=_control(device, scene_control(scene, detector)),
        control_keys=SCENE_KEYS | {"trigger"} | ({"interlock"} if device.laser else frozenset()),
        state=lambda: {**scene.state(), **device.state()},
        close=own_laser.close if own_laser else nothing,
        line=LineTime(lambda: device.line_baud) if options.line_time else None,
        power_cut=device.power_on,
        device_fault=device.suffer,
        fault_row="ventana" if device.laser else "obp",
    )


def _control(device: ObpDevice, scene: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def control(message: dict[str, Any]) -> None:
        scene(message)
        if message.get("trigger"):
            device.pulses += 1
        if device.laser is not None:
            device.laser.control(message)

    return control
