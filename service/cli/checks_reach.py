"""The checks of ``opioscan doctor`` on what lies beyond this process: agent, server and outbox."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..bearer import bearer
from ..errors import AgentUnreachable, ServerUnreachable
from ..problems import message_of
from ..settings import Settings
from .checks import Check, State

#: More than this between two clocks makes times in records doubtful, s.
MAX_SKEW_S = 30.0


def bench_agent(settings: Settings) -> Iterator[Check]:
    """Whether the bench agent of this home answers; none is started."""
    from ..bench.client import BenchClient

    try:
        with BenchClient.connect(settings, start=False) as client:
            facts = {"address": client.address, "pid": client.pid}
            status = client.status()
    except AgentUnreachable:
        yield Check("bench agent", State.NOTE, "not running; the first scan or `opioscan bench` starts it")
    else:
        yield Check("bench agent", State.OK, f"answers at {facts['address']}", facts)
        yield from _report(status.get("report", {}))
        yield from _misfits(status.get("calibration_trouble", {}))


def _misfits(told: dict[str, Any]) -> Iterator[Check]:
    """Yield the devices whose calibration records did not fit their last scan, by serial number."""
    for serial, words in told.items():
        text = f"{serial}: {words}; recalibrate it, or withdraw the record"
        yield Check("calibration", State.PROBLEM, text, {"device": serial})


def server(settings: Settings) -> Iterator[Check]:
    """Whether the server answers, takes the token, and agrees about the time."""
    import httpx

    url = settings.server_url
    if not url:
        text = "none configured: this bench works alone; OPIOSCAN_SERVER or config.toml names one"
        yield Check("server", State.NOTE, text)
        return
    try:
        headers = bearer(settings)
        ready = httpx.get(f"{url}/readyz", timeout=3.0)
        known = httpx.get(f"{url}/api/v1/parcels", params={"limit": 1}, headers=headers, timeout=3.0)
    except ServerUnreachable as error:
        yield Check("server", State.PROBLEM, str(error), {"url": url})
        return
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        text = f"{url} does not answer ({message_of(error)}); results wait in the outbox"
        yield Check("server", State.PROBLEM, text, {"url": url})
        return
    facts = {"url": url, "ready": ready.status_code == 200, "token_status": known.status_code}
    if ready.status_code != 200:
        yield Check("server", State.PROBLEM, f"{url} answers, but is not ready", facts)
    elif known.status_code in {401, 403}:
        text = f"{url} does not take the token; put a new one into {settings.token_path}"
        yield Check("server", State.PROBLEM, text, facts)
    else:
        yield Check("server", State.OK, f"{url} is ready", facts)
    yield from _skew(ready.headers.get("date", ""))


def drivers(settings: Settings) -> Iterator[Check]:
    """Which drivers there are, and which of other makers could not be loaded."""
    from instrument.registry import broken_entry_points, laser_drivers, spectrometer_drivers, unit_drivers

    del settings
    keys = sorted({*spectrometer_drivers(), *laser_drivers(), *unit_drivers()})
    broken = dict(broken_entry_points())
    facts = {"drivers": keys, "broken": broken}
    if broken:
        words = "; ".join(f"{name}: {why}" for name, why in broken.items())
        yield Check("drivers", State.PROBLEM, f"cannot be loaded: {words}; update or remove them", facts)
    else:
        yield Check("drivers", State.OK, ", ".join(keys), facts)


def outbox(settings: Settings) -> Iterator[Check]:
    """How much waits for the server, and how much it refused."""
    from ..bench.outbox import Outbox

    if not settings.outbox_path.exists():
        yield Check("outbox", State.OK, "empty", {"pending": 0, "done": 0, "refused": 0})
        return
    kept = Outbox(settings.outbox_path)
    counts, aside = kept.counts(), len(kept.aside())
    words = f"{counts['pending']} waiting, {counts['done']} sent, {counts['refused']} refused"
    words += f", {aside} set aside" if aside else ""
    facts = counts | {"aside": aside}
    if counts["refused"] or aside:
        text = f"{words}; opioscan outbox status says why"
        yield Check("outbox", State.PROBLEM, text, facts)
    else:
        yield Check("outbox", State.OK, words, facts)


def _report(last: dict[str, str]) -> Iterator[Check]:
    """Whether the server knows how this bench stands."""
    state, name = last.get("state", "none"), "report to the server"
    if state in {"refused", "failed"}:
        yield Check(name, State.PROBLEM, f"{state}: {last.get('detail', '')}", dict(last))
    elif state == "sent":
        yield Check(name, State.OK, f"sent at {last.get('at', '')}", dict(last))


def _skew(date: str) -> Iterator[Check]:
    try:
        skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return
    if abs(skew) > MAX_SKEW_S:
        text = f"this clock is {skew:+.0f} s off the server's; set one of them right"
        yield Check("clock against server", State.PROBLEM, text, {"skew_s": round(skew)})
