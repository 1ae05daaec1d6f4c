"""The kinds of emulated devices, by name; the module of a kind is imported when that kind is asked for."""

import argparse
from importlib import import_module
from typing import Protocol, cast

from .building import Emulator

#: Kind → module with ``HELP``, ``add_options`` and ``build``, see `Kind`.
KINDS: dict[str, str] = {
    "obp": "instrument.emulators.kind_obp",
    "cobolt": "instrument.emulators.kind_cobolt",
    "ips": "instrument.emulators.kind_ips",
    "spektralwerk": "instrument.emulators.kind_spektralwerk",
    "opus": "instrument.emulators.kind_opus",
    "ftsw500": "instrument.emulators.kind_ftsw500",
    "replay": "instrument.emulators.kind_replay",
}


class Kind(Protocol):
    """What the module of a kind holds."""

    HELP: str
    """What it emulates, in a line."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of this kind, the common ones among them."""
        ...

    def build(self, options: argparse.Namespace) -> Emulator:
        """Build what the command line asks for.

        Raises
        ------
        InstrumentError
            An option nobody can act on, for example a sample file that cannot be read.
        OSError
            A file cannot be written or read.
        """
        ...


def known_kinds() -> tuple[str, ...]:
    """Return the kinds there are."""
    return tuple(KINDS)


def load_kind(name: str) -> Kind:
    """Return the module of a kind."""
    return cast("Kind", import_module(KINDS[name]))
