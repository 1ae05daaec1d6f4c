"""``opioscan outbox``: what waits for the server, and sending it now."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ..errors import ServerRefused, ServerUnreachable
from ..settings import load_settings
from .output import emit_json, say

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Show or send what waits for the server.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def status(as_json: Json = False) -> None:
    """Show how much waits, was sent, and was refused, and why."""
    from ..bench.outbox import Outbox

    settings = load_settings()
    found: dict[str, Any] = {"pending": 0, "done": 0, "refused": 0, "refusals": [], "aside": []}
    if settings.outbox_path.exists():
        outbox = Outbox(settings.outbox_path)
        found |= outbox.counts()
        found["refusals"] = [_refusal(each) for each in outbox.refused()]
        found["aside"] = [_aside(each) for each in outbox.aside()]
    found["server"] = settings.server_url
    if as_json:
        emit_json(found)
        return
    say(f"{found['pending']} waiting, {found['done']} sent, {found['refused']} refused")
    say(f"server: {settings.server_url or 'none configured; everything waits here'}")
    for each in found["refusals"]:
        why = each["detail"] or "no reason given"
        say(f"refused {each['status']}: {each['method']} {each['path']}: {why}")
    for each in found["aside"]:
        say(f"set aside, with {each['held']} waiting behind it until {each['until']}:")
        say(f"  {_failed(each)}: {each['path']}: {each['detail'] or 'no reason given'}")


@app.command()
def flush(
    as_json: Json = False,
    refused: Annotated[bool, typer.Option("--refused", help="Try what was refused once more.")] = False,
) -> None:
    """Send what waits, now; exit code 5 when something could not be sent."""
    from ..archive.journal import Archive
    from ..bench.outbox import Outbox
    from ..bench.uplink import Uplink

    settings = load_settings()
    outbox = Outbox(settings.outbox_path)
    with Uplink(settings, Archive(settings.archive_dir)) as send:
        if refused:
            outbox.retry_refused()
        outbox.retry_aside()
        report = outbox.flush(send, force=True)
    if as_json:
        emit_json(asdict(report))
    else:
        say(f"{report.sent} sent, {report.refused} refused, {report.left} waiting")
        if report.aside:
            say(f"{report.aside} set aside; see opioscan outbox status")
    if report.stopped and not report.busy:
        raise ServerUnreachable(f"{report.stopped}; {report.left} operation(s) wait and are kept")
    if report.refused:
        raise ServerRefused(
            f"{report.refused} operation(s) were refused and kept; see opioscan outbox status"
        )
    if report.busy and not as_json:
        say("another process is sending at this moment")


def _failed(each: dict[str, Any]) -> str:
    if each["status"]:
        return f"the server answered {each['status']}, {each['failures']} times by now"
    return f"the server answers, but not this, {each['failures']} times by now"


def _refusal(refused: Any) -> dict[str, Any]:
    op = refused.op
    return {
        "key": op.key,
        "method": op.method,
        "path": op.path,
        "status": refused.status,
        "detail": refused.detail,
        "at": refused.at,
    }


def _aside(one: Any) -> dict[str, Any]:
    op = one.op
    return {
        "key": op.key,
        "method": op.method,
        "path": op.path,
        "status": one.status,
        "detail": one.detail,
        "failures": one.failures,
        "until": one.until,
        "held": one.held - 1,
    }
