"""Where this installation keeps its things, and whom it talks to.

Read from the environment and ``config.toml`` in the home folder; the environment wins.

==================  ==================  ==========================================
``config.toml``     environment         meaning
==================  ==================  ==========================================
                    ``OPIOSCAN_HOME``   home folder (default: the user data folder)
``server_url``      ``OPIOSCAN_SERVER`` address of the server, empty for none
(``server_token``)  ``OPIOSCAN_TOKEN``  token for the server (a file of its own)
``host``                                address to listen on, default 127.0.0.1
``bench_port``                          port of the bench agent, default 8470
``server_port``                         port of the server, default 8480
``bench_name``                          name of this bench at the server (default: the machine's)
``silent_minutes``                      the server calls a bench silent after this, default 15
==================  ==================  ==========================================
"""

import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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

_TEXTS = {"server_url": "", "host": HOST, "bench_name": ""}
_PORTS = {"bench_port": BENCH_PORT, "server_port": SERVER_PORT}
_MINUTES = {"silent_minutes": SILENT_MINUTES}


@dataclass(frozen=True, slots=True)
class Settings:
    """Folders, files, addresses and ports of one installation."""

    home: Path
    """Folder of everything this installation keeps, absolute."""
    server_url: str = ""
    """Address of the server without a trailing slash; empty for a bench that works alone."""
    server_token: str = field(default="", repr=False)
    """Token for the server; empty for none."""
    host: str = HOST
    """Address the bench agent and the server listen on."""
    bench_port: int = BENCH_PORT
    """Port of the bench agent."""
    server_port: int = SERVER_PORT
    """Port of the server."""
    bench_name: str = ""
    """Name of this bench at the server; empty for the name it has, which is the machine's at first."""
    silent_minutes: int = SILENT_MINUTES
    """After how long without a report the server calls a bench silent, min."""

    @property
    def config_path(self) -> Path:
        """File with the settings of this installation."""
        return self.home / "config.toml"

    @property
    def token_path(self) -> Path:
        """File with the token for the server, to be readable by its owner only."""
        return self.home / "server_token"

    @property
    def archive_dir(self) -> Path:
        """Folder of the bench's scan archive."""
        return self.home / "archive"

    @property
    def outbox_path(self) -> Path:
        """File of the bench's outbox."""
        return self.home / "outbox.sqlite3"

    @property
    def devices_path(self) -> Path:
        """File that names the devices."""
        return self.home / "devices.toml"

    @property
    def methods_dir(self) -> Path:
        """Folder of fitted methods."""
        return self.home / "methods"

    @property
    def releases_dir(self) -> Path:
        """Folder of what this bench knows of released methods."""
        return self.home / "releases"

    @property
    def libraries_dir(self) -> Path:
        """Folder of reference libraries."""
        return self.home / "libraries"

    @property
    def bench_file(self) -> Path:
        """File in which a running bench agent says where it is."""
        return self.home / "bench.json"

    @property
    def server_db(self) -> Path:
        """Database file of the server."""
        return self.home / "server" / "opioscan.sqlite3"

    @property
    def server_scans(self) -> Path:
        """Folder of the server's scan archive."""
        return self.home / "server" / "scans"

    @property
    def log_path(self) -> Path:
        """File that takes the tracebacks no user should have to read."""
        return self.home / "opioscan.log"

    @property
    def runtime_dir(self) -> Path:
        """Private folder for Unix sockets; made when first asked for.

        Its path is short, because a socket's path may have 107 bytes on Linux (unix(7)) and
        homes can be longer; it depends on the home alone, so that all processes of one
        installation meet there.

        Raises
        ------
        SettingsError
            Somebody else owns a folder of that name.
        """
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return _private_folder(Path("/tmp") / f"opioscan-{os.getuid()}-{digest}")  # noqa: S108

    def ensure_home(self) -> Path:
        """Make the home folder, open to its owner only, unless it is there, and return it."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.home


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment and ``config.toml``.

    Parameters
    ----------
    environ
        Environment to read; this process's own when None.

    Raises
    ------
    SettingsError
        A file is damaged, or a setting is unknown or out of range.
    """
    env = os.environ if environ is None else environ
    home = _home(env.get("OPIOSCAN_HOME", ""))
    config = _read_config(home / "config.toml")
    url = env.get("OPIOSCAN_SERVER", config.pop("server_url"))
    token = env.get("OPIOSCAN_TOKEN") or _read_small(home / "server_token")
    return Settings(home=home, server_url=_checked_url(url), server_token=token.strip(), **config)


def software_version() -> str:
    """Return the version of this software, ``unknown`` where nothing tells."""
    try:
        return metadata.version("opioscan")
    except metadata.PackageNotFoundError:
        return _checkout_version(Path(__file__).parent.parent / "pyproject.toml")


def _checkout_version(pyproject: Path) -> str:
    try:
        version = tomllib.loads(_read_small(pyproject))["project"]["version"]
    except (SettingsError, tomllib.TOMLDecodeError, KeyError, TypeError):
        return "unknown"
    return str(version)


def _home(given: str) -> Path:
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("opioscan", appauthor=False).absolute()


def _read_small(path: Path) -> str:
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


def _read_config(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(_read_small(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    usual: dict[str, Any] = {**_TEXTS, **_PORTS, **_MINUTES}
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
    if config["bench_name"] and not BENCH_NAME.fullmatch(config["bench_name"]):
        raise SettingsError(
            f"{path}: bench_name may have 64 letters, digits, dots, dashes and underscores, and begins with "
            f"a letter or digit; {config['bench_name']!r} does not fit"
        )
    return config


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _checked_url(url: str) -> str:
    url = url.strip().rstrip("/")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"the server address {url!r} is not an http:// or https:// address")
    return url


def _private_folder(path: Path) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SettingsError(f"{path} is not a private folder of this user; remove it and try again")
    return path
