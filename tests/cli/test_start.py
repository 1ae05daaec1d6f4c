"""The command line as a real process: help, versions, wrong words, strangers, and how errors end."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from instrument.errors import LaserMayBeOn, PortBusy
from service.cli import app as cli
from service.cli import start
from service.errors import DiskFull, MissingPart, StrangerPackages
from service.settings import software_version
from spectra.errors import FormatError

ROOT = Path(__file__).resolve().parents[2]


def test_help_lists_every_command(run_cli):
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        ran = run_cli(*arguments)
        assert (ran.code, ran.err) == (0, "")
        for name, (_, text) in cli.COMMANDS.items():
            assert f"  {name} " in ran.out
            assert text in ran.out
    assert "presumptive" in ran.out


def test_help_is_quick_and_imports_nothing_heavy(opioscan_home):
    command = [sys.executable, "-X", "importtime", "-m", "service.cli.start", "--help"]
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        times.append(time.perf_counter() - begun)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"numpy", "scipy", "h5py", "rich", "fastapi", "httpx", "sqlalchemy", "matplotlib", "pydantic"}
    assert not imported & heavy
    # The contract is 0.5 s on an idle machine; a test machine is not idle.
    assert min(times) < 1.0


def test_the_version_is_told(run_cli):
    ran = run_cli("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"opioscan {software_version()}\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["idntify"], "no command 'idntify': did you mean 'identify'?"),
        (["xyzzy"], "no command 'xyzzy': see opioscan --help"),
        (["--wrong"], "no command '--wrong'"),
        (["doctor", "--wrong"], "(see opioscan doctor --help)"),
        (["outbox", "flsh"], "flsh"),
        (["\x1b[31mred"], "no command '\\x1b[31mred'"),
    ],
)
def test_wrong_words_are_usage_errors_in_one_line(run_cli, arguments, words):
    ran = run_cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("opioscan: ")
    assert words in ran.err
    assert ran.err.count("\n") == 1
    assert "\x1b" not in ran.err


def test_with_json_an_error_is_a_problem_object(run_cli):
    ran = run_cli("doctor", "--wrong", "--json")
    problem = json.loads(ran.err)
    assert (ran.code, problem["code"], problem["instance"]) == (2, "usage", "opioscan doctor")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_loads_and_explains_itself(name):
    try:
        module = importlib.import_module(cli.COMMANDS[name][0])
    except ModuleNotFoundError as error:
        if error.name == cli.COMMANDS[name][0]:
            pytest.skip(f"{error.name} is not written yet")
        raise
    assert isinstance(module.app, typer.Typer)
    assert start.run([name, "--help"]) == 0


# ── how errors end ──────────────────────────────────────────────────────────


def raising(error):
    def dispatch(_arguments):
        raise error

    return dispatch


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (FormatError("x.spc: cut off\nin line 3"), 4, "opioscan: x.spc: cut off in line 3\n"),
        (PortBusy("/dev/ttyUSB0 is taken"), 3, "opioscan: /dev/ttyUSB0 is taken\n"),
        (DiskFull("no room"), 5, "opioscan: no room\n"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), 4, "a.csv: No such file"),
        (LaserMayBeOn("no answer"), 6, "opioscan: THE LASER MAY BE ON. Leave the beam path"),
        (KeyboardInterrupt(), 130, "opioscan: stopped by Ctrl-C\n"),
        (FormatError("\x1b[2Jgone"), 4, "\N{REPLACEMENT CHARACTER}[2Jgone"),
    ],
)
def test_every_error_ends_in_its_code_and_one_line(monkeypatch, capsys, opioscan_home, error, code, words):
    monkeypatch.setattr(cli, "dispatch", raising(error))
    assert start.run(["scan"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert not (opioscan_home / "opioscan.log").exists()


def test_a_laser_left_on_during_ctrl_c_is_what_counts(monkeypatch, capsys):
    error = KeyboardInterrupt()
    error.__context__ = LaserMayBeOn("no answer")
    monkeypatch.setattr(cli, "dispatch", raising(error))
    assert start.run(["scan", "--json"]) == 6
    problem = json.loads(capsys.readouterr().err)
    assert problem["code"] == "laser_may_be_on"
    assert "key switch" in problem["detail"]


def test_an_unexpected_error_goes_to_the_log(monkeypatch, capsys, opioscan_home):
    log = opioscan_home / "opioscan.log"
    log.write_bytes(b"x" * (start.MAX_LOG_BYTES + 1))
    monkeypatch.setattr(cli, "dispatch", raising(ZeroDivisionError("by zero")))
    assert start.run(["scan"]) == 5
    assert capsys.readouterr().err == f"opioscan: ZeroDivisionError: by zero (details in {log})\n"
    assert "Traceback" in log.read_text()
    assert (opioscan_home / "opioscan.log.1").stat().st_size == start.MAX_LOG_BYTES + 1


def test_a_home_that_cannot_be_written_still_gives_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(cli, "dispatch", raising(ZeroDivisionError("by zero")))
    assert start.run(["scan"]) == 5
    assert capsys.readouterr().err == "opioscan: ZeroDivisionError: by zero\n"


@pytest.mark.parametrize(("given", "code"), [(None, 0), (3, 3), ("words", 1)])
def test_an_exit_keeps_its_code(monkeypatch, given, code):
    monkeypatch.setattr(cli, "dispatch", raising(SystemExit(given)))
    assert start.run(["scan"]) == code


def test_main_ends_the_process(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["opioscan", "--version"])
    with pytest.raises(SystemExit) as left:
        start.main()
    assert left.value.code == 0


def test_a_reader_that_left_is_no_error(opioscan_home):
    command = f'{sys.executable} -m service.cli.start doctor --json; echo "$?" >&2'
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    os.close(write)
    assert done.stderr == f"{128 + signal.SIGPIPE}\n"


# ── commands ────────────────────────────────────────────────────────────────


def test_a_missing_part_gives_one_clear_line(monkeypatch, tmp_path):
    (tmp_path / "needs_part.py").write_text("import part_nobody_has.inner\n")
    (tmp_path / "needs_ours.py").write_text("import service.cli.no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.COMMANDS, "part", ("needs_part", ""))
    monkeypatch.setitem(cli.COMMANDS, "ours", ("needs_ours", ""))
    with pytest.raises(MissingPart, match="part needs the Python package 'part_nobody_has'; install it"):
        cli.dispatch(["part"])
    with pytest.raises(MissingPart, match=r"ours: this installation lacks service\.cli\.no_such_module"):
        cli.dispatch(["ours"])


def test_what_a_command_returns_is_its_exit_code(monkeypatch, tmp_path):
    (tmp_path / "some_command.py").write_text(
        "import typer\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def go(how: str):\n"
        "    if how == 'abort':\n"
        "        raise typer.Abort\n"
        "    if how == 'exit':\n"
        "        raise typer.Exit(4)\n"
        "    if how == 'bad':\n"
        "        raise typer.BadParameter('not that')\n"
        "    return {'true': True, 'one': 1, 'none': None}[how]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.COMMANDS, "some", ("some_command", ""))
    assert [cli.dispatch(["some", how]) for how in ("exit", "one", "true", "none")] == [4, 1, 0, 0]
    assert start.run(["some", "abort"]) == 130
    assert start.run(["some", "bad"]) == 2
    assert start.run(["some", "else"]) == 5


# ── strangers ───────────────────────────────────────────────────────────────


def test_our_own_packages_pass():
    start.check_packages()


def test_a_strangers_package_is_refused(monkeypatch, tmp_path, capsys):
    (tmp_path / "spectra").mkdir()
    (tmp_path / "spectra" / "__init__.py").write_text("raise SystemExit('the stranger ran')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "spectra"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StrangerPackages, match="'spectra' comes from"):
        start.check_packages()
    assert start.run(["doctor"]) == 5
    assert "install opioscan in an environment of its own" in capsys.readouterr().err


def test_a_missing_package_is_refused(monkeypatch):
    monkeypatch.setattr(start, "PACKAGES", ("spectra", "no_such_package_of_ours"))
    with pytest.raises(StrangerPackages, match="comes from nowhere"):
        start.check_packages()


def test_a_stranger_is_refused_as_a_process(tmp_path, opioscan_home):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "__init__.py").write_text("")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; from service.cli.start import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
    )
    assert done.returncode == 5
    assert done.stderr.startswith("opioscan: the package 'library' comes from")
