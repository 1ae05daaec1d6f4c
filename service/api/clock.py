"""The server's clock."""

from datetime import UTC, datetime, timedelta


def utc_text(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC with microseconds, so that texts sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def utc_now() -> str:
    """Return the present moment as RFC 3339 in UTC."""
    return utc_text(datetime.now(UTC))


def utc_in(days: float) -> str:
    """Return the moment some days from now (negative: ago) as RFC 3339 in UTC."""
    return utc_text(datetime.now(UTC) + timedelta(days=days))
