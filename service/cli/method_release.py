"""``opioscan method release``, ``sign`` and ``publish``: the laboratory's side of a release."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..problems import NEGATIVE
from ..settings import load_settings, software_version
from .method_asked import asked
from .method_keys import agreed, ask_passphrase, unlock
from .output import emit_json, progress, say, warn

if TYPE_CHECKING:
    from library.release_repository import Repository
    from library.release_roles import Signed
    from spectra.method import Method

    from ..release_gate import Gate

Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def release(
    method: Annotated[
        str, typer.Argument(metavar="NAME[@VERSION]", help="Stored method; newest by default.")
    ],
    repo: Annotated[Path, typer.Option(metavar="FOLDER", help="The laboratory's repository.")],
    panel: Annotated[
        Path, typer.Option(metavar="PANEL.csv", help="Frozen panel of known samples, as for validate.")
    ],
    changelog: Annotated[str, typer.Option(metavar="TEXT", help="What changed, for those who will use it.")],
    version: Annotated[int, typer.Option(min=0, help="Version; newest by default.")] = 0,
    accept_worse: Annotated[
        str, typer.Option(metavar="REASON", help="Release though rows got worse; the reason is kept.")
    ] = "",
    again: Annotated[bool, typer.Option("--again", help="Drop a release that waits for signatures.")] = False,
    json: Json = False,
) -> None:
    """Put a method before the release gate, and where it waits for two people's signatures."""
    from library.method_store import read_method
    from library.release_repository import Repository
    from library.release_staging import stage_release

    from ..release_gate import gate_lines

    name, number = asked(method)
    stored = read_method(load_settings().methods_dir, name, version or number)
    repository = Repository(repo)
    repository.root()
    gate = _gate(repository, panel, stored.method)
    if not json:
        for line in gate_lines(gate):
            say(line)
    if not gate.passed and not accept_worse.strip():
        if json:
            emit_json({"released": False, "gate": gate.to_json()})
        else:
            say("not released: it got worse (--accept-worse REASON releases it all the same)")
        raise typer.Exit(NEGATIVE)
    made = stage_release(
        repository,
        load_settings().methods_dir,
        name,
        stored.method.version,
        changelog=changelog,
        gate=gate.to_json(accepted="" if gate.passed else accept_worse.strip()),
        now=datetime.now(UTC),
        software=f"opioscan {software_version()}",
        again=again,
    )
    if json:
        emit_json({"released": True, "release": made.number, "method": made.title, "gate": made.gate})
        return
    say(f"release {made.number}: {made.title}, digest {made.method_digest[:12]}, waits for two signatures")
    say(f"next, each of two people: opioscan method sign {repo} --key NAME.key")


def sign(
    repo: Annotated[
        Path | None, typer.Argument(metavar="[REPO]", help="The laboratory's repository.")
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Your private key.")] = None,
    new_key: Annotated[
        str, typer.Option(metavar="NAME", help="Make a key pair: NAME.key and NAME.pub.")
    ] = "",
    keys: Annotated[Path, typer.Option(metavar="FOLDER", help="Where a new key pair is put.")] = Path(),
    new_root: Annotated[
        bool, typer.Option("--new-root", help="Say anew who may sign; needs --person and --publisher.")
    ] = False,
    person: Annotated[
        list[Path] | None, typer.Option(metavar="NAME.pub", help="Somebody who may sign methods.")
    ] = None,
    publisher: Annotated[Path | None, typer.Option(metavar="NAME.pub", help="The publishing key.")] = None,
    threshold: Annotated[int, typer.Option(min=2, max=16, help="How many people must sign.")] = 2,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Sign what waits in a repository, or show who signed; make keys, and say who may sign."""
    if new_key:
        _make_key(keys, new_key, json=json)
        return
    if repo is None:
        raise UsageError("name the repository: opioscan method sign REPO --key NAME.key")
    from library.release_repository import Repository

    repository = Repository(repo)
    if new_root:
        _stage_root(repository, person or [], publisher, threshold)
    if key is not None:
        _sign(repository, key, yes=yes)
    _tell_signed(repository, json=json)


def publish(
    repo: Annotated[Path, typer.Argument(metavar="REPO", help="The laboratory's repository.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="The publishing key.")],
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to serve, share or carry.")],
    json: Json = False,
) -> None:
    """Publish what two people signed, or renew what was published: benches hold it good for 30 days."""
    from library.release_publish import publish as put_out
    from library.release_repository import Repository

    done = put_out(Repository(repo), unlock(key), to, now=datetime.now(UTC))
    if json:
        emit_json(
            {
                "targets": done.targets,
                "timestamp": done.timestamp,
                "expires": done.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "changed": done.changed,
            }
        )
        return
    what = "published" if done.changed else "renewed; nothing new was signed"
    say(f"{what}: {to}, good until {done.expires:%Y-%m-%d}; publish again before then, every week at best")
    if done.changed:
        say(f"next, every bench once: opioscan method trust {to / 'metadata' / '1.root.json'}")
        say(f"and from a timer: opioscan method update --from {to}")


def _gate(repository: "Repository", panel: Path, new: "Method") -> "Gate":
    from contextlib import ExitStack

    from library.release_repository import opened_release

    from ..panels import read_panel
    from ..release_gate import judge_release
    from .spectrum_files import read_spectra

    published = repository.published_targets()
    newest = repository.newest(None if published is None else published.signed)
    rows = len(read_panel(panel))
    with ExitStack() as stack:
        before = None
        if published is not None and new.name in newest:
            opened = opened_release(repository, published.signed, newest[new.name])
            before = stack.enter_context(opened).method
        advance = stack.enter_context(progress("release gate", total=rows * (1 if before is None else 2)))
        return judge_release(
            panel,
            new,
            before,
            read=lambda path, how, nm: read_spectra(path, technique=how, laser_nm=nm),
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            advance=advance,
        )


def _make_key(folder: Path, name: str, *, json: bool) -> None:
    from library.release_keys import make_key, read_public

    private, public = make_key(folder, name, ask_passphrase(name, new=True))
    keyid = read_public(public).keyid
    if json:
        emit_json({"key": str(private), "public": str(public), "keyid": keyid})
        return
    say(f"{private}: the private key; keep it and a copy away from every network, it cannot be made again")
    say(f"{public}: the public half, to be given to whoever makes the root; key {keyid[:12]}")


def _stage_root(repository: "Repository", people: list[Path], publisher: Path | None, threshold: int) -> None:
    from library.release_keys import read_public
    from library.release_staging import stage_root

    if publisher is None or not people:
        raise UsageError("--new-root needs at least two --person NAME.pub and one --publisher NAME.pub")
    root = stage_root(
        repository,
        [read_public(path) for path in people],
        read_public(publisher),
        now=datetime.now(UTC),
        threshold=threshold,
    )
    say(f"root {root.version} waits for the signatures of {threshold} people")


def _sign(repository: "Repository", path: Path, *, yes: bool) -> None:
    from library.release_staging import sign_staged, staged

    waiting, found = staged(repository)
    if waiting and not yes:
        for one in waiting:
            warn(f"to be signed: {one.role} version {one.version}")
        if found is not None:
            worse = len(found.gate.get("worse", ()))
            warn(f"to be signed: {found.title}, digest {found.method_digest}, {worse} rows worse in the gate")
            warn(f"what changed: {found.changelog}")
        if not agreed("Sign this?", yes=yes):
            raise typer.Exit(NEGATIVE)
    sign_staged(repository, unlock(path))


def _tell_signed(repository: "Repository", *, json: bool) -> None:
    from library.release_staging import staged

    waiting, found = staged(repository)
    if json:
        for one in waiting:
            emit_json(
                {
                    "role": one.role,
                    "version": one.version,
                    "signed_by": list(one.by),
                    "missing": one.missing,
                    "may_sign": list(one.others),
                    "release": None if found is None else found.title,
                }
            )
        return
    if found is not None:
        say(f"release {found.number}: {found.title}, digest {found.method_digest[:12]}: {found.changelog}")
    for one in waiting:
        say(_line(one))
    if not waiting:
        say("nothing waits for a signature")
    elif not any(one.missing for one in waiting):
        say(f"next: opioscan method publish {repository.path} --key PUBLISHER.key --to FOLDER")


def _line(one: "Signed") -> str:
    by = ", ".join(one.by) or "nobody"
    if one.missing:
        more = f"{one.missing} more of {', '.join(one.others)} must sign"
        return f"{one.role} version {one.version}: signed by {by}; {more}"
    return f"{one.role} version {one.version}: signed by {by}; ready to be published"
