"""The file ``devices.toml`` itself: read with bounds, changed under a lock, replaced in one step."""

import fcntl
import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from .errors import DeviceURLError

#: A larger file is no configuration.
MAX_FILE = 1 << 20

Tables = dict[str, dict[str, Any]]


def read_tables(path: Path) -> Tables:
    """Return the tables of all devices; none where there is no file.

    Raises
    ------
    DeviceURLError
        The file cannot be read, is too large, no TOML, or holds something else.
    """
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


def change_tables(path: Path, changed: Mapping[str, dict[str, Any]]) -> None:
    """Add or replace tables; the others stay, also what another program writes at the same time.

    Raises
    ------
    DeviceURLError
        The file there cannot be understood or written.
    """
    try:
        with _locked(path):
            tables = read_tables(path) | dict(changed)
            _write_atomically(path, tomli_w.dumps({"devices": tables}).encode())
    except OSError as error:
        raise DeviceURLError(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other programs from writing between our reading and our writing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_atomically(path: Path, data: bytes) -> None:
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
