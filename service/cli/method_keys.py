"""Keys on the command line: passphrases come from a prompt or the environment, never from an argument."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from library.release_keys import SigningKey

#: Where a passphrase may stand for programs that nobody sits before.
ENVIRON = "OPIOSCAN_KEY_PASSPHRASE"


def ask_passphrase(name: str, *, new: bool = False) -> str:
    """Return a key's passphrase from the environment or the person at the terminal.

    Raises
    ------
    UsageError
        Neither is there.
    """
    if given := os.environ.get(ENVIRON):
        return given
    if not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for the passphrase of {name}: set {ENVIRON}")
    return str(typer.prompt(f"Passphrase of {name}", hide_input=True, confirmation_prompt=new, err=True))


def unlock(path: Path) -> "SigningKey":
    """Read a private key, asking for its passphrase."""
    from library.release_keys import read_key

    return read_key(path, ask_passphrase(path.name))


def agreed(question: str, *, yes: bool) -> bool:
    """Ask a person to agree; ``--yes`` agrees beforehand.

    Raises
    ------
    UsageError
        There is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask at: read what stands above, then give --yes")
    return typer.confirm(question, err=True)
