"""Where the server keeps its things."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SettingsError
from ..settings import Settings
from .idempotency import KEEP_DAYS
from .places import is_url, server_place, shown


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Files of one server."""

    db_path: Path
    """Database file; its folder is made when missing. Not used with a database URL."""
    scans_path: Path
    """Folder of the scan archive."""
    busy_s: float = 10.0
    """How long a writer waits for another, s; longer is answered with 503."""
    body_s: float = 120.0
    """How long a request may take to send its body, s."""
    silent_s: float = 900.0
    """After how long without a report a bench is called silent, s."""
    queue_s: float = 600.0
    """How old the oldest entry of an outbox may be, s (chosen: a server in reach empties it in seconds)."""
    rate_per_s: float = 0.0
    """Requests of one token, 1/s, see `guards.rates`; 0 for no limit."""
    negative_check_share: float = 0.02
    """Share of screenings without a finding that are drawn for a laboratory check, 0 to 1."""
    waiting_days: float = 30.0
    """For how long a parcel waits in the screening queue, days (chosen: mail does not lie longer)."""
    releases_path: Path | None = None
    """Folder of what this machine knows of released methods; None for nothing."""
    database_url: str = field(default="", repr=False)
    """``postgresql://`` URL of the database, may hold a password; empty for the file."""
    key_days: float = KEEP_DAYS
    """How long an ``Idempotency-Key`` is known, days."""

    retention_days: float = 0.0
    """After how many days the server erases personal data of parcels that are done with; 0 for never."""
    purge_every_s: float = 86400.0
    """How often it looks for them, s."""
    purge_first_s: float = 60.0
    """How long after its start for the first time, s (chosen: one that is restarted daily erases too)."""

    webhook_allow_private: bool = False
    """Whether webhooks may go to this machine itself, also without TLS: for trying things out."""
    webhook_private_networks: tuple[str, ...] = ()
    """Networks (CIDR) that are not public and may receive webhooks, because customs networks are private."""
    webhook_ca_file: Path | None = None
    """Certificates that receivers are checked by; None for those of the system."""
    webhook_timeout_s: float = 10.0
    """How long a receiver may take to answer, s."""
    webhook_retry_s: tuple[float, ...] = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18e3, 36e3, 504e2, 72e3, 864e2)
    """Longest wait before each try, s (the schedule that the Standard Webhooks specification suggests)."""
    webhook_line_tries: int = 3
    """Tries of an event that a receiver refuses before later ones pass it (chosen: five minutes in all)."""
    webhook_down_s: float = 300.0
    """Longest wait between tries while a receiver is out of reach, s (chosen)."""
    webhook_disable_s: float = 5 * 86400.0
    """After how long without a success a failing webhook is disabled, s (chosen: five days)."""
    webhook_rotation_s: float = 86400.0
    """How long the old secret signs too after a rotation, s."""
    webhook_lease_s: float = 60.0
    """How long one server process has a webhook for itself, s; renewed while it sends."""
    push_poll_s: float = 0.25
    """How often it is looked whether another process recorded an event, s (chosen)."""
    stream_limit: int = 64
    """Event streams open at a time in one process (chosen); more are answered with 503."""
    stream_heartbeat_s: float = 15.0
    """Longest silence of an event stream, s (the HTML standard suggests about 15 s)."""
    stream_check_s: float = 5.0
    """How often it is looked whether the token of an open stream still counts, s."""
    stream_send_s: float = 10.0
    """How long a reader of a stream may let us wait before it is cut off, s."""

    @property
    def place(self) -> Path | str:
        """Where the records are: `Database` takes it."""
        return self.database_url or self.db_path

    @property
    def shown(self) -> str:
        """The place as it may be told: without a password."""
        return shown(self.place)

    @property
    def methods_path(self) -> Path:
        """Folder of method files, beside that of the scans."""
        return self.scans_path.parent / "methods"

    @classmethod
    def of(
        cls, settings: Settings, db: Path | str | None = None, scans: Path | None = None
    ) -> "ServerSettings":
        """Take the places from the installation's settings.

        Parameters
        ----------
        settings
            Of the installation.
        db
            Another database: a file, beside which the scans lie, or a URL.
        scans
            Another folder for the scans; several server processes on one database share it.

        Raises
        ------
        SettingsError
            It is a URL that cannot be used.
        """
        url = settings.database_url if db is None else str(db)
        if is_url(url):
            server_place(url)
        file = None if db is None or is_url(url) else Path(db).absolute()
        return cls(
            db_path=settings.server_db if file is None else file,
            scans_path=scans or (settings.server_scans if file is None else file.parent / "scans"),
            database_url=url if is_url(url) else "",
            key_days=settings.idempotency_days,
            rate_per_s=settings.rate_per_s,
            retention_days=settings.retention_days,
            silent_s=settings.silent_minutes * 60.0,
            releases_path=settings.releases_dir,
            negative_check_share=settings.negative_check_share,
            waiting_days=settings.waiting_days,
            webhook_allow_private=settings.webhook_allow_private,
            webhook_private_networks=_networks(settings.webhook_private_networks),
            webhook_ca_file=Path(settings.webhook_ca_file) if settings.webhook_ca_file else None,
        )


def _networks(text: str) -> tuple[str, ...]:
    """Return the networks of a setting; raises `SettingsError` for what is none."""
    found = tuple(one.strip() for one in text.split(",") if one.strip())
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            raise SettingsError(f"webhook_private_networks: {one!r} is no network like 10.0.0.0/8") from error
    return found
