"""The checks of ``opioscan doctor`` on this machine: each looks at one thing and changes nothing."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

from ..archive.journal import RESERVE_BYTES
from ..clock import UNSYNCHRONISED, clock_state
from ..settings import Settings, software_version

STARTER_GAP = (
    "The starter library holds no Raman reference of any fentanyl, because no open one exists; "
    "agencies measure or import their own."
)

#: Packages of the extras ``fast``, ``wasatch`` and ``conformance``, and what each is for.
OPTIONAL = {
    "numba": "fast screens of large libraries and batches of baselines",
    "wasatch": "Wasatch handhelds",
    "pyusb": "USB instruments through VISA",
    "seabreeze": "comparison with another OBP driver",
    "spektralwerk_scpi_client": "comparison with the maker's Spektralwerk client",
}
_REQUIREMENT = re.compile(r"[A-Za-z0-9_.-]+")


class State(StrEnum):
    """How a check went."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: str
    """What was looked at."""
    state: State
    """How it went."""
    text: str
    """What was found, and what to do where that is a problem."""
    facts: dict[str, Any] = field(default_factory=dict)
    """The same for programs, JSON values."""


def software(settings: Settings) -> Iterator[Check]:
    """Versions of Python, opioscan and the packages it stands on."""
    del settings
    versions = {name: _version(name) for name in _required()}
    facts = {"opioscan": software_version(), "python": platform.python_version(), "packages": versions}
    words = f"opioscan {facts['opioscan']}, Python {facts['python']} on {platform.system()}"
    if missing := [name for name, version in versions.items() if version is None]:
        yield Check("software", State.PROBLEM, f"{words}; not installed: {', '.join(missing)}", facts)
    else:
        listed = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield Check("software", State.OK, f"{words}; {listed}" if listed else words, facts)
    optional = {name: _version(name) for name in OPTIONAL}
    parts = [
        f"{name} {version}" if version else f"no {name} ({OPTIONAL[name]})"
        for name, version in optional.items()
    ]
    yield Check("optional parts", State.OK, ", ".join(parts), {"packages": optional})


def home_folder(settings: Settings) -> Iterator[Check]:
    """Whether the home folder can be written and has room."""
    home = settings.home
    there = home.is_dir()
    place = next(folder for folder in (home, *home.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    facts = {"path": str(home), "exists": there, "free_bytes": free, "writable": os.access(place, os.W_OK)}
    words = f"{home}, {free / 2**30:.1f} GiB free"
    if not facts["writable"]:
        yield Check("home folder", State.PROBLEM, f"{words}; this user may not write in {place}", facts)
    elif free < 2 * RESERVE_BYTES:
        yield Check("home folder", State.PROBLEM, f"{words}; free some space before scanning", facts)
    else:
        yield Check("home folder", State.OK, words if there else f"{words}; made when first needed", facts)
    if settings.token_path.exists() and settings.token_path.stat().st_mode & 0o077:
        text = f"others may read {settings.token_path}; run: chmod 600 {settings.token_path}"
        yield Check("server token", State.PROBLEM, text)


def devices(settings: Settings) -> Iterator[Check]:
    """Whether the serial ports of configured devices exist; no device is opened."""
    from instrument.config import load_config
    from instrument.ports import serial_ports

    ports = [port.path for port in serial_ports()]
    listed = ", ".join(ports) or "none"
    yield Check("serial ports", State.OK, f"attached: {listed}", {"ports": ports})
    configured = load_config(settings.devices_path)
    if not configured:
        text = "none configured; opioscan devices add names one, opioscan demo needs none"
        yield Check("devices", State.NOTE, text)
    for config in configured.values():
        urls = [url for url in (config.spectrometer, config.laser) if url]
        missing = [path for path in map(_serial_path, urls) if path is not None and not path.exists()]
        facts = {"name": config.name, "urls": urls, "missing": [str(path) for path in missing]}
        words = f"{config.name}{' (emulated)' if config.emulated else ''}: {', '.join(urls)}"
        if missing:
            text = (
                f"{words}; there is no port {missing[0]}: plug the device in or mend {settings.devices_path}"
            )
            yield Check("device", State.PROBLEM, text, facts)
        else:
            yield Check("device", State.OK, words, facts)


def starter_library(settings: Settings) -> Iterator[Check]:
    """Whether the starter library is there and whole; says what it cannot hold."""
    from library.starter import FILE
    from library.store import read_library

    path = settings.libraries_dir / FILE
    if not path.exists():
        text = f"not made yet: the first scan, demo or `opioscan library init` makes it. {STARTER_GAP}"
        yield Check("starter library", State.NOTE, text, {"path": str(path), "entries": 0})
        return
    library = read_library(path)
    facts = {"path": str(path), "entries": len(library.entries), "digest": library.digest}
    text = f"{len(library.entries)} references, digest {library.digest[:12]}. {STARTER_GAP}"
    yield Check("starter library", State.OK, text, facts)


def methods(settings: Settings) -> Iterator[Check]:
    """Which fitted methods are kept."""
    folder = settings.methods_dir
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    facts = {"path": str(folder), "files": names}
    if names:
        yield Check("methods", State.OK, f"{len(names)} kept in {folder}", facts)
    else:
        text = "none fitted yet; the first scan or demo fits the training method"
        yield Check("methods", State.NOTE, text, facts)


def clock(settings: Settings) -> Iterator[Check]:
    """Whether somebody keeps this machine's clock right."""
    del settings
    state, now = clock_state(), datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"state": state, "utc": now}
    if state == UNSYNCHRONISED:
        text = f"{now}, not synchronised: records will say so; switch time synchronisation on"
        yield Check("clock", State.PROBLEM, text, facts)
    else:
        yield Check("clock", State.OK, f"{now}, {state}", facts)


def _required() -> list[str]:
    """Return the names of the packages this one requires, none where it runs from a checkout."""
    try:
        lines = metadata.requires("opioscan") or []
    except metadata.PackageNotFoundError:
        # Only those without which nothing runs: the full list is in the installed metadata.
        lines = ["numpy", "scipy", "h5py", "fastapi", "httpx", "sqlalchemy", "pydantic", "pyserial", "pyvisa"]
    found = [_REQUIREMENT.match(line) for line in lines if "extra ==" not in line]
    return [match.group() for match in found if match]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _serial_path(url: str) -> Path | None:
    from instrument.registry import DeviceURL

    parsed = DeviceURL.parse(url)
    return Path(parsed.target) if parsed.scheme.endswith("+serial") and sys.platform != "win32" else None
