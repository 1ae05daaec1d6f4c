"""Where this installation keeps its things, and whom it talks to.

Read from the environment and ``config.toml`` in the home folder; the environment wins. Every setting can
be given as ``OPIOSCAN_`` and its name in capitals, too.

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
``database_url``    ``OPIOSCAN_DATABASE_URL``  the server's PostgreSQL database, empty for a file in the home
``scans_folder``    ``OPIOSCAN_SCANS``  the server's scans; several server processes share it
``webhook_private_networks``            networks (CIDR) that are not public and may receive webhooks
``webhook_allow_private``               webhooks to this machine itself, for trying things out, default false
``webhook_ca_file``                     certificates that receivers of webhooks are checked by
``waiting_days``                        for how long a parcel waits in the screening queue, default 30
``idempotency_days``                    how long the server knows an Idempotency-Key, default 7
``site``                ``OPIOSCAN_SITE``   place of this bench, sent with every screening (default: none)
``require_sign_in``                     officers sign in before they scan (default: once one is registered)
``shift_hours``                         a signed-in officer is signed out after this, default 8
``idle_minutes``                        and after this without doing anything, default 30
``silent_minutes``                      the server calls a bench silent after this, default 15
``verify_hours``                        longest interval between two verifications, default 8
``verify_drift_cm1_h``                  fastest drift that they have to catch, default 0.5
``verification_limit_cm1``              largest deviation of a standard's line, default 1
``retention_days``                      the server erases personal data older than this, default 0 (keep)
``require_negative_control``            an empty place is to be verified too, default false
``rate_per_s``                          requests of one token at the server, 1/s, default 100
``log``                                 the server's log: warnings (default), text or json
``tls_certificate``                     file of the server's certificate chain, PEM
``tls_key``                             file of its key, for the owner only
``trusted_proxies``                     addresses of proxies before the server, commas between
``negative_check_share``                share of negatives drawn for a laboratory, default 0.02
==================  ==================  ==========================================
"""

import hashlib
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from .errors import SettingsError
from .settings_file import (
    BENCH_PORT,
    HOST,
    IDEMPOTENCY_DAYS,
    IDLE_MINUTES,
    NEGATIVE_CHECK_SHARE,
    RATE_PER_S,
    RETENTION_DAYS,
    SERVER_PORT,
    SHIFT_HOURS,
    SILENT_MINUTES,
    VERIFICATION_LIMIT_CM1,
    VERIFY_DRIFT_CM1_H,
    VERIFY_HOURS,
    WAITING_DAYS,
    read_config,
    read_small,
)


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
    database_url: str = field(default="", repr=False)
    """URL of the server's PostgreSQL database, may hold a password; empty for a file in the home."""
    scans_folder: str = ""
    """Folder of the server's scan archive; empty for one in the home."""
    webhook_allow_private: bool = False
    """Whether webhooks may go to this machine itself, also without TLS: for trying things out."""
    webhook_private_networks: str = ""
    """Networks that are not public and may receive webhooks (CIDR, commas between); empty for none."""
    webhook_ca_file: str = ""
    """File of certificates that receivers of webhooks are checked by; empty for those of the system."""
    waiting_days: float = WAITING_DAYS
    """For how long a parcel waits in the screening queue, days."""
    idempotency_days: float = IDEMPOTENCY_DAYS
    """How long the server knows an ``Idempotency-Key``, days."""
    site: str = ""
    """Place of this bench, sent with every screening; empty for none."""
    require_sign_in: bool | None = None
    """Whether officers sign in before they scan; None: as soon as one is registered."""
    shift_hours: float = SHIFT_HOURS
    """A signed-in officer is signed out after this, h."""
    idle_minutes: float = IDLE_MINUTES
    """And after this without doing anything at the bench, min."""
    silent_minutes: int = SILENT_MINUTES
    """After how long without a report the server calls a bench silent, min."""
    verify_hours: float = VERIFY_HOURS
    """Longest interval between two verifications of an instrument, h."""
    verify_drift_cm1_h: float = VERIFY_DRIFT_CM1_H
    """Fastest drift of an axis that verifications have to catch in time, cm⁻¹/h; it shortens the interval."""
    verification_limit_cm1: float = VERIFICATION_LIMIT_CM1
    """Largest deviation of a standard's line, cm⁻¹."""
    retention_days: float = RETENTION_DAYS
    """How long personal data of parcels that are done with are kept, days; 0 for always."""
    negative_check_share: float = NEGATIVE_CHECK_SHARE
    """Share of negative screenings that the server draws for a laboratory check, 0 to 1."""
    require_negative_control: bool = False
    """Whether an instrument counts as verified only with a negative control too."""

    rate_per_s: float = RATE_PER_S
    """Requests of one token at the server, 1/s, ten times that for benches; 0 for no limit."""
    log: str = "warnings"
    """What the server writes to standard error: warnings, text or json."""
    tls_certificate: str = ""
    """File of the server's certificate chain (PEM); empty for none."""
    tls_key: str = ""
    """File of its private key."""
    trusted_proxies: str = ""
    """Addresses of proxies whose word about clients counts, with commas between; empty for none."""

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
    def heads_dir(self) -> Path:
        """Folder of the server's signed heads, as this bench was given them."""
        return self.home / "heads"

    @property
    def devices_path(self) -> Path:
        """File that names the devices."""
        return self.home / "devices.toml"

    @property
    def methods_dir(self) -> Path:
        """Folder of fitted methods."""
        return self.home / "methods"

    @property
    def method_files_dir(self) -> Path:
        """Folder of methods as the server gets them, one file each."""
        return self.home / "method_files"

    @property
    def officers_path(self) -> Path:
        """File of the officers who may sign in at this bench."""
        return self.home / "officers.json"

    @property
    def releases_dir(self) -> Path:
        """Folder of what this bench knows of released methods."""
        return self.home / "releases"

    @property
    def libraries_dir(self) -> Path:
        """Folder of reference libraries."""
        return self.home / "libraries"

    @property
    def calibrations_dir(self) -> Path:
        """Folder of calibration records."""
        return self.home / "calibrations"

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
        return Path(self.scans_folder).absolute() if self.scans_folder else self.home / "server" / "scans"

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
    config = read_config(home / "config.toml", env)
    url = env.get("OPIOSCAN_SERVER", config.pop("server_url"))
    config["database_url"] = config["database_url"].strip()
    config["scans_folder"] = env.get("OPIOSCAN_SCANS", config["scans_folder"])
    token = env.get("OPIOSCAN_TOKEN") or read_small(home / "server_token")
    return Settings(home=home, server_url=_checked_url(url), server_token=token.strip(), **config)


def software_version() -> str:
    """Return the version of this software, ``unknown`` where nothing tells."""
    try:
        return metadata.version("opioscan")
    except metadata.PackageNotFoundError:
        return _checkout_version(Path(__file__).parent.parent / "pyproject.toml")


def _checkout_version(pyproject: Path) -> str:
    try:
        version = tomllib.loads(read_small(pyproject))["project"]["version"]
    except (SettingsError, tomllib.TOMLDecodeError, KeyError, TypeError):
        return "unknown"
    return str(version)


def _home(given: str) -> Path:
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("opioscan", appauthor=False).absolute()


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
