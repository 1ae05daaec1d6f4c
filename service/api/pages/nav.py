"""The navigation of the server's pages, in one place."""

from dataclasses import dataclass

from ..permissions import Role, allowed


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that the bar on top leads to."""

    key: str
    """What a template sets as ``here``."""
    text: str
    """How people call it."""
    href: str
    """Address."""
    operation: str
    """Whoever may do this sees the entry."""


#: In the order of the bar. An entry whose operation is not in the table of permissions is shown to nobody.
ENTRIES = (
    Entry("screenings", "Screenings", "/", "latest_page"),
    Entry("reviews", "Reviews", "/reviews", "reviews_page"),
    Entry("flags", "Flags", "/flags", "flags_page"),
    Entry("libraries", "Libraries", "/libraries", "libraries_page"),
    Entry("fleet", "Fleet", "/fleet", "fleet_page"),
    Entry("calibrations", "Calibrations", "/calibrations", "calibrations_page"),
    Entry("measures", "Measures", "/measures", "measures_page"),
    Entry("api", "API", "/docs", "docs_page"),
)


def navigation(role: str) -> tuple[Entry, ...]:
    """Return what somebody of a role is led to."""
    return tuple(entry for entry in ENTRIES if allowed(entry.operation, Role(role)))
