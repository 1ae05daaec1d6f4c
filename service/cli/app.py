"""The table of commands, and the way from a word on the command line to the module behind it.

A command's module is imported only when that command is asked for: help is printed from the
table alone, and a bench without some optional part still runs every other command.
"""

import difflib
import sys
from importlib import import_module
from typing import Any

import typer
import typer.main

from ..errors import MissingPart, UsageError
from ..problems import USAGE
from .start import PACKAGES

#: Command → (module with a ``typer.Typer`` named ``app``, what the help says).
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("service.cli.demo", "Show the whole chain on emulated instruments."),
    "bench": ("service.cli.bench", "Run the bench agent with the officer's page."),
    "serve": ("service.cli.serve", "Run the server."),
    "audit": ("service.cli.audit", "Prove that no record was altered; erase personal data."),
    "backup": ("service.cli.backup", "Back up everything a server keeps."),
    "restore": ("service.cli.restore", "Restore a backup into an empty database."),
    "token": ("service.cli.token", "Create tokens for the server."),
    "doctor": ("service.cli.doctor", "Say what is installed, attached and reachable."),
    "devices": ("service.cli.devices", "List ports, and name devices."),
    "drop": ("service.cli.drop", "Decide about scans from exported files."),
    "emulate": ("service.cli.emulate", "Run an emulated instrument."),
    "scan": ("service.cli.scan", "Scan a parcel and identify what is in it."),
    "calibrate": ("service.cli.calibrate", "Calibrate an instrument's axis, intensity or resolution."),
    "identify": ("service.cli.identify", "Identify spectra in files."),
    "show": ("service.cli.show", "Show spectra in the terminal or as a picture."),
    "convert": ("service.cli.convert", "Convert a spectrum to JCAMP-DX or CSV."),
    "library": ("service.cli.library", "Make, fill and inspect reference libraries."),
    "method": ("service.cli.method", "Fit, prove, release and update methods."),
    "calibration": ("service.cli.calibration", "Keep calibration records; chart verifications."),
    "outbox": ("service.cli.outbox", "Show or send what waits for the server."),
    "fleet": ("service.cli.fleet", "Show every bench: method, verification, queue."),
    "measures": ("service.cli.measures", "Show what screening achieved, with exact intervals."),
    "operation": ("service.cli.operation", "Plan, list, show and change operations."),
    "impact": ("service.cli.impact", "List every result that depended on a calibration, device, …"),
    "validate": ("service.cli.validate", "Validate a method on known samples, measured or simulated."),
    "verify": ("service.cli.verify", "Verify an instrument with a standard."),
}

_HELP = {"--help", "-h", "help"}


def dispatch(arguments: list[str]) -> int:
    """Run the command that the arguments name and return its exit code.

    Raises
    ------
    UsageError
        There is no such command, or its options are wrong.
    MissingPart
        The command needs a part that is not installed.
    """
    if not arguments or arguments[0] in _HELP:
        _write(help_text())
        return 0
    if arguments[0] in {"--version", "-V"}:
        from ..settings import software_version

        _write(f"opioscan {software_version()}\n")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see opioscan --help"
        raise UsageError(f"no command {name!r}: {hint}")
    return _call(load(name), rest, f"opioscan {name}")


def help_text() -> str:
    """Return the help of the program: one line for each command."""
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: opioscan COMMAND [OPTIONS]",
            "",
            "Screens parcels for synthetic opioids with handheld Raman and FTIR units.",
            "Every detection is presumptive; nothing found is never the same as safe.",
            "",
            "Commands:",
            *lines,
            "",
            "opioscan COMMAND --help explains a command; opioscan --version tells the version.",
            "Exit codes: 0 done, 1 negative answer, 2 usage, 3 device, 4 data, 5 service, 6 LASER MAY BE ON.",
            "",
        ]
    )


def load(name: str) -> Any:
    """Import a command and return it as something to call.

    Raises
    ------
    MissingPart
        Its module, or something it needs, is not installed.
    """
    module = COMMANDS[name][0]
    try:
        app = import_module(module).app
    except ModuleNotFoundError as error:
        missing = error.name or "a module"
        if missing.partition(".")[0] in PACKAGES:
            raise MissingPart(f"{name}: this installation lacks {missing}; install opioscan again") from error
        raise MissingPart(
            f"{name} needs the Python package {missing!r}; install it with: python -m pip install {missing}"
        ) from error
    return typer.main.get_command(app)


def _call(command: Any, rest: list[str], program: str) -> int:
    try:
        done = command.main(args=rest, prog_name=program, standalone_mode=False)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except Exception as error:
        # The class of a usage error moved between Typer's releases; its method did not.
        if (words := getattr(error, "format_message", None)) is None:
            raise
        if not (said := words().strip()):
            return USAGE  # the help was printed instead
        raise UsageError(f"{said} (see {program} --help)") from error
    return done if isinstance(done, int) and not isinstance(done, bool) else 0


def _write(text: str) -> None:
    sys.stdout.write(text)
