"""``opioscan drop``: the agent of a home with a watched folder, decided about from the command line."""

import json
import shutil
import time
from contextlib import suppress

import pytest
import typer.main

from instrument.config import BenchConfig, save_device
from service.bench.client import BenchClient
from service.bench.drop_client import DropClient
from service.cli.drop import app
from service.errors import AgentRefused, AgentUnreachable
from service.settings import Settings

ITEM = "RR123456785GB"


@pytest.fixture(scope="module")
def home(tmp_path_factory, prepared, samples):
    """Return a home whose agent serves all tests of this file."""
    place = tmp_path_factory.mktemp("drops")
    home, folder = place / "home", place / "export"
    home.mkdir(mode=0o700)
    folder.mkdir()
    shutil.copytree(prepared / "libraries", home / "libraries")
    (home / "config.toml").write_text("bench_port = 0\n")
    save_device(home / "devices.toml", BenchConfig("h1", f"folder://{folder}?settle_s=0.05", None, None))
    yield home
    settings = Settings(home, bench_port=0)
    with suppress(AgentUnreachable), BenchClient.connect(settings, start=False) as client:
        client.stop_agent()
    shutil.rmtree(settings.runtime_dir, ignore_errors=True)


@pytest.fixture
def opioscan(home, monkeypatch, capsys):
    """Run a command; return exit code, standard output and standard error."""
    monkeypatch.setenv("OPIOSCAN_HOME", str(home))
    monkeypatch.delenv("OPIOSCAN_SERVER", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words):
        done = typer.main.get_command(app).main(args=list(words), prog_name="drop", standalone_mode=False)
        said = capsys.readouterr()
        return done or 0, said.out, said.err

    return run


@pytest.fixture
def export(home, samples, opioscan):
    """Export a sample and return the id of the scan that waits."""

    def bring(sample, name, line=""):
        text = (samples / f"{sample}.jdx").read_text()
        first, rest = text.split("\n", 1)
        extra = f"##$NAME={name}\n##$SERIAL NUMBER=H-1\n{line}"
        (home.parent / "export" / name).write_text(f"{first}\n{extra}{rest}")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            held = json.loads(opioscan("list", "--json")[1])
            found = [one["scan_id"] for one in held["drops"] if one["file"] == name]
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError("the file never came")

    return bring


def test_a_scan_is_joined(opioscan, export):
    scan = export("metamizole", "a.jdx", "##$RESULT=Ibuprofen\n")
    text = opioscan("list")[1]
    assert f"{scan[:12]}  waiting" in text
    assert "the device says Ibuprofen" in text
    assert "folder of h1: there" in text
    with pytest.raises(AgentRefused, match="open the item first"):
        opioscan("join", scan[:12], "--parcel", ITEM)
    assert f"{ITEM} is open" in opioscan("open", "--parcel", ITEM)[1]
    code, out, err = opioscan("join", scan[:12], "--parcel", ITEM, "--presentation", "bag", "--json")
    assert code == 0
    assert json.loads(out)["schema"] == "opioscan.identification/1"
    assert "DISAGREE" in err
    assert "The device: Ibuprofen" in err
    assert "joined" in opioscan("list", "--settled")[1]


def test_a_scan_is_joined_in_words(opioscan, export):
    scan = export("ibuprofen", "b.jdx")
    opioscan("open", "--parcel", "BOX 1")
    code, out, err = opioscan("join", scan, "--parcel", "BOX 1", "--complete")
    assert code == 0
    assert "its screening is complete" in out
    assert "no answer of its own" in err


def test_an_instrument_is_verified(opioscan, export):
    code, out, _ = opioscan("verify", export("polystyrene", "ps.jdx"))
    assert (code, "verification passed" in out) == (0, True)
    code, out, _ = opioscan("verify", export("ibuprofen", "no.jdx"), "--json")
    assert code == 1
    assert json.loads(out)["verdict"] == "no_verdict"


def test_scans_are_discarded(opioscan, export):
    scans = [export("polyethylene", f"x{number}.jdx") for number in range(2)]
    out = opioscan("discard", *scans, "--reason", "a demonstration")[1]
    assert out.count("is discarded") == 2
    assert "nothing waits" in opioscan("list")[1]
    assert opioscan("retry")[1].startswith("0 file")


def test_the_client_speaks_for_itself(home, opioscan, export):
    scan = export("polyethylene", "y.jdx")
    opioscan("open", "--parcel", ITEM)
    with DropClient.connect(Settings(home, bench_port=0), start=False) as client:
        assert ITEM in client.drops()["open_items"]
        assert client.discard_drop(scan, "enough")["reason"] == "enough"
