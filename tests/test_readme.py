"""Everything the README tells a user to type is typed here, in a real shell."""

import re
import shutil
import socket

import pytest

from tests.service.api.postgres import new_database, postgres_server
from tests.warm_shell import ROOT

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
SET_UP = [block.strip() for block in BLOCKS if "venv" in block]
ON_POSTGRESQL = [block for block in BLOCKS if "postgresql://" in block]
OVER_TLS = [block for block in BLOCKS if "https://" in block]
OVER_HTTP = [block for block in BLOCKS if "curl" in block and block not in OVER_TLS]
_OTHERS = [*SET_UP, *ON_POSTGRESQL, *OVER_TLS, *OVER_HTTP]
SCRIPTS = [block for block in BLOCKS if block.strip() not in _OTHERS and block not in _OTHERS]


@pytest.fixture
def shell(tmp_path, opioscan_home, warm_shell):
    """Return a function that runs a script where ``opioscan`` is this checkout."""
    folder = tmp_path / "desk"
    folder.mkdir()

    def run(script):
        return warm_shell.run(script, cwd=folder, env={"OPIOSCAN_HOME": str(opioscan_home)}, timeout_s=170)

    return run


def test_the_first_screen_shows_two_commands_that_set_everything_up():
    first_screen = README[: README.index("## What it does")]
    assert len(SET_UP) == 2
    assert all(command in first_screen for command in SET_UP)
    run, test = SET_UP
    assert run.endswith("opioscan demo")
    assert test.endswith("-m pytest")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_every_other_command_works_in_order(shell):
    # A screening without the terminal's questions: standard input is no terminal.
    done = shell("\n".join(SCRIPTS))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for word in ("9 of 9 parcels answered right", "caffeine", "NO ALARM", "TRAINING", "RR473124829IT"):
        assert word in done.stdout, word
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README talks to the server with curl")
def test_the_server_answers_what_the_readme_asks(shell):
    done = shell("\n".join(OVER_HTTP).replace("8480", _free_port()))
    assert OVER_HTTP
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "RR473124829IT" in done.stdout
    assert '"head_hash"' in done.stdout


@pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("openssl") is None, reason="the README uses curl and openssl"
)
def test_the_server_answers_over_tls(shell):
    (script,) = OVER_TLS
    done = shell(script.replace("8480", _free_port()))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert '"ready"' in done.stdout


def test_two_servers_share_a_postgresql(shell):
    (script,) = ON_POSTGRESQL
    (named,) = re.findall(r"'(postgresql://.*)'", script)
    with postgres_server() as server:
        url = new_database(server)
        assert url is not None
        done = shell(script.replace(named, url))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "ops_" in done.stdout


def _free_port():
    # Somebody's own server may have the port of the README.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
