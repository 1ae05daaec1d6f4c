"""Starting a bench agent that outlives whoever needed it first."""

import os
import sys
from pathlib import Path

from ..settings import Settings

#: Folder of the five packages, so that ``-m`` finds ours.
_ROOT = str(Path(__file__).resolve().parents[2])


def spawn_agent(settings: Settings) -> int:
    """Start an agent in a session of its own and return its process id.

    Closing the terminal must not end it in mid-scan, and it may outlive us: it is nobody's child to wait for.
    """
    settings.ensure_home()
    given = {"OPIOSCAN_SERVER": settings.server_url, "OPIOSCAN_TOKEN": settings.server_token}
    env = {**os.environ, **{name: value for name, value in given.items() if value}}
    env["OPIOSCAN_HOME"] = str(settings.home)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [_ROOT, env.get("PYTHONPATH", "")]))
    log = os.open(settings.home / "bench.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return os.posix_spawn(
            sys.executable,
            # -P keeps the current folder, which may hold anything, off the module path.
            [sys.executable, "-P", "-m", "service.cli.start", "bench"],
            env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(log)


def has_ended(pid: int) -> bool:
    """Return whether a started process is gone, and collect its exit status."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:  # somebody else collected it
        return True
