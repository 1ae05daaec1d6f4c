"""A server process with a short schedule of retries, for bars: ``webhook_server.py FOLDER PORT [DATABASE]``."""

import json
import sys
from pathlib import Path
from typing import Any

from service.api.run import run_server
from service.api.settings import ServerSettings

#: A `postgresql://` URL, where several such processes are to share a database.
ELSEWHERE: dict[str, Any] = {"database_url": sys.argv[3]} if sys.argv[3:] else {}

#: The schedule of the specification in fiftieths of seconds, and a lease that a killed process leaves soon.
SETTINGS = ServerSettings(
    db_path=Path(sys.argv[1]) / "opioscan.sqlite3",
    scans_path=Path(sys.argv[1]) / "scans",
    webhook_allow_private=True,
    webhook_timeout_s=1.0,
    webhook_retry_s=(0.0, 0.05, 0.1, 0.2, 0.4, 0.8),
    webhook_down_s=0.5,
    webhook_lease_s=10.0,
    **ELSEWHERE,
)


def ready(url: str) -> None:
    """Tell where the server is."""
    print(json.dumps({"address": url}), flush=True)


if __name__ == "__main__":
    run_server(SETTINGS, int(sys.argv[2]), ready)
