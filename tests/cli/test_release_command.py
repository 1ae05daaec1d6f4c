"""A release from the command line, from keys to a rollback, as two people, a publisher and a bench do it."""

import json
import shutil
from dataclasses import replace

import pytest

from library import release_keys
from library.release_state import read_state, write_state
from library.starter import starter_entries
from library.store import write_library
from service.cli import checks_released
from service.cli.checks import State
from service.cli.method_keys import ENVIRON
from service.cli.start import run
from service.settings import load_settings
from spectra.formats import encode_csv
from spectra.values import Technique
from tests.bars.release_lab import BenchHome, Lab, fitted_methods

PASSPHRASE = "several words of {}"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three versions of a method, and a panel of three samples that they know."""
    base = tmp_path_factory.mktemp("release")
    fitted_methods(base / "methods", 3)
    raman = [e for e in starter_entries() if e.technique is Technique.RAMAN][:2]
    rows = ["file,truth,technique,laser_nm"]
    for number, entry in enumerate(raman):
        (base / f"{number}.csv").write_bytes(encode_csv(entry.spectrum))
        rows.append(f'{number}.csv,"{entry.substance.name}",raman,785')
    (base / "panel.csv").write_text("\n".join(rows))
    return base


@pytest.fixture
def do(monkeypatch, capsys, tmp_path):
    """Return a function that runs a command in somebody's home, by somebody's passphrase."""
    # Keys at their real cost are in tests/library/test_release_keys.py; a dozen of them here would take long.
    monkeypatch.setattr(release_keys, "SCRYPT_N", 1 << 10)

    def call(home, *arguments, who="", code=0):
        monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / home))
        monkeypatch.setenv(ENVIRON, PASSPHRASE.format(who) if who else "")
        assert run([str(one) for one in arguments]) == code, capsys.readouterr()
        out, err = capsys.readouterr()
        return out + err

    return call


def test_from_keys_to_a_rollback(made, do, tmp_path):
    shutil.copytree(made / "methods", tmp_path / "lab" / "methods")
    repo, stick = tmp_path / "repo", tmp_path / "stick"
    keys = {name: tmp_path / f"{name}.key" for name in ("alice", "bob", "press")}
    for name in keys:
        said = do("lab", "method", "sign", "--new-key", name, "--keys", tmp_path, who=name)
        assert "the public half" in said
    people = [one for name in ("alice", "bob") for one in ("--person", tmp_path / f"{name}.pub")]
    asked = ["method", "release", "ours@1", "--repo", repo, "--panel", made / "panel.csv"]
    assert "has no root" in do("lab", *asked, "--changelog", "first", code=4)
    said = do("lab", "method", "sign", repo, "--new-root", *people, "--publisher", tmp_path / "press.pub")
    assert "root version 1: signed by nobody; 2 more of alice, bob must sign" in said
    said = do("lab", *asked, "--changelog", "first of all")
    assert "2 samples of panel.csv: 2 wholly right" in said
    assert "waits for two signatures" in said
    assert "give --yes" in do("lab", "method", "sign", repo, "--key", keys["alice"], code=2)
    said = do("lab", "method", "sign", repo, "--key", keys["alice"], "--yes", who="alice")
    assert "targets version 1: signed by alice; 1 more of bob must sign" in said
    publish = ["method", "publish", repo, "--key", keys["press"], "--to", stick]
    assert "1 more of bob must sign" in do("lab", *publish, who="press", code=4)
    assert "wrong" in do("lab", "method", "sign", repo, "--key", keys["bob"], "--yes", who="alice", code=4)
    assert "ready to be published" in do(
        "lab", "method", "sign", repo, "--key", keys["bob"], "--yes", who="bob"
    )
    assert "good until" in do("lab", *publish, who="press")
    assert json.loads(do("lab", *publish, "--json", who="press"))["changed"] is False

    assert "trust ROOT.json" in do("bench", "method", "update", "--from", stick, code=4)
    root = stick / "metadata" / "1.root.json"
    assert "fingerprint" in do("bench", "method", "trust", root, code=2)
    assert "any 2 of alice, bob" in do("bench", "method", "trust", root, "--yes")
    said = do("bench", "method", "update", "--from", stick)
    assert "ours@1 is active" in said
    assert "what changed: first of all" in said
    assert "nothing newer" in do("bench", "method", "update")

    asked[2] = "ours"
    assert json.loads(do("lab", *asked, "--version", "2", "--changelog", "second", "--json"))["released"]
    for name in ("alice", "bob"):
        do("lab", "method", "sign", repo, "--key", keys[name], "--yes", who=name)
    do("lab", *publish, who="press")
    assert json.loads(do("bench", "method", "update", "--json"))["active"]["version"] == 2
    assert "ours@1 is active" in do("bench", "method", "rollback", "--why", "odd alarms")
    assert "ours@1 stays active" in do("bench", "method", "update")
    assert "nothing" not in do("bench", "method", "rollback", code=4).partition("no earlier")[0]
    assert read_state(tmp_path / "bench" / "releases").log[-1]["why"] == "odd alarms"


def test_a_method_that_got_worse_is_refused_unless_somebody_says_why(made, do, tmp_path):
    from library.method_store import read_method, write_method
    from library.methods import fit_method
    from library.store import read_library

    lab = Lab(tmp_path / "laboratory", made / "methods")
    lab.release(1)
    first = read_method(made / "methods", "ours", 1).method
    path = tmp_path / "less.h5"
    gone = json.loads((made / "panel.csv").read_text().splitlines()[1].split(",")[1])
    write_library(path, [e for e in first.references if e.substance.name != gone], name="less")
    library = read_library(path)
    worse = fit_method(
        library, name="ours", version=2, draws=25, false_alarm_rate=0.05, watch_list=first.watch_list
    )
    write_method(tmp_path / "lab" / "methods", worse, library, {})
    asked = [
        "method",
        "release",
        "ours",
        "--repo",
        lab.repo.path,
        "--panel",
        made / "panel.csv",
        "--changelog",
        "x",
    ]
    said = do("lab", *asked, code=1)
    assert f"worse, line 2, 0.csv: {gone} is no longer named" in said
    assert "not released" in said
    assert lab.repo.staged_targets() is None
    assert json.loads(do("lab", *asked, "--json", code=1))["gate"]["worse"]
    do("lab", *asked, "--accept-worse", "the sample was impure")
    from library.release_staging import staged

    release = staged(lab.repo)[1]
    assert release is not None
    assert release.gate["accepted_worse"] == "the sample was impure"


def test_answers_and_doctor_say_when_the_method_is_stale(made, do, tmp_path):
    lab = Lab(tmp_path / "laboratory", made / "methods")
    lab.release(1)
    assert checks("released method", do) == [State.NOTE]
    bench = BenchHome(tmp_path / "bench", lab)
    assert checks("released method", do) == [State.PROBLEM]
    bench.update()
    assert checks("released method", do) == [State.OK]
    identify = ["identify", made / "0.csv", "--technique", "raman", "--laser", "785", "--json"]
    answer = json.loads(do("bench", *identify))
    assert (answer["provenance"]["method"]["name"], "method_stale" in answer["reasons"]) == ("ours", False)
    state = read_state(bench.releases)
    write_state(bench.releases, replace(state, fresh_until="2026-01-01T00:00:00Z"))
    assert checks("released method", do) == [State.PROBLEM]
    answer = json.loads(do("bench", *identify))
    assert "method_stale" in answer["reasons"]
    assert answer["verdict"] != "no_alarm"
    (bench.methods / "ours@1.json").write_text("{}")
    assert checks("released method", do) == [State.PROBLEM, State.PROBLEM]
    assert "was altered after it was installed" in do("bench", *identify, code=4)
    (bench.releases / "state.json").write_text("{}")
    assert "--replace" in do("bench", *identify, code=4)


def checks(name, do):
    do("bench", "--version")
    found = list(checks_released.released_method(load_settings()))
    assert {check.name for check in found} == {name}
    return [check.state for check in found]
