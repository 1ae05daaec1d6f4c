"""The benches of this machine by name: the file ``devices.toml``.

::

    [devices.bench1]
    spectrometer = "obp+serial:///dev/ttyUSB0?model=STS&baud=115200"
    laser = "cobolt+serial:///dev/ttyUSB1"
    laser_nm = 785.0
    power_mw = 100.0
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectra.values import Technique

from .config_file import change_tables, read_tables
from .errors import DeviceURLError
from .registry import check_laser_url, check_spectrometer_url, contains_laser, technique_of

#: Power asked for where nobody says otherwise, mW.
DEFAULT_POWER_MW = 100.0
#: Lines that excite Raman spectra, nm.
LASER_RANGE_NM = (200.0, 2000.0)
#: Beyond this nobody holds a sample in front of the probe, mW.
MAX_POWER_MW = 1000.0
#: Accessories that touch the sample.
CONTACTS = frozenset({"", "atr", "vial"})
_LARGEST = 10**9
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
#: Longest warning before the first light of a scan, s.
MAX_WARNING_S = 30.0
#: Warning before the first light of a scan where nobody says otherwise, s: chosen, long enough to be noticed.
DEFAULT_WARNING_S = 1.0
_KEYS = frozenset({"spectrometer", "laser", "laser_nm", "power_mw", "warning_s", "contact", "emulated"})


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """A spectrometer, the laser that goes with it, and how they are used."""

    name: str
    """Name in the file; the spectrometer's URL for a bench named by URL."""
    spectrometer: str
    """URL of the spectrometer."""
    laser: str | None
    """URL of the laser; None where the spectrometer contains it, or something else lights the sample."""
    laser_nm: float | None
    """Wavelength of the light, nm; None for an infrared spectrometer, or where its files say it."""
    power_mw: float = DEFAULT_POWER_MW
    """Power to ask for, mW."""
    emulated: bool = False
    """True where emulators are at the other end; such data is labelled everywhere."""
    warning_s: float = DEFAULT_WARNING_S
    """Warning before the first light of a scan, s."""
    contact: str = ""
    """Accessory that touches the sample, ``atr`` or ``vial``: it has to be clean after an alarm."""

    def __post_init__(self) -> None:
        low, high = LASER_RANGE_NM
        nm = self.laser_nm
        absent = nm is None and technique_of(self.spectrometer) is not Technique.RAMAN
        if not absent and not (_is_number(nm) and nm is not None and low <= nm <= high):
            raise DeviceURLError(f"{self.name}: laser_nm {self.laser_nm!r}; write {low:g} to {high:g} nm")
        if not (_is_number(self.warning_s) and 0 <= self.warning_s <= MAX_WARNING_S):
            raise DeviceURLError(f"{self.name}: warning_s {self.warning_s!r}; write 0 to {MAX_WARNING_S:g} s")
        if not isinstance(self.contact, str) or self.contact not in CONTACTS:
            raise DeviceURLError(f"{self.name}: contact {self.contact!r}; write atr, vial or nothing")
        if self.laser is not None and contains_laser(self.spectrometer):
            raise DeviceURLError(f"{self.name}: the spectrometer contains its laser; name no other")
        if not (_is_number(self.power_mw) and 0 <= self.power_mw <= MAX_POWER_MW):
            raise DeviceURLError(f"{self.name}: power_mw {self.power_mw!r}; write 0 to {MAX_POWER_MW:g} mW")
        check_spectrometer_url(self.spectrometer)
        if self.laser is not None:
            check_laser_url(self.laser)

    @property
    def owned_url(self) -> str | None:
        """URL of what a guardian has to own: the laser, or the spectrometer that contains one."""
        if self.laser is None and contains_laser(self.spectrometer):
            return self.spectrometer
        return self.laser

    @property
    def has_laser(self) -> bool:
        """Whether it has a laser that we switch."""
        return self.owned_url is not None


def load_config(path: Path) -> dict[str, BenchConfig]:
    """Read all benches of a file; none where there is no file.

    Raises
    ------
    DeviceURLError
        The file cannot be read, is no TOML, or describes a bench nobody can use.
    """
    return {name: _bench(name, table, path) for name, table in read_tables(path).items()}


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
    entry: dict[str, Any] = {"spectrometer": config.spectrometer}
    if config.laser is not None:
        entry["laser"] = config.laser
    if config.laser_nm is not None:
        entry["laser_nm"] = float(config.laser_nm)
    entry["power_mw"] = float(config.power_mw)
    if config.warning_s != DEFAULT_WARNING_S:
        entry["warning_s"] = float(config.warning_s)
    if config.contact:
        entry["contact"] = config.contact
    if config.emulated:
        entry["emulated"] = True
    change_tables(path, {config.name: entry})


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
    if laser_nm is None and technique_of(text) is Technique.RAMAN:
        raise DeviceURLError(f"{text}: add laser_nm=, for example laser_nm=785")
    power = url.number("power_mw", low=0, high=MAX_POWER_MW)
    laser = url.params.get("laser")
    emulated = url.emulated or (laser is not None and check_laser_url(laser).emulated)
    warning = url.number("warning_s", low=0, high=MAX_WARNING_S)
    return BenchConfig(
        text,
        text,
        laser,
        laser_nm,
        DEFAULT_POWER_MW if power is None else power,
        emulated,
        DEFAULT_WARNING_S if warning is None else warning,
        url.params.get("contact", ""),
    )


def _bench(name: str, table: dict[str, Any], path: Path) -> BenchConfig:
    unknown = sorted(set(table) - _KEYS)
    missing = sorted({"spectrometer"} - set(table))
    if unknown or missing:
        words = f"does not know {', '.join(unknown)}" if unknown else f"lacks {', '.join(missing)}"
        raise DeviceURLError(f"{path}: device {name} {words}; mend it")
    texts = [table[key] for key in ("spectrometer", "laser") if key in table]
    emulated = table.get("emulated", False)
    if not all(isinstance(text, str) for text in texts) or not isinstance(emulated, bool):
        raise DeviceURLError(
            f"{path}: device {name}: URLs are strings and emulated is true or false; mend it"
        )
    try:
        return BenchConfig(
            name,
            texts[0],
            table.get("laser"),
            table.get("laser_nm"),
            table.get("power_mw", DEFAULT_POWER_MW),
            emulated,
            table.get("warning_s", DEFAULT_WARNING_S),
            table.get("contact", ""),
        )
    except DeviceURLError as error:
        raise DeviceURLError(f"{path}: {error}") from error


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # A whole number may be too large to be asked whether it is finite.
    return abs(value) < _LARGEST if isinstance(value, int) else math.isfinite(value)
