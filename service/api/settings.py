"""Where the server keeps its things."""

from dataclasses import dataclass, field
from pathlib import Path

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
            silent_s=settings.silent_minutes * 60.0,
            releases_path=settings.releases_dir,
            negative_check_share=settings.negative_check_share,
        )
