"""``opioscan audit``: proof that the records are what they were, and what is done with personal data.

Each part is a module with commands of its own; a new one is named in `PARTS`.
"""

from importlib import import_module

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Prove that no record was altered; erase personal data, or keep them.",
)

#: Modules with a ``typer.Typer`` named ``app`` whose commands become commands of ``opioscan audit``.
PARTS = ("service.cli.audit_verify", "service.cli.audit_personal")

for _part in PARTS:
    app.registered_commands.extend(import_module(_part).app.registered_commands)
