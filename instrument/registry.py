"""From a device URL to an open device.

A driver registers itself with `spectrometer`, `laser` or `unit`::

    @spectrometer("obp+tcp", params=("model",))
    def open_obp_tcp(url: DeviceURL) -> Spectrometer: ...

Schemes of VISA devices are told apart by ``driver=``: they register as ``visa/NAME``.

Drivers of others register in the same way, in a module that their distribution names as an entry point of
the group ``opioscan.drivers``.
"""

import importlib
import pkgutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Generic, TypeVar

from spectra.values import Technique

from . import drivers
from .device_url import DeviceURL
from .errors import DeviceURLError
from .interfaces import Laser, Spectrometer, Unit

__all__ = [
    "BENCH_PARAMS",
    "COMMON_PARAMS",
    "ENTRY_POINTS",
    "DeviceURL",
    "Driver",
    "broken_entry_points",
    "check_laser_url",
    "check_spectrometer_url",
    "contains_laser",
    "laser",
    "laser_drivers",
    "open_laser",
    "open_spectrometer",
    "open_unit",
    "spectrometer",
    "spectrometer_drivers",
    "technique_of",
    "unit",
    "unit_drivers",
]

#: What a spectrometer's URL may say besides its driver's own parameters.
BENCH_PARAMS = frozenset({"laser", "laser_nm", "power_mw", "warning_s", "contact"})
#: What every URL may say: ``driver=`` chooses among VISA devices, ``emulated=1`` labels data of an emulator.
COMMON_PARAMS = frozenset({"driver", "emulated"})
#: Group of entry points under which other distributions name modules with drivers.
ENTRY_POINTS = "opioscan.drivers"

D = TypeVar("D", Spectrometer, Laser, Unit)


@dataclass(frozen=True, slots=True)
class Driver(Generic[D]):
    """One registered way to open a device."""

    key: str
    """URL scheme, or ``visa/NAME``."""
    params: frozenset[str]
    """Parameters it understands besides the common ones."""
    open: Callable[[DeviceURL], D]
    """Opens the device, or raises an error of this package."""
    technique: Technique | None = Technique.RAMAN
    """How it measures; None where its files say it."""
    applies: Callable[[DeviceURL], bool] = lambda url: True
    """Whether a URL of this scheme names such a device: schemes may serve several."""


_SPECTROMETERS: dict[str, Driver[Spectrometer]] = {}
_LASERS: dict[str, Driver[Laser]] = {}
_UNITS: dict[str, Driver[Unit]] = {}
_BROKEN: dict[str, str] = {}
_loading = threading.Lock()
_loaded = False


def spectrometer(
    key: str, *, params: tuple[str, ...] = (), technique: Technique | None = Technique.RAMAN
) -> Callable[[Callable[[DeviceURL], Spectrometer]], Callable[[DeviceURL], Spectrometer]]:
    """Register the decorated function as what opens spectrometers of a scheme."""

    def keep(opener: Callable[[DeviceURL], Spectrometer]) -> Callable[[DeviceURL], Spectrometer]:
        known = frozenset(params) | BENCH_PARAMS | COMMON_PARAMS
        _add(_SPECTROMETERS, Driver(key, known, opener, technique))
        return opener

    return keep


def laser(
    key: str, *, params: tuple[str, ...] = ()
) -> Callable[[Callable[[DeviceURL], Laser]], Callable[[DeviceURL], Laser]]:
    """Register the decorated function as what opens lasers of a scheme."""

    def keep(opener: Callable[[DeviceURL], Laser]) -> Callable[[DeviceURL], Laser]:
        _add(_LASERS, Driver(key, frozenset(params) | COMMON_PARAMS, opener))
        return opener

    return keep


def unit(
    key: str, *, params: tuple[str, ...] = (), applies: Callable[[DeviceURL], bool] = lambda url: True
) -> Callable[[Callable[[DeviceURL], Unit]], Callable[[DeviceURL], Unit]]:
    """Register the decorated function as what opens spectrometers that contain their laser.

    Only a guardian opens them. A scheme may serve both kinds: ``applies`` tells which a URL names.
    """

    def keep(opener: Callable[[DeviceURL], Unit]) -> Callable[[DeviceURL], Unit]:
        known = frozenset(params) | BENCH_PARAMS | COMMON_PARAMS
        _add(_UNITS, Driver(key, known, opener, applies=applies))
        return opener

    return keep


def _add(table: dict[str, Driver[D]], driver: Driver[D]) -> None:
    if driver.key in table:
        raise ValueError(f"two drivers for {driver.key}")
    table[driver.key] = driver


def _load() -> None:
    """Import every module with drivers, ours and those of entry points: each registers itself."""
    global _loaded
    with _loading:
        if _loaded:
            return
        for module in pkgutil.iter_modules(drivers.__path__, f"{drivers.__name__}."):
            importlib.import_module(module.name)
        for point in entry_points(group=ENTRY_POINTS):
            _load_outside(point)
        _loaded = True


def _load_outside(point: EntryPoint) -> None:
    try:
        point.load()
    # A broken driver of somebody else must not take the others away; `doctor` shows it.
    except Exception as error:
        _BROKEN[f"{point.name} ({point.value})"] = f"{type(error).__name__}: {error}"


def broken_entry_points() -> Mapping[str, str]:
    """Return the outside drivers that could not be imported, with the reason."""
    _load()
    return MappingProxyType(_BROKEN)


def spectrometer_drivers() -> Mapping[str, Driver[Spectrometer]]:
    """Return all spectrometer drivers by key."""
    _load()
    return MappingProxyType(_SPECTROMETERS)


def laser_drivers() -> Mapping[str, Driver[Laser]]:
    """Return all laser drivers by key."""
    _load()
    return MappingProxyType(_LASERS)


def unit_drivers() -> Mapping[str, Driver[Unit]]:
    """Return all drivers of spectrometers that contain their laser, by key."""
    _load()
    return MappingProxyType(_UNITS)


def contains_laser(url: str) -> bool:
    """Whether a spectrometer's URL names a device with a laser of its own; raises `DeviceURLError`."""
    parsed = DeviceURL.parse(url)
    driver = unit_drivers().get(parsed.key)
    return driver is not None and driver.applies(parsed)


def technique_of(url: str) -> Technique | None:
    """Return how the spectrometer a URL names measures; None where its files say it."""
    parsed = check_spectrometer_url(url)
    driver = spectrometer_drivers().get(parsed.key)
    return Technique.RAMAN if driver is None or contains_laser(url) else driver.technique


def open_spectrometer(url: str) -> Spectrometer:
    """Open the spectrometer a URL names.

    Raises
    ------
    DeviceURLError
        No driver for it, a parameter nobody understands, or a device that contains a laser: only a guardian
        opens those.
    InstrumentError
        The port or device does not do what it should; see the tree in `instrument.errors`.
    """
    if contains_laser(url):
        raise DeviceURLError(f"{url}: this device contains a laser; it is opened through its guardian only")
    return _open(spectrometer_drivers(), url, "spectrometer")


def open_laser(url: str) -> Laser:
    """Open the laser a URL names; it is off, and read back as off, when this returns.

    Raises
    ------
    DeviceURLError
        No driver for it, or a parameter nobody understands.
    LaserMayBeOn
        It could not be read back as off.
    InstrumentError
        The port or device does not do what it should; see the tree in `instrument.errors`.
    """
    return _open(laser_drivers(), url, "laser")


def open_unit(url: str) -> Unit:
    """Open the spectrometer with its own laser that a URL names; for the guardian. Raises as `open_laser`."""
    return _open(unit_drivers(), url, "spectrometer with a laser")


def check_spectrometer_url(url: str) -> DeviceURL:
    """Return the URL taken apart, without opening anything; raises `DeviceURLError`."""
    if contains_laser(url):
        return _choose(unit_drivers(), url, "spectrometer")[1]
    return _choose(spectrometer_drivers(), url, "spectrometer")[1]


def check_laser_url(url: str) -> DeviceURL:
    """Return the URL taken apart, without opening anything; raises `DeviceURLError`."""
    return _choose(laser_drivers(), url, "laser")[1]


def _open(table: Mapping[str, Driver[D]], text: str, kind: str) -> D:
    driver, url = _choose(table, text, kind)
    return driver.open(url)


def _choose(table: Mapping[str, Driver[D]], text: str, kind: str) -> tuple[Driver[D], DeviceURL]:
    url = DeviceURL.parse(text)
    driver = table.get(url.key)
    if driver is None:
        raise DeviceURLError(f"{text}: no {kind} driver {url.key!r}; there are {', '.join(sorted(table))}")
    unknown = sorted(set(url.params) - driver.params)
    if unknown:
        raise DeviceURLError(f"{text}: {driver.key} does not know {', '.join(unknown)}=; remove it")
    return driver, url
