"""``opioscan devices``: what is attached, and which names it has."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from instrument.config import DEFAULT_POWER_MW, BenchConfig, bench_config, load_config, save_device
from instrument.interfaces import Laser, Spectrometer
from instrument.ports import serial_ports, visa_resources
from instrument.registry import check_laser_url, check_spectrometer_url, open_laser, open_spectrometer

from ..errors import UsageError
from ..settings import load_settings
from .output import emit_json, say

app = typer.Typer(help="List serial ports and VISA resources; give devices names.", no_args_is_help=True)

#: A laser this far from what was written is another laser, nm.
LINE_TOLERANCE_NM = 2.0

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")]


@app.command("list")
def list_devices(
    *,
    visa: Annotated[
        bool, typer.Option("--visa/--no-visa", help="Ask the network for VISA instruments (1 s).")
    ] = True,
    json: Json = False,
) -> None:
    """Show serial ports, VISA resources and the devices that have names."""
    ports = serial_ports()
    resources = visa_resources() if visa else ()
    configured = load_config(load_settings().devices_path)
    if json:
        emit_json(
            {
                "serial_ports": [asdict(port) for port in ports],
                "visa_resources": list(resources),
                "devices": [asdict(config) for config in configured.values()],
            }
        )
        return
    _section("Serial ports", [f"{p.path}  {p.description}  {p.hardware}".rstrip() for p in ports])
    if visa:
        _section("VISA resources (sockets are not listed by VISA)", list(resources))
    _section("Devices", [_line(config) for config in configured.values()])


@app.command("add")
def add_device(
    name: Annotated[str, typer.Argument(help="Name to give it: letters, digits, '_', '.', '-'.")],
    url: Annotated[str, typer.Argument(help="URL of the spectrometer.")],
    *,
    laser: Annotated[str | None, typer.Option(help="URL of the laser that goes with it.")] = None,
    laser_nm: Annotated[
        float | None, typer.Option(help="Wavelength of the light, nm; a checked laser says it itself.")
    ] = None,
    power_mw: Annotated[float | None, typer.Option(help="Power to ask for, mW.")] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Open the devices and identify them first.")
    ] = True,
    json: Json = False,
) -> None:
    """Give a spectrometer, with its laser, a name. A checked laser is switched off and read back as off."""
    spectrometer_url = check_spectrometer_url(url)
    laser = laser or spectrometer_url.params.get("laser")
    emulated = spectrometer_url.emulated or (laser is not None and check_laser_url(laser).emulated)
    found = _identify(url, laser) if check else {}
    nm = _wavelength(laser_nm, spectrometer_url.number("laser_nm", low=200, high=2000), found)
    power = spectrometer_url.number("power_mw", low=0, high=1000) if power_mw is None else power_mw
    power = DEFAULT_POWER_MW if power is None else power
    most = found.get("laser", {}).get("max_power_mw")
    if most is not None and power > most:
        raise UsageError(f"{power:g} mW is more than the {most:g} mW this laser has; give --power-mw")
    emulated = emulated or any(device["emulated"] for device in found.values())
    config = BenchConfig(name, url, laser, nm, power, emulated)
    path = load_settings().devices_path
    save_device(path, config)
    _show(config, found, json=json, headline=f"Stored in {path}")


@app.command("show")
def show_device(
    name: Annotated[str, typer.Argument(help="Name of a device, or a spectrometer's URL.")],
    *,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Open the devices and identify them.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what is stored of a device; with --check also what the device says of itself."""
    config = bench_config(name, load_settings().devices_path)
    found = _identify(config.spectrometer, config.laser) if check else {}
    _show(config, found, json=json)


def _identify(url: str, laser_url: str | None) -> dict[str, dict[str, Any]]:
    """Open each device, ask what it is, and let it go."""
    spectrometer = open_spectrometer(url)
    try:
        found = {"spectrometer": _spectrometer_facts(spectrometer)}
    finally:
        spectrometer.close()
    if laser_url is not None:
        laser = open_laser(laser_url)
        try:
            found["laser"] = _laser_facts(laser)
        finally:
            laser.close()
    return found


def _spectrometer_facts(device: Spectrometer) -> dict[str, Any]:
    axis = device.axis()
    return {**asdict(device.info), **asdict(device.limits), "axis_nm": [float(axis[0]), float(axis[-1])]}


def _laser_facts(device: Laser) -> dict[str, Any]:
    return {
        **asdict(device.info),
        "wavelength_nm": device.wavelength_nm,
        "max_power_mw": device.max_power_mw,
        "emitting": device.status().emitting,
    }


def _wavelength(given: float | None, in_url: float | None, found: dict[str, dict[str, Any]]) -> float:
    """Return the wavelength of the light; all who name one have to agree."""
    measured = found.get("laser", {}).get("wavelength_nm")
    named = [nm for nm in (given, in_url, measured) if nm is not None]
    if not named:
        raise UsageError("the wavelength of the light is not known: give --laser-nm")
    if max(named) - min(named) > LINE_TOLERANCE_NM:
        words = ", ".join(f"{nm:g}" for nm in named)
        raise UsageError(f"different wavelengths are named ({words} nm): correct --laser-nm or the URL")
    return float(named[0])


def _show(
    config: BenchConfig, found: dict[str, dict[str, Any]], *, json: bool, headline: str | None = None
) -> None:
    if json:
        emit_json({**asdict(config), "found": found})
        return
    if headline:
        say(headline)
    say(_line(config))
    for kind, facts in found.items():
        label = "  EMULATED" if facts["emulated"] else ""
        numbers = f"serial number {facts['serial']}, firmware {facts['firmware']}"
        say(f"  {kind}: {facts['model']}, {numbers}{label}")


def _line(config: BenchConfig) -> str:
    laser = f", laser {config.laser}" if config.laser else ""
    label = "  EMULATED" if config.emulated else ""
    light = f"{config.laser_nm:g} nm, {config.power_mw:g} mW"
    return f"{config.name}: {config.spectrometer}{laser}, {light}{label}"


def _section(title: str, lines: list[str]) -> None:
    say(title)
    for line in lines or ["none"]:
        say(f"  {line}")
