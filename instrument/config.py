"""The benches of this machine by name: the file ``devices.toml``.

::

    [devices.bench1]
    spectrometer = "obp+serial:///dev/ttyUSB0?model=STS&baud=115200"
    laser = "cobolt+serial:///dev/ttyUSB1"
    laser_nm = 785.0
    power_mw = 100.0
"""

import math
import os
import re
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from .errors import DeviceURLError
from .registry import check_laser_url, check_spectrometer_url

#: Power asked for where nobody says otherwise, mW.
DEFAULT_POWER_MW = 100.0
#: A larger file is no configuration.
MAX_FILE = 1 << 20
#: Lines that excite Raman spectra, nm.
LASER_RANGE_NM = (200.0, 2000.0)
#: Beyond this nobody holds a sample in front of the probe, mW.
MAX_POWER_MW = 1000.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_KEYS = frozenset({"spectrometer", "laser", "laser_nm", "power_mw", "emulated"})


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """A spectrometer, the laser that goes with it, and how they are used."""

    name: str
    """Name in the file; the spectrometer's URL for a bench named by URL."""
    spectrometer: str
    """URL of the spectrometer."""
    laser: str | None
    """URL of the laser; None where something else lights the sample."""
    laser_nm: float
    """Wavelength of the light, nm."""
    power_mw: float = DEFAULT_POWER_MW
    """Power to ask for, mW."""
    emulated: bool = False
    """True where emulators are at the other end; such data is labelled everywhere."""

    def __post_init__(self) -> None:
        low, high = LASER_RANGE_NM
        if not (_is_number(self.laser_nm) and low <= self.laser_nm <= high):
            raise DeviceURLError(f"{self.name}: laser_nm {self.laser_nm!r}; write {low:g} to {high:g} nm")
        if not (_is_number(self.power_mw) and 0 <= self.power_mw <= MAX_POWER_MW):
            raise DeviceURLError(f"{self.name}: power_mw {self.power_mw!r}; write 0 to {MAX_POWER_MW:g} mW")
        check_spectrometer_url(self.spectrometer)
        if self.laser is not None:
            check_laser_url(self.laser)


def load_config(path: Path) -> dict[str, BenchConfig]:
    """Read all benches of a file; none where there is no file.

    Raises
    ------
    DeviceURLError
        The file cannot be read, is no TOML, or describes a bench nobody can use.
    """
    return {name: _bench(name, table, path) for name, table in _read_tables(path).items()}


def save_device(path: Path, config: BenchConfig) -> None:
    """Add a bench to the file, or replace the one of its name; the others stay as they are.

    The new file takes the old one's place in one step, so that a power cut leaves one of the two.

    Raises
    ------
    DeviceURLError
        The name is not of letters, digits, ``_``, ``.`` and ``-``, or the file there cannot be understood
        or written.
    """
    if not _NAME.fullmatch(config.name):
        raise DeviceURLError(f"{config.name!r}: a name is letters, digits, '_', '.' and '-', at most 64")
    tables = _read_tables(path)
    entry: dict[str, Any] = {"spectrometer": config.spectrometer}
    if config.laser is not None:
        entry["laser"] = config.laser
    entry |= {"laser_nm": float(config.laser_nm), "power_mw": float(config.power_mw)}
    if config.emulated:
        entry["emulated"] = True
    tables[config.name] = entry
    try:
        _write_atomically(path, tomli_w.dumps({"devices": tables}).encode())
    except OSError as error:
        raise DeviceURLError(f"{path}: cannot be written: {error.strerror}") from error


def bench_config(name_or_url: str, path: Path) -> BenchConfig:
    """Return the bench of a name in the file, or the one a spectrometer's URL describes by itself.

    Raises
    ------
    DeviceURLError
        No such name, or a URL without ``laser_nm=``.
    """
    if "://" in name_or_url:
        return _bench_of_url(name_or_url)
    known = load_config(path)
    if name_or_url not in known:
        names = ", ".join(sorted(known)) or "none"
        raise DeviceURLError(
            f"no device {name_or_url!r} in {path} (there: {names}); `opioscan devices add` makes one"
        )
    return known[name_or_url]


def _bench_of_url(text: str) -> BenchConfig:
    url = check_spectrometer_url(text)
    low, high = LASER_RANGE_NM
    laser_nm = url.number("laser_nm", low=low, high=high)
    if laser_nm is None:
        raise DeviceURLError(f"{text}: add laser_nm=, for example laser_nm=785")
    power = url.number("power_mw", low=0, high=MAX_POWER_MW)
    laser = url.params.get("laser")
    emulated = url.emulated or (laser is not None and check_laser_url(laser).emulated)
    return BenchConfig(text, text, laser, laser_nm, DEFAULT_POWER_MW if power is None else power, emulated)


def _read_tables(path: Path) -> dict[str, dict[str, Any]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DeviceURLError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE:
        raise DeviceURLError(f"{path}: larger than {MAX_FILE} bytes; is it the right file?")
    try:
        content = tomllib.loads(data.decode())
    except ValueError as error:
        raise DeviceURLError(f"{path}: not TOML: {error}; mend or remove it") from error
    tables = content.get("devices", {})
    if set(content) - {"devices"} or not isinstance(tables, dict):
        raise DeviceURLError(f"{path}: only [devices.NAME] tables are known; mend it")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise DeviceURLError(f"{path}: devices.{name} is no table; mend it")
    return tables


def _bench(name: str, table: dict[str, Any], path: Path) -> BenchConfig:
    unknown = sorted(set(table) - _KEYS)
    missing = sorted({"spectrometer", "laser_nm"} - set(table))
    if unknown or missing:
        words = f"does not know {', '.join(unknown)}" if unknown else f"lacks {', '.join(missing)}"
        raise DeviceURLError(f"{path}: device {name} {words}; mend it")
    texts = [table[key] for key in ("spectrometer", "laser") if key in table]
    emulated = table.get("emulated", False)
    if not all(isinstance(text, str) for text in texts) or not isinstance(emulated, bool):
        raise DeviceURLError(
            f"{path}: device {name}: URLs are strings and emulated is true or false; mend it"
        )
    power = table.get("power_mw", DEFAULT_POWER_MW)
    try:
        return BenchConfig(name, texts[0], table.get("laser"), table["laser_nm"], power, emulated)
    except DeviceURLError as error:
        raise DeviceURLError(f"{path}: {error}") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _write_atomically(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
