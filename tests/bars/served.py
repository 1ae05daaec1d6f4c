"""A real server as a process of its own, with a token for every role."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from figures import opioscan

from service.api.permissions import Role

#: How long a server may take to end, s.
END_S = 20.0


@dataclass(frozen=True, slots=True)
class Made:
    """A token as `opioscan token create` tells it."""

    token_id: str
    secret: str


def tokens_of(home: Path) -> dict[Role, Made]:
    """Make a token of every role in the database of a home."""
    return {role: _token(home, role) for role in Role}


def _token(home: Path, role: Role) -> Made:
    command = [opioscan(), "token", "create", "--role", role.value, "--json"]
    env = {**os.environ, "OPIOSCAN_HOME": str(home)}
    told = json.loads(subprocess.run(command, env=env, check=True, capture_output=True, timeout=60).stdout)
    return Made(told["token_id"], told["token"])


@contextmanager
def serving(home: Path, log: Path, **settings: object) -> Iterator[str]:
    """Run `opioscan serve` on a home, its log as JSON into a file, and yield its address.

    Parameters
    ----------
    home
        Home folder of the server.
    log
        File that takes its standard error.
    settings
        Further settings, given by the environment.
    """
    more = {f"OPIOSCAN_{name.upper()}": str(value) for name, value in settings.items()}
    env = {**os.environ, "OPIOSCAN_HOME": str(home), **more}
    command = [opioscan(), "serve", "--port", "0", "--log", "json", "--json"]
    with (
        log.open("ab") as said,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["address"])
        finally:
            process.terminate()
            process.wait(END_S)
