"""Where the server keeps its things."""

from dataclasses import dataclass
from pathlib import Path

from ..settings import Settings


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Files of one server."""

    db_path: Path
    """Database file; its folder is made when missing."""
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
    releases_path: Path | None = None
    """Folder of what this machine knows of released methods; None for nothing."""

    @property
    def methods_path(self) -> Path:
        """Folder of method files, beside that of the scans."""
        return self.scans_path.parent / "methods"

    @classmethod
    def of(cls, settings: Settings, db: Path | None = None) -> "ServerSettings":
        """Take the places from the installation's settings; scans lie beside another database."""
        return cls(
            db_path=settings.server_db if db is None else db.absolute(),
            scans_path=settings.server_scans if db is None else db.absolute().parent / "scans",
            silent_s=settings.silent_minutes * 60.0,
            releases_path=settings.releases_dir,
        )
