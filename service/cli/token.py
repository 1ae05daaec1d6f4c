"""``opioscan token``: who may talk to the server."""

from contextlib import closing
from typing import Annotated, Any

import typer
from rich.table import Table

from ..errors import UsageError
from .output import console, emit_json, say
from .server_place import Db, actor, server_database

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make, list and revoke tokens.")

RoleName = Annotated[
    str, typer.Option("--role", help="bench, officer, technician, parcel-system, auditor or admin.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    role: RoleName,
    name: Annotated[str, typer.Option(help="Who or what gets it.")] = "",
    days: Annotated[
        float | None,
        typer.Option(min=0.001, max=3650.0, help="Days it is valid.", show_default="until revoked"),
    ] = None,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Make a token. It is shown this once and kept nowhere."""
    from ..api.permissions import Role
    from ..api.tokens.repository import create_token

    if role not in set(Role):
        raise UsageError(f"there is no role {role!r}: choose one of {', '.join(Role)}")
    if len(name) > 128:
        raise UsageError("the name of a token has at most 128 characters")
    with closing(server_database(db)) as database, database.write(actor()) as change:
        secret, token = create_token(change, Role(role), name=name, days=days)
        made = {"token": secret, **_shown(token)}
    if as_json:
        emit_json(made)
        return
    say(secret)
    console(stderr=True).print(f"Keep it now: it is not shown again. Role {role}, id {made['token_id']}.")


@app.command("list")
def list_(db: Db = None, as_json: Json = False) -> None:
    """List the tokens, without their secrets."""
    from ..api.tokens.repository import list_tokens

    with closing(server_database(db)) as database, database.read() as session:
        tokens = [_shown(one) for one in list_tokens(session)]
    if as_json:
        for token in tokens:
            emit_json(token)
        return
    table = Table("id", "role", "name", "created", "expires", "revoked")
    for token in tokens:
        table.add_row(*(str(value or "") for value in token.values()))
    console().print(table)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="Id of the token, as `token list` shows it.")],
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Revoke a token; it is refused from now on."""
    from ..api.tokens.repository import revoke_token

    with closing(server_database(db)) as database, database.write(actor()) as change:
        token = revoke_token(change, token_id)
        if token is None:
            raise UsageError(f"there is no token with the id {token_id!r}: see opioscan token list")
        shown = _shown(token)
    if as_json:
        emit_json(shown)
    else:
        say(f"revoked: {token_id}")


def _shown(token: Any) -> dict[str, str | None]:
    names = ("token_id", "role", "name", "created_at", "expires_at", "revoked_at")
    return {name: getattr(token, name) for name in names}
