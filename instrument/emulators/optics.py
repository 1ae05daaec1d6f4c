"""Build what the emulated optical instruments share: light, scene, detector, and what they tell of it."""

import argparse
from collections.abc import Callable
from typing import Any

from spectra.values import Technique

from .axis_error import LIMITS as AXIS_LIMITS
from .detector import Detector
from .light import ConstantLight, Light, LightFile
from .scene import Scene, number

#: What a control message to an optical instrument may hold.
SCENE_KEYS = frozenset(
    {"sample", "brightness", "fluorescence", "lamp", "response", "cosmic_rate", *AXIS_LIMITS}
)


def about_detector(
    options: argparse.Namespace,
    serial: str,
    model: str,
    detector: Detector,
    coefficients: tuple[float, ...],
) -> dict[str, Any]:
    """Return what the start-up line says of an instrument with a detector."""
    return {
        "kind": options.kind,
        "serial": serial,
        "model": model,
        "pixels": detector.pixels,
        "wavelength_coefficients": list(coefficients),
        "full_scale": detector.chip.full_scale,
        "emulated": True,
        "laser_nm": options.laser_nm,
        "pattern": options.pattern,
        "sample": str(options.sample) if options.sample else None,
        "speed": options.speed,
        "lamp": options.lamp or None,
        "response": options.response or None,
        "axis_error": {name: getattr(options, name) for name in AXIS_LIMITS},
    }


def light_of(options: argparse.Namespace, *, constant_mw: float) -> tuple[Light, str]:
    """Return the light at the sample and its name for the start-up line."""
    if options.light is not None:
        return LightFile(options.light), str(options.light)
    return ConstantLight(constant_mw), "constant"


def scene_of(options: argparse.Namespace, technique: Technique | None) -> Scene:
    """Return what stands before the probe at the start; raises `SceneError`."""
    scene = Scene(laser_nm=options.laser_nm, technique=technique, speed=options.speed)
    scene.put(options.sample)
    scene.brightness = options.brightness
    scene.fluorescence = options.fluorescence
    scene.light(options.lamp)
    scene.respond(options.response)
    scene.axis.set({name: getattr(options, name) for name in AXIS_LIMITS})
    return scene


def scene_control(scene: Scene, detector: Detector) -> Callable[[dict[str, Any]], None]:
    """Return what carries out the messages of `SCENE_KEYS`."""

    def control(message: dict[str, Any]) -> None:
        scene.control(message)
        if "cosmic_rate" in message:
            detector.cosmic_rate = number(message, "cosmic_rate", 0.0, 1000.0)

    return control
