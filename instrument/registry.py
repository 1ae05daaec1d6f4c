"""From a device URL to an open device.

A driver registers itself with `spectrometer` or `laser`::

    @spectrometer("obp+tcp", params=("model",))
    def open_obp_tcp(url: DeviceURL) -> Spectrometer: ...

Schemes of VISA devices are told apart by ``driver=``: they register as ``visa/NAME``.
"""

import importlib
import math
import pkgutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

from . import drivers
from .errors import DeviceURLError
from .interfaces import Laser, Spectrometer

#: Longer than any address; a longer text is a mistake.
MAX_URL = 2048
#: What a spectrometer's URL may say besides its driver's own parameters.
BENCH_PARAMS = frozenset({"laser", "laser_nm", "power_mw"})
#: What every URL may say: ``driver=`` chooses among VISA devices, ``emulated=1`` labels data of an emulator.
COMMON_PARAMS = frozenset({"driver", "emulated"})
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})

D = TypeVar("D", Spectrometer, Laser)


@dataclass(frozen=True, slots=True)
class DeviceURL:
    """A device URL taken apart."""

    text: str
    """As it was written."""
    scheme: str
    """Before ``://``, lower case."""
    target: str
    """Port, host and port, or VISA resource."""
    params: Mapping[str, str]
    """After ``?``, decoded."""

    @classmethod
    def parse(cls, text: str) -> "DeviceURL":
        """Take a URL apart.

        Raises
        ------
        DeviceURLError
            No scheme, no target, a parameter twice or empty, unprintable characters, or too long.
        """
        if len(text) > MAX_URL or not text.isprintable() or text != text.strip():
            raise DeviceURLError(f"not a device URL: {text[:80]!r}")
        try:
            parts = urlsplit(text)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError as error:
            raise DeviceURLError(f"{text}: not a device URL ({error})") from error
        params = dict(pairs)
        target = parts.netloc + parts.path
        if "://" not in text or not target or parts.fragment:
            raise DeviceURLError(
                f"{text!r}: not a device URL; write for example obp+serial:///dev/ttyUSB0?model=STS"
            )
        if len(params) != len(pairs) or not all(params.values()):
            raise DeviceURLError(f"{text}: a parameter is given twice or is empty")
        return cls(text, parts.scheme, target, MappingProxyType(params))

    @property
    def key(self) -> str:
        """Name its driver is registered under."""
        return f"visa/{self.need('driver')}" if self.scheme == "visa" else self.scheme

    @property
    def emulated(self) -> bool:
        """Whether the URL says that an emulator is at the other end."""
        word = self.params.get("emulated", "0").lower()
        if word not in _TRUE | _FALSE:
            raise DeviceURLError(f"{self.text}: emulated={word}; write 1 or 0")
        return word in _TRUE

    def need(self, name: str) -> str:
        """Return a parameter; raises `DeviceURLError` when it is missing."""
        if name not in self.params:
            raise DeviceURLError(f"{self.text}: add {name}=")
        return self.params[name]

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """Return a whole number within limits; raises `DeviceURLError`."""
        word = self.params.get(name, str(default))
        if not (word.isascii() and word.isdigit() and low <= int(word) <= high):
            raise DeviceURLError(f"{self.text}: {name}={word}; write a whole number from {low} to {high}")
        return int(word)

    def number(self, name: str, *, low: float, high: float) -> float | None:
        """Return a number within limits, None where the URL has none; raises `DeviceURLError`."""
        if name not in self.params:
            return None
        try:
            value = float(self.params[name])
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise DeviceURLError(
                f"{self.text}: {name}={self.params[name]}; write a number from {low:g} to {high:g}"
            )
        return value

    def serial_path(self) -> str:
        """Return the target as a serial port: an absolute path, or a name like ``COM3``."""
        if not self.target.startswith("/") and not self.target.upper().startswith("COM"):
            raise DeviceURLError(
                f"{self.text}: write the port with three slashes, {self.scheme}:///dev/ttyUSB0"
            )
        return self.target

    def host_port(self, default_port: int) -> tuple[str, int]:
        """Return the target as host and TCP port."""
        try:
            parts = urlsplit(f"//{self.target}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise DeviceURLError(f"{self.text}: {error}") from error
        if not host or parts.path:
            raise DeviceURLError(f"{self.text}: write {self.scheme}://HOST:PORT")
        return host, default_port if port is None else port


@dataclass(frozen=True, slots=True)
class Driver(Generic[D]):
    """One registered way to open a device."""

    key: str
    """URL scheme, or ``visa/NAME``."""
    params: frozenset[str]
    """Parameters it understands besides the common ones."""
    open: Callable[[DeviceURL], D]
    """Opens the device, or raises an error of this package."""


_SPECTROMETERS: dict[str, Driver[Spectrometer]] = {}
_LASERS: dict[str, Driver[Laser]] = {}
_loading = threading.Lock()


def spectrometer(
    key: str, *, params: tuple[str, ...] = ()
) -> Callable[[Callable[[DeviceURL], Spectrometer]], Callable[[DeviceURL], Spectrometer]]:
    """Register the decorated function as what opens spectrometers of a scheme."""
    return _register(_SPECTROMETERS, key, frozenset(params) | BENCH_PARAMS | COMMON_PARAMS)


def laser(
    key: str, *, params: tuple[str, ...] = ()
) -> Callable[[Callable[[DeviceURL], Laser]], Callable[[DeviceURL], Laser]]:
    """Register the decorated function as what opens lasers of a scheme."""
    return _register(_LASERS, key, frozenset(params) | COMMON_PARAMS)


def _register(
    table: dict[str, Driver[D]], key: str, params: frozenset[str]
) -> Callable[[Callable[[DeviceURL], D]], Callable[[DeviceURL], D]]:
    def keep(opener: Callable[[DeviceURL], D]) -> Callable[[DeviceURL], D]:
        if key in table:
            raise ValueError(f"two drivers for {key}")
        table[key] = Driver(key, params, opener)
        return opener

    return keep


def _load() -> None:
    """Import every module of `instrument.drivers`, so that each has registered itself."""
    with _loading:
        for module in pkgutil.iter_modules(drivers.__path__, f"{drivers.__name__}."):
            importlib.import_module(module.name)


def spectrometer_drivers() -> Mapping[str, Driver[Spectrometer]]:
    """Return all spectrometer drivers by key."""
    _load()
    return MappingProxyType(_SPECTROMETERS)


def laser_drivers() -> Mapping[str, Driver[Laser]]:
    """Return all laser drivers by key."""
    _load()
    return MappingProxyType(_LASERS)


def open_spectrometer(url: str) -> Spectrometer:
    """Open the spectrometer a URL names.

    Raises
    ------
    DeviceURLError
        No driver for it, or a parameter nobody understands.
    InstrumentError
        The port or device does not do what it should; see the tree in `instrument.errors`.
    """
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


def check_spectrometer_url(url: str) -> DeviceURL:
    """Return the URL taken apart, without opening anything; raises `DeviceURLError`."""
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
