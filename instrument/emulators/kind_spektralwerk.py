"""``emulate spektralwerk``: a Spektralwerk Core spectrometer that speaks SCPI over TCP."""

import argparse
from typing import Any

from spectra.values import Technique

from .building import Emulator, nothing
from .detector import Detector
from .optics import SCENE_KEYS, about_detector, light_of, scene_control, scene_of
from .options import add_common, add_detector, number_option, range_option
from .spektralwerk import CHIP, Spektralwerk, serve_spektralwerk
from .wire import Wire

HELP = "Spektralwerk Core spectrometer, SCPI over TCP"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    parser.add_argument("--pixels", type=number_option(2, 4096, int), default=256, metavar="N")
    parser.add_argument(
        "--range-nm", type=range_option, default=(900.0, 1700.0), metavar="LOW:HIGH", help="wavelengths, nm"
    )
    parser.add_argument(
        "--technique", type=Technique, help="of a sample file that does not say it: raman or ftir"
    )
    add_common(parser, serial=False)
    add_detector(parser)


def build(options: argparse.Namespace) -> Emulator:
    """Build the spectrometer; raises `SceneError`."""
    low, high = options.range_nm
    coefficients = (low, (high - low) / (options.pixels - 1))
    scene = scene_of(options, options.technique)
    light, lit = light_of(options, constant_mw=0.0)
    detector = Detector(
        CHIP,
        coefficients=coefficients,
        pixels=options.pixels,
        scene=scene,
        light=light,
        seed=options.seed,
        speed=options.speed,
        pattern=options.pattern,
        cosmic_rate=options.cosmic_rate,
        # A spectrometer on a laser's light path measures Raman light, in the dark.
        lamp=options.light is None,
    )
    device = Spektralwerk(options.serial or f"EMU-SPEKTRALWERK-{options.seed:04d}", detector)

    async def serve(wire: Wire) -> None:
        await serve_spektralwerk(device, wire)

    optics = scene_control(scene, detector)

    def control(message: dict[str, Any]) -> None:
        optics(message)
        device.pulses += bool(message.get("trigger"))

    return Emulator(
        about={
            **about_detector(options, device.serial, "Spektralwerk Core", detector, coefficients),
            "light": lit if options.light else "lamp",
        },
        serve=serve,
        control=control,
        control_keys=SCENE_KEYS | {"trigger"},
        state=lambda: {**scene.state(), **device.state()},
        close=nothing,
        power_cut=device.power_on,
        device_fault=device.suffer,
    )
