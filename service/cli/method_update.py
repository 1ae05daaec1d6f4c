"""``opioscan method trust``, ``update`` and ``rollback``: a bench's side of a release."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from ..problems import NEGATIVE
from ..settings import load_settings
from .method_asked import asked
from .method_keys import agreed
from .output import emit_json, say

if TYPE_CHECKING:
    from library.release_state import Installed
    from library.release_update import Updated

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


def trust(
    root: Annotated[Path, typer.Argument(metavar="ROOT.json", help="Root of the laboratory's repository.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; compare the fingerprint yourself.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Instead of another root; the active release is forgotten.")
    ] = False,
    json: Json = False,
) -> None:
    """Trust a laboratory's root at this bench, once; compare its fingerprint by telephone or on paper."""
    from library.release_trust import MAX_ROOT_BYTES, examine_root, trust_root

    with root.open("rb") as file:
        found = examine_root(file.read(MAX_ROOT_BYTES + 1))
    people = f"any {found.threshold} of {', '.join(found.people)}"
    if not json:
        say(f"root {found.version}, good until {found.expires:%Y-%m-%d}: methods are signed by {people}")
        say(f"fingerprint: {found.fingerprint}")
    if not agreed("Is this the fingerprint the laboratory told you?", yes=yes):
        raise typer.Exit(NEGATIVE)
    settings = load_settings()
    settings.ensure_home()
    trust_root(settings.releases_dir, found, now=datetime.now(UTC), replaced=replace)
    if json:
        emit_json(
            {
                "fingerprint": found.fingerprint,
                "version": found.version,
                "people": list(found.people),
                "threshold": found.threshold,
            }
        )
    else:
        say("trusted; next: opioscan method update --from FOLDER_OR_URL")


def update(
    source: Annotated[
        str, typer.Option("--from", metavar="FOLDER_OR_URL", help="Published repository; default: as before.")
    ] = "",
    method: Annotated[str, typer.Option(metavar="NAME", help="Method to follow; default: as before.")] = "",
    reinstall: Annotated[
        bool, typer.Option("--reinstall", help="Fetch the newest again, even if it was rolled back from.")
    ] = False,
    json: Json = False,
) -> None:
    """Fetch the newest released method, verify it, and switch to it; a refusal changes nothing."""
    from library.release_state import read_state
    from library.release_update import update as bring

    from ..method_fetch import open_source

    settings = load_settings()
    given = source or read_state(settings.releases_dir).source
    if not given:
        raise UsageError("say where methods come from: --from FOLDER, file://, http:// or https://")
    with closing(open_source(given)) as opened:
        done = bring(
            settings.releases_dir,
            settings.methods_dir,
            opened,
            now=datetime.now(UTC),
            name=method,
            again=reinstall,
        )
    if json:
        emit_json(_updated_json(done))
        return
    for line in _updated_lines(done):
        say(line)


def rollback(
    method: Annotated[
        str, typer.Argument(metavar="[NAME[@VERSION]]", help="What to go back to; default: what was before.")
    ] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Reason, for the log.")] = "no reason given",
    json: Json = False,
) -> None:
    """Switch back to the method that was active before; a later update leaves it so until something newer."""
    from library.release_active import roll_back

    name, version = asked(method) if method else ("", None)
    settings = load_settings()
    active = roll_back(
        settings.releases_dir,
        settings.methods_dir,
        now=datetime.now(UTC),
        why=why,
        name=name,
        version=version,
    )
    if json:
        emit_json({"active": _installed_json(active), "why": why})
        return
    say(f"rolled back: {active.title} is active, digest {active.method_digest[:12]}")
    say("the bench uses it from its next screening on; a newer release ends the rollback")


def _updated_lines(done: "Updated") -> list[str]:
    until = f"known to be current until {done.fresh_until}"
    if done.held_back and done.active is not None:
        return [
            f"{done.release.title} was rolled back from at this bench: {done.active.title} stays active",
            f"{until}; --reinstall installs {done.release.title} all the same",
        ]
    if not done.switched:
        return [f"nothing newer: {done.release.title} stays active, {until}"]
    before = f" (before: {done.before.title})" if done.before else ""
    return [
        f"{done.release.title} is active{before}, digest {done.release.method_digest[:12]}, {until}",
        f"what changed: {done.release.changelog}",
        "the bench uses it from its next screening on; opioscan method rollback goes back",
    ]


def _updated_json(done: "Updated") -> dict[str, Any]:
    return {
        "active": _installed_json(done.active),
        "before": _installed_json(done.before),
        "newest": done.release.title,
        "switched": done.switched,
        "held_back": done.held_back,
        "fresh_until": done.fresh_until,
        "changelog": done.release.changelog,
    }


def _installed_json(one: "Installed | None") -> dict[str, Any] | None:
    if one is None:
        return None
    return {"release": one.number, "name": one.name, "version": one.version, "digest": one.method_digest}
