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

    @classmethod
    def of(cls, settings: Settings, db: Path | None = None) -> "ServerSettings":
        """Take the places from the installation's settings; scans lie beside another database."""
        if db is None:
            return cls(db_path=settings.server_db, scans_path=settings.server_scans)
        return cls(db_path=db.absolute(), scans_path=db.absolute().parent / "scans")
