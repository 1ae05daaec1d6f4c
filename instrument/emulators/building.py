"""Build each kind of emulated device from its options."""

import argparse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from spectra.values import Technique

from .cobolt import CoboltDialect, serve_cobolt
from .cobolt_laser import MAX_POWER_MW, CoboltLaser
from .detector import Detector
from .light import CONSTANT_POWER_MW, ConstantLight, Light, LightFile, LightLog
from .obp import ObpSession
from .obp_device import ObpDevice
from .obp_models import MODELS
from .scene import Scene, number
from .spektralwerk import CHIP, Spektralwerk, serve_spektralwerk
from .wire import LineTime, Wire

_COBOLT_BAUD = 115_200
_SCENE_KEYS = frozenset({"sample", "brightness", "fluorescence", "axis_shift_cm1", "cosmic_rate"})
_LASER_KEYS = frozenset({"interlock", "key", "fault", "stuck"})


@dataclass(slots=True)
class Emulator:
    """A device ready to be put on a wire."""

    about: dict[str, Any]
    """What the start-up line says of it."""
    serve: Callable[[Wire], Awaitable[None]]
    """Serve one client until it is gone."""
    control: Callable[[dict[str, Any]], None]
    """Carry out a control message."""
    control_keys: frozenset[str]
    """What a control message may hold."""
    state: Callable[[], dict[str, Any]]
    """What it is, as JSON values."""
    close: Callable[[], None]
    """Switch it off."""
    line: LineTime | None = None
    """Line time, where it is kept."""


def build_emulator(options: argparse.Namespace) -> Emulator:
    """Build what the command line asks for.

    Raises
    ------
    SceneError
        The sample cannot be put before the probe.
    OSError
        The light file cannot be written.
    """
    build = {"obp": _build_obp, "cobolt": _build_cobolt, "spektralwerk": _build_spektralwerk}
    return build[options.kind](options)


def _build_obp(options: argparse.Namespace) -> Emulator:
    model = MODELS[options.model]
    own_laser = LightLog(options.light) if model.laser else None
    light, lit = _light(options, constant_mw=CONSTANT_POWER_MW)
    if own_laser is not None and options.light is None:
        light, lit = own_laser.timeline, "internal"
    scene = _scene(options, Technique.RAMAN)
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
    )
    device = ObpDevice(model, options.serial or f"EMU-{model.name}-{options.seed:04d}", detector, own_laser)
    device.baud = options.baud or device.baud

    async def serve(wire: Wire) -> None:
        await ObpSession(device, wire).run()

    return Emulator(
        about={
            **_about(options, device.serial, model.name, detector, model.coefficients),
            "light": lit,
        },
        serve=serve,
        control=_scene_control(scene, detector),
        control_keys=_SCENE_KEYS,
        state=lambda: {**scene.state(), "spectra_read": detector.spectra_read},
        close=own_laser.close if own_laser else _nothing,
        line=LineTime(lambda: device.baud) if options.line_time else None,
    )


def _build_cobolt(options: argparse.Namespace) -> Emulator:
    log = LightLog(options.light)
    serial = options.serial or f"EMU-COBOLT-{options.seed:04d}"
    laser = CoboltLaser(serial, log, laser_nm=options.laser_nm, seed=options.seed)
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
        control_keys=_LASER_KEYS,
        state=laser.state,
        close=log.close,
        line=LineTime(lambda: options.baud or _COBOLT_BAUD) if options.line_time else None,
    )


def _build_spektralwerk(options: argparse.Namespace) -> Emulator:
    low, high = options.range_nm
    coefficients = (low, (high - low) / (options.pixels - 1))
    scene = _scene(options, options.technique)
    light, lit = _light(options, constant_mw=0.0)
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

    return Emulator(
        about={
            **_about(options, device.serial, "Spektralwerk Core", detector, coefficients),
            "light": lit if options.light else "lamp",
        },
        serve=serve,
        control=_scene_control(scene, detector),
        control_keys=_SCENE_KEYS,
        state=lambda: {**scene.state(), "spectra_read": detector.spectra_read},
        close=_nothing,
    )


def _about(
    options: argparse.Namespace,
    serial: str,
    model: str,
    detector: Detector,
    coefficients: tuple[float, ...],
) -> dict[str, Any]:
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
    }


def _light(options: argparse.Namespace, *, constant_mw: float) -> tuple[Light, str]:
    """Return the light at the sample and its name for the start-up line."""
    if options.light is not None:
        return LightFile(options.light), str(options.light)
    return ConstantLight(constant_mw), "constant"


def _scene(options: argparse.Namespace, technique: Technique | None) -> Scene:
    scene = Scene(laser_nm=options.laser_nm, technique=technique)
    scene.put(options.sample)
    scene.brightness = options.brightness
    scene.fluorescence = options.fluorescence
    scene.axis_shift_cm1 = options.axis_shift
    return scene


def _scene_control(scene: Scene, detector: Detector) -> Callable[[dict[str, Any]], None]:
    def control(message: dict[str, Any]) -> None:
        scene.control(message)
        if "cosmic_rate" in message:
            detector.cosmic_rate = number(message, "cosmic_rate", 0.0, 1000.0)

    return control


def _nothing() -> None:
    return None
