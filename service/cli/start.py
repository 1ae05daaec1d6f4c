"""Where the command ``opioscan`` begins and where every error ends.

Only the standard library is imported before the check for strangers: packages named
``spectra``, ``library``, ``service`` and ``instrument`` of other projects are on PyPI, and
running half on theirs would be worse than not running.
"""

import json
import os
import signal
import sys
import traceback
from datetime import UTC, datetime
from importlib import util
from pathlib import Path

# Decisions run with one BLAS thread: recomputation gives the same bits, and small matrices are faster.
# It must be said before NumPy is first imported, and processes started from here inherit it.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

PACKAGES = ("spectra", "library", "calibration", "instrument", "service")

#: The log starts anew beyond this size; the one before is kept beside it.
MAX_LOG_BYTES = 1024 * 1024
#: What a shell reports when the reader of a pipe went away (128 + SIGPIPE).
_PIPE_CLOSED = 141


def main(argv: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of this process when None.
    """
    arguments = sys.argv[1:] if argv is None else argv
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; no traceback reaches the user."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    # A shell without job control starts background programs with SIGINT ignored (POSIX, 2.11). Where a
    # laser may be on, an interrupt has to stop it all the same.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        check_packages()
        from .app import dispatch

        code = dispatch(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _pipe_closed()
    except SystemExit as leaving:
        # Typer turns a closed pipe into exit 1, which here would be an answer.
        if isinstance(leaving.__context__, BrokenPipeError):
            return _pipe_closed()
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException as error:
        return _failed(error, arguments)


def check_packages() -> None:
    """Make sure that the five packages are ours.

    Raises
    ------
    StrangerPackages
        A package is missing, or does not lie beside this one.
    """
    home = Path(__file__).resolve().parent.parent.parent
    for name in PACKAGES:
        spec = util.find_spec(name)
        places = [] if spec is None else list(spec.submodule_search_locations or [])
        if [Path(place).resolve() for place in places] != [home / name]:
            from ..errors import StrangerPackages

            where = places[0] if places else "nowhere"
            raise StrangerPackages(
                f"the package {name!r} comes from {where}, not from {home}: "
                "another project has the same name; install opioscan in an environment of its own"
            )


def _pipe_closed() -> int:
    # The interpreter flushes stdout once more on its way out.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _PIPE_CLOSED


def _failed(error: BaseException, arguments: list[str]) -> int:
    from .. import problems

    if isinstance(error, KeyboardInterrupt) and problems.kind_of(error) is problems.UNEXPECTED:
        print("opioscan: stopped by Ctrl-C", file=sys.stderr)  # noqa: T201
        return problems.INTERRUPTED
    kind = problems.kind_of(error)
    problem = problems.problem_of(error, instance=f"opioscan {arguments[0]}" if arguments else "opioscan")
    if kind is problems.UNEXPECTED:
        problem["detail"] = f"{type(error).__name__}: {problems.message_of(error)}{_log(error)}"
    if kind.exit_code == problems.LASER_MAY_BE_ON:
        problem["detail"] = f"{problems.LASER_WARNING} {problem['detail']}"
    if "--json" in arguments:
        print(json.dumps(problem, ensure_ascii=False), file=sys.stderr)  # noqa: T201
    else:
        print(f"opioscan: {printable(problem['detail'])}", file=sys.stderr)  # noqa: T201
    return kind.exit_code


def printable(text: str) -> str:
    """Return text without control characters: a file's name or content must not steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _log(error: BaseException) -> str:
    """Append the traceback to the log and return where it is, or nothing if that fails."""
    try:
        from ..settings import load_settings

        settings = load_settings()
        settings.ensure_home()
        path = settings.log_path
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        lines = traceback.format_exception(error)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {''.join(lines)}\n")
    except Exception:
        # The log is a convenience; failing to write it must not hide the error itself.
        return ""
    return f" (details in {path})"


if __name__ == "__main__":
    main()
