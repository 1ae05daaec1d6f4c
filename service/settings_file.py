"""The files that hold the settings of an installation: read whole, bounded, nothing in them guessed."""

import re
import tomllib
from pathlib import Path
from typing import Any

from .errors import SettingsError

BENCH_PORT = 8470
SERVER_PORT = 8480
HOST = "127.0.0.1"

#: A longer configuration or token file is a mistake.
MAX_CONFIG_BYTES = 64 * 1024

#: What a bench may be called: it stands in paths, tables and on pages.
BENCH_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")

#: Benches report every five minutes; three reports in a row are missed by no accident (chosen).
SILENT_MINUTES = 15
#: A week; more would call nothing silent.
_MOST_MINUTES = 7 * 24 * 60

#: Longest interval between two verifications of an instrument, h (chosen: a shift).
VERIFY_HOURS = 8.0
#: Fastest drift of an axis that verifications have to catch in time, cm⁻¹/h; the project's bar.
VERIFY_DRIFT_CM1_H = 0.5
#: Largest deviation of a standard's line, cm⁻¹ (chosen: half of what no line may ever be off by).
VERIFICATION_LIMIT_CM1 = 1.0

#: Share of negative screenings drawn for a laboratory check (chosen: one in fifty; a lane of 100 parcels a
#: day has 700 checks a year then, and none missed among those leaves a miss rate of at most 0.5 %).
NEGATIVE_CHECK_SHARE = 0.02
#: Personal data are kept until somebody says for how long: laws differ, and erasing cannot be undone.
RETENTION_DAYS = 0.0
#: How long the server knows an Idempotency-Key, days (chosen: longer than a long weekend).
IDEMPOTENCY_DAYS = 7.0

#: Name → usual value, least and most: intervals of less than 15 minutes cannot be kept, and with a wider
#: limit than 1.5 cm⁻¹ a line could be 2 off before a verification fails.
_NUMBERS = {
    "idempotency_days": (IDEMPOTENCY_DAYS, 1.0, 365.0),
    "verify_hours": (VERIFY_HOURS, 0.25, 168.0),
    "verify_drift_cm1_h": (VERIFY_DRIFT_CM1_H, 0.01, 5.0),
    "verification_limit_cm1": (VERIFICATION_LIMIT_CM1, 0.2, 1.5),
    "negative_check_share": (NEGATIVE_CHECK_SHARE, 0.0, 1.0),
    "retention_days": (RETENTION_DAYS, 0.0, 36500.0),
}
_SWITCHES = {"require_negative_control": False}

_TEXTS = {"server_url": "", "host": HOST, "bench_name": "", "database_url": "", "scans_folder": ""}
_PORTS = {"bench_port": BENCH_PORT, "server_port": SERVER_PORT}
_MINUTES = {"silent_minutes": SILENT_MINUTES}


def read_small(path: Path) -> str:
    """Return the text of a small file, empty where there is none; raises `SettingsError` for another file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise SettingsError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes; it is not a settings file")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text") from error


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings of a ``config.toml`` with the usual ones where it says nothing.

    Raises
    ------
    SettingsError
        It is damaged, or a setting is unknown or out of range.
    """
    try:
        given = tomllib.loads(read_small(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    usual: dict[str, Any] = {**_TEXTS, **_PORTS, **_MINUTES, **_SWITCHES}
    usual |= {name: value for name, (value, _, _) in _NUMBERS.items()}
    config = {**usual, **given}
    if unknown := sorted(config.keys() - usual.keys()):
        known = ", ".join(sorted(usual))
        raise SettingsError(f"{path} holds the unknown setting {unknown[0]!r}; known are {known}")
    for name in _TEXTS:
        if not isinstance(config[name], str):
            raise SettingsError(f"{path}: {name} must be text in quotes")
    for name in _PORTS:
        if not _is_whole(config[name], 0, 65535):
            raise SettingsError(f"{path}: {name} must be a port from 0 to 65535, not {config[name]!r}")
    for name in _MINUTES:
        if not _is_whole(config[name], 1, _MOST_MINUTES):
            raise SettingsError(
                f"{path}: {name} must be a number of minutes from 1 to {_MOST_MINUTES}, not {config[name]!r}"
            )
    _check_numbers(path, config)
    if config["bench_name"] and not BENCH_NAME.fullmatch(config["bench_name"]):
        raise SettingsError(
            f"{path}: bench_name may have 64 letters, digits, dots, dashes and underscores, and begins with "
            f"a letter or digit; {config['bench_name']!r} does not fit"
        )
    return config


def _check_numbers(path: Path, config: dict[str, Any]) -> None:
    for name, (_, least, most) in _NUMBERS.items():
        value = config[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value <= most:
            raise SettingsError(f"{path}: {name} must be a number from {least:g} to {most:g}, not {value!r}")
        config[name] = float(value)
    for name in _SWITCHES:
        if not isinstance(config[name], bool):
            raise SettingsError(f"{path}: {name} must be true or false, not {config[name]!r}")


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
