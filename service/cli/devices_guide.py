"""The guided part of ``opioscan devices add``: look at ports, say what answers, choose and pair."""

import re
import sys
from collections.abc import Sequence

import typer

from instrument.discovery import Found, Silent, look_at_host, look_at_serial
from instrument.ports import serial_ports

from ..errors import UsageError
from .output import progress, say

_HOST = re.compile(r"([\w.-]{1,253})(?::(\d{1,5}))?")


def look_around(ports: Sequence[str] | None, hosts: Sequence[str] | None) -> list[Found | Silent]:
    """Ask serial ports, all there are unless some are named, and hosts.

    Raises
    ------
    UsageError
        A host that is no ``HOST`` or ``HOST:PORT``.
    """
    targets = [_host(text) for text in hosts or ()]
    paths = list(ports) if ports else [] if targets else [port.path for port in serial_ports()]
    found: list[Found | Silent] = []
    with progress("asking ports what they are", len(paths) + len(targets)) as advance:
        for one in look_at_serial(paths):
            found.append(one)
            advance(1)
        for host, number in targets:
            found.extend(look_at_host(host, number))
            advance(1)
    return found


def choose_devices(found: Sequence[Found | Silent], laser: str | None) -> tuple[str, str | None]:
    """Choose a spectrometer and the laser that goes with it.

    Parameters
    ----------
    found
        What answered.
    laser
        URL of the laser if it is known already.

    Returns
    -------
    tuple
        URLs of the spectrometer and of the laser, None for no laser of ours.

    Raises
    ------
    UsageError
        Nothing, or in a pipe more than one thing, to choose from.
    """
    answered = [one for one in found if isinstance(one, Found)]
    spectrometers = [one for one in answered if one.kind != "laser"]
    lasers = [one for one in answered if one.kind == "laser"]
    if not spectrometers:
        asked = ", ".join(one.port if isinstance(one, Silent) else one.url for one in found) or "no port"
        raise UsageError(f"no spectrometer answered (asked: {asked}); check power and cable, or give its URL")
    chosen = _chosen("spectrometer", spectrometers) or spectrometers[0]
    url = _completed(chosen)
    if chosen.kind == "unit" or laser is not None or not lasers:
        return url, laser
    paired = _chosen("laser", lasers, none="no laser: something else lights the sample")
    return url, None if paired is None else _completed(paired)


def _chosen(kind: str, offered: Sequence[Found], none: str = "") -> Found | None:
    """Return the one there is, or let a person choose."""
    if not _can_ask():
        if len(offered) > 1:
            words = "; ".join(one.url for one in offered)
            raise UsageError(f"more than one {kind} answered ({words}); give the URL of the one meant")
        return offered[0]
    say(f"Which {kind}?")
    for number, one in enumerate(offered, start=1):
        say(f"  {number}  {one.model}, serial number {one.serial or 'unknown'}  ({one.url})")
    if none:
        say(f"  0  {none}")
    low = 0 if none else 1
    number = typer.prompt("Number", default=1, type=int, err=True)
    while not low <= number <= len(offered):
        number = typer.prompt(f"A number from {low} to {len(offered)}", type=int, err=True)
    return offered[number - 1] if number else None


def _completed(found: Found) -> str:
    """Return the URL with what only a person knows, such as a laser's label."""
    url = found.url
    for name in found.needs:
        if not _can_ask():
            raise UsageError(f"{url}: add {name}= and give the URL yourself")
        value = str(typer.prompt(f"{found.model}: {name} (see its label or folder)", err=True)).strip()
        url += f"{'&' if '?' in url else '?'}{name}={value}"
    return url


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _host(text: str) -> tuple[str, int | None]:
    match = _HOST.fullmatch(text)
    if match is None or (match[2] and not 0 < int(match[2]) < 65536):
        raise UsageError(f"--host {text}: write HOST or HOST:PORT")
    return match[1], int(match[2]) if match[2] else None
