"""The environment lock: what was installed where evidence was gathered, so that it can be built again."""

import platform
from importlib.metadata import distributions
from typing import Any

from ..settings import software_version
from .fingerprint import fingerprint_id, numeric_fingerprint

SCHEMA = "opioscan.environment/1"


def environment_lock() -> dict[str, Any]:
    """Return Python, platform, every installed distribution and the numeric fingerprint, JSON values."""
    return {
        "schema": SCHEMA,
        "software": f"opioscan {software_version()}",
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "distributions": _installed(),
        "numeric_fingerprint": numeric_fingerprint(),
        "numeric_fingerprint_id": fingerprint_id(),
    }


def _installed() -> dict[str, str]:
    """Return the version of each distribution; of two of one name the first on the path is imported."""
    found: dict[str, str] = {}
    for one in distributions():
        name = str(one.metadata["Name"] or "").lower().replace("_", "-")
        if name:
            found.setdefault(name, one.version)
    return dict(sorted(found.items()))
