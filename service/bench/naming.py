"""The name of a bench: set, kept, or the machine's."""

import platform
import re

from ..settings import Settings
from .outbox import Outbox


def settled_name(settings: Settings, outbox: Outbox) -> str:
    """Return a bench's name, which changes only between screenings: each has one name only."""
    kept = outbox.get_state("bench")
    wanted = settings.bench_name or kept or _machine_name()
    if kept is not None and (wanted == kept or outbox.open_screenings()):
        return kept
    outbox.set_state("bench", wanted)
    return wanted


def _machine_name() -> str:
    """Return the machine's name, in the letters that a bench's name may have."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", platform.node())[:64].lstrip("._-")
    return name or "bench"
