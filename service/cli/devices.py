"""``opioscan devices``: what is attached, and which names it has."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from instrument.config import DEFAULT_POWER_MW, BenchConfig, bench_config, load_config, save_device
from instrument.discovery import Found, Silent
from instrument.ports import serial_ports, visa_resources
from instrument.registry import DeviceURL, check_laser_url, check_spectrometer_url, technique_of
from spectra.values import Technique

from ..errors import UsageError
from ..settings import load_settings
from .devices_check import Facts, identify_devices
from .devices_guide import choose_devices, look_around
from .output import emit_json, say

app = typer.Typer(help="Find what is attached, and give devices names.", no_args_is_help=True)

#: A laser this far from what was written is another laser, nm.
LINE_TOLERANCE_NM = 2.0

Ports = Annotated[
    list[str] | None,
    typer.Option("--port", help="Serial port to ask; may be repeated. Default: all."),
]
Hosts = Annotated[
    list[str] | None, typer.Option("--host", help="HOST or HOST:PORT to ask as well; may be repeated.")
]
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


@app.command("find")
def find_devices(
    *,
    port: Ports = None,
    host: Hosts = None,
    json: Json = False,
) -> None:
    """Ask what answers at serial ports and hosts. Nothing is set and nothing is switched."""
    found = look_around(port, host)
    if json:
        emit_json({"found": [{**asdict(one), "answered": isinstance(one, Found)} for one in found]})
        return
    _section("Answered", [_found_line(one) for one in found if isinstance(one, Found)])
    _section("Silent", [f"{one.port}  {one.why}".rstrip() for one in found if isinstance(one, Silent)])


@app.command("add")
def add_device(
    name: Annotated[str, typer.Argument(help="Name to give it: letters, digits, '_', '.', '-'.")],
    url: Annotated[str, typer.Argument(help="URL of the spectrometer; without it ports are asked.")] = "",
    *,
    laser: Annotated[str | None, typer.Option(help="URL of the laser that goes with it.")] = None,
    laser_nm: Annotated[
        float | None, typer.Option(help="Wavelength of the light, nm; a checked laser says it itself.")
    ] = None,
    power_mw: Annotated[float | None, typer.Option(help="Power to ask for, mW.")] = None,
    contact: Annotated[
        str, typer.Option(help="Accessory that touches the sample: atr or vial; it has to be clean.")
    ] = "",
    port: Ports = None,
    host: Hosts = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Open the devices and identify them first.")
    ] = True,
    json: Json = False,
) -> None:
    """Give a spectrometer, with its laser, a name. A checked laser is switched off and read back as off.

    Without a URL the ports of this machine are asked what they are, and you choose; in a pipe there must
    be one spectrometer, and at most one laser, to choose from.
    """
    if not url:
        url, laser = choose_devices(look_around(port, host), laser)
    spectrometer_url = check_spectrometer_url(url)
    laser = laser or spectrometer_url.params.get("laser")
    emulated = spectrometer_url.emulated or (laser is not None and check_laser_url(laser).emulated)
    found = identify_devices(url, laser) if check else {}
    config = BenchConfig(
        name,
        url,
        laser,
        _wavelength(laser_nm, spectrometer_url, found),
        _power(power_mw, spectrometer_url, found),
        emulated or any(device["emulated"] for device in found.values()),
        contact=contact or spectrometer_url.params.get("contact", ""),
    )
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
    found = identify_devices(config.spectrometer, config.laser) if check else {}
    _show(config, found, json=json)


def _power(given: float | None, url: DeviceURL, found: Facts) -> float:
    """Return the power to ask for; a laser that was asked must have so much."""
    in_url = url.number("power_mw", low=0, high=1000)
    most = found.get("laser", {}).get("max_power_mw")
    if given is None and in_url is None:
        return min(DEFAULT_POWER_MW, most or DEFAULT_POWER_MW)
    power = float(in_url if given is None else given)  # type: ignore[arg-type]
    if most is not None and power > most:
        raise UsageError(f"{power:g} mW is more than the {most:g} mW this laser has; give --power-mw")
    return power


def _wavelength(given: float | None, url: DeviceURL, found: Facts) -> float | None:
    """Return the wavelength of the light; all who name one have to agree, and infrared needs none."""
    measured = found.get("laser", {}).get("wavelength_nm")
    in_url = url.number("laser_nm", low=200, high=2000)
    named = [nm for nm in (given, in_url, measured) if nm is not None]
    if not named:
        if technique_of(url.text) is not Technique.RAMAN:
            return None
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
    light = "infrared" if config.laser_nm is None else f"{config.laser_nm:g} nm, {config.power_mw:g} mW"
    return f"{config.name}: {config.spectrometer}{laser}, {light}{label}"


def _found_line(found: Found) -> str:
    needs = f"  (add {', '.join(f'{name}=' for name in found.needs)} to the URL)" if found.needs else ""
    return f"{found.kind}: {found.model}, serial number {found.serial or 'unknown'}  {found.url}{needs}"


def _section(title: str, lines: list[str]) -> None:
    say(title)
    for line in lines or ["none"]:
        say(f"  {line}")
