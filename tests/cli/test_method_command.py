"""``opioscan method`` as people and programs call it."""

import json

import pytest

from library.method_store import read_method
from library.starter import starter_entries
from library.store import write_library
from service.cli.start import run
from spectra.formats import encode_csv
from spectra.values import Technique

QUICK = ["--draws", "60", "--checks", "4", "--rate", "0.05"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A home shared by these tests, a library of eight entries, and negatives."""
    base = tmp_path_factory.mktemp("method")
    raman = [e for e in starter_entries() if e.technique is Technique.RAMAN]
    chosen = {e.reference_id: e for e in raman[:6]}
    chosen |= {e.reference_id: e for e in raman if e.substance.name in {"Metamizole", "Ketoprofen"}}
    write_library(base / "small.h5", chosen.values(), name="small")
    negatives = base / "negatives"
    negatives.mkdir()
    for entry in raman[:3]:
        (negatives / f"{entry.substance.name}.csv").write_bytes(encode_csv(entry.spectrum))
    (negatives / "copy.csv").write_bytes(encode_csv(raman[0].spectrum))
    (negatives / "junk.csv").write_text("junk")
    (negatives / "short.csv").write_text(
        "wavenumber,intensity\n" + "".join(f"{i},{i}\n" for i in range(400, 500))
    )
    return base


@pytest.fixture(autouse=True)
def home(folder, monkeypatch):
    monkeypatch.setenv("OPIOSCAN_HOME", str(folder / "home"))
    return folder / "home"


@pytest.fixture(scope="module")
def fitted(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPIOSCAN_HOME", str(folder / "home"))
        asked = ["--library", str(folder / "small.h5"), "--watch", "metamizole=10%", "--negatives"]
        more = [
            str(folder / "negatives"),
            "--technique",
            "raman",
            "--laser",
            "785",
            "--training",
            "--scans",
            "2",
        ]
        assert run(["method", "fit", "ours", *asked, *more, *QUICK]) == 0
    return folder / "home" / "methods"


def told(capsys):
    out, err = capsys.readouterr()
    return [json.loads(line) for line in out.splitlines()], err


def test_fit_stores_a_version_and_says_what_it_is(folder, fitted, capsys):
    stored = read_method(fitted, "ours", 1)
    assert stored.method.training
    assert stored.method.planned_scans == 2
    assert [(item.substance, item.limit_share) for item in stored.method.watch_list] == [("Metamizole", 0.1)]
    (measured,) = stored.method.measured.values()
    assert len(measured.negatives) == 3, "a copy counts once"
    refused = {one["source"]: one["reason"] for one in stored.report["refused_negatives"]}
    assert set(refused) == {"junk.csv", "short.csv"}


def test_a_second_fit_is_a_second_version(folder, fitted, capsys):
    library = ["--library", str(folder / "small.h5")]
    assert run(["method", "fit", "again", *library, *QUICK, "--json"]) == 0
    assert run(["method", "fit", "again", *library, *QUICK, "--json"]) == 0
    first, second = told(capsys)[0]
    assert (first["version"], second["version"]) == (1, 2)
    assert first["digest"] != second["digest"]
    assert first["reliability"] == second["reliability"]
    assert first["watch_list"] == []


def test_list_names_every_version(fitted, capsys):
    assert run(["method", "list"]) == 0
    out = capsys.readouterr().out
    assert "ours@1  library small  raman  1 watched  fitted 2" in out
    assert "TRAINING" in out
    assert run(["method", "list", "--json"]) == 0
    rows, _ = told(capsys)
    assert {"name": "ours", "version": 1}.items() <= rows[-1].items()


def test_list_tells_of_damaged_ones_and_shows_the_others(fitted, capsys):
    for name in ("bad@1.json", "bad@2.json"):
        (fitted / name).write_text("{}")
    try:
        assert run(["method", "list"]) == 4
    finally:
        for name in ("bad@1.json", "bad@2.json"):
            (fitted / name).unlink()
    out, err = capsys.readouterr()
    assert "ours@1" in out
    assert "bad@1.json: it is not an opioscan method" in err
    assert "bad@2.json" in err


def test_show_tells_people_what_counts(fitted, capsys):
    assert run(["method", "show", "ours@1"]) == 0
    out = capsys.readouterr().out
    for words in (
        "ours@1   ### TRAINING",
        "library   small",
        "at most 5.00% of completed screenings",
        "2 scan(s) planned per screening: 1.667% each, the next 0.417% and then ever less",
        "60 simulated (60 of them",
        "3 measured",
        "0 of 3 measured scans above the simulated threshold",
        "a check only: too few",
        "negatives, raman (MEASURED): 0 of 3 scans raise an alarm by this method",
        "Metamizole: to be excluded below 10% (1 raman)",
        "class nitazene (raman): untrained, 0 of at least 8 different measured members; the method does not",
        "reliability, raman (SIMULATED)",
    ):
        assert words in out, words


def test_show_tells_programs_everything(fitted, capsys):
    assert run(["method", "show", "ours", "--json"]) == 0
    (said,), _ = told(capsys)
    method = read_method(fitted, "ours").method
    assert said["digest"] == method.digest
    raman = said["techniques"]["raman"]
    assert raman["null_count"] == {"simulated": 60, "simulated_counted_against": 60, "measured": 3}
    assert raman["recipe"]["digest"] == method.sets[Technique.RAMAN].recipe.digest
    assert raman["negatives"]["interval"][1] > 0.5
    assert sum(one["rate"] for one in said["promise"]["scan_rates"]) < said["promise"]["false_alarm_rate"]
    assert said["reliability"]["raman"]["simulated"] is True


@pytest.mark.parametrize("name", ["rel.png", "rel.svg"])
def test_show_draws_the_reliability_table(fitted, tmp_path, capsys, name):
    path = tmp_path / name
    assert run(["method", "show", "ours", "--plot", str(path)]) == 0
    first = path.read_bytes()
    assert first.startswith((b"\x89PNG", b"<?xml"))
    assert run(["method", "show", "ours", "--plot", str(path)]) == 4
    assert "there already" in capsys.readouterr().err
    assert run(["method", "show", "ours", "--plot", str(path), "--force"]) == 0
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["show", "theirs"], 4, "no method 'theirs' is stored here"),
        (["show", "ours@9"], 4, "no method 'ours@9' is stored here; stored: ours@1"),
        (["show", "ours@x"], 2, "a version is a number from 1"),
        (["show", "ours", "--plot", "x.gif"], 2, "drawn as .png or .svg"),
        (["fit", "Ours", "--library", "LIB"], 2, "cannot be a method's name"),
        (["fit", "training", "--library", "LIB"], 2, "the method that ships"),
        (["fit", "x", "--library", "LIB", "--rate", "0.9"], 2, "is not within"),
        (["fit", "x", "--library", "LIB", "--class", "sugar"], 2, "no class 'sugar'; there are"),
        (["fit", "x", "--library", "LIB", "--watch", "metamizzole"], 4, "near: Metamizole"),
        (["fit", "x", "--library", "LIB", "--watch", "metamizole=7"], 4, "no share above 0"),
        (["fit", "x", "--library", "LIB", "--draws", "20"], 4, "give --draws"),
        (["fit", "x", "--library", "nothing.h5"], 4, "no such library"),
        (["fit", "x", "--library", "LIB", "--negatives", "nothing"], 4, "not a folder that can be read"),
        (["crossval"], 2, "give either a stored method or --library"),
        (["crossval", "ours"], 4, "too few measured members to prove any class: 8 different ones"),
        (["crossval", "ours", "--class", "nitazene"], 4, "to prove nitazene: 3 different ones"),
        (["crossval", "ours", "--rate", "2"], 2, "is not above 0 and below 1"),
        (["crossval", "ours", "--partner", "x"], 4, "no measured reference of 'x' to mix with"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(folder, fitted, capsys, arguments, code, why):
    given = [str(folder / "small.h5") if one == "LIB" else one for one in arguments]
    assert run(["method", *given]) == code
    err = capsys.readouterr().err
    assert why in err
    assert err.count("\n") == 1


def test_a_substance_without_reference_may_be_watched_and_is_warned_of(folder, capsys):
    asked = ["--library", str(folder / "small.h5"), "--watch", "fentanyl"]
    assert run(["method", "fit", "uncovered", *asked, *QUICK]) == 0
    out, err = capsys.readouterr()
    assert "no reference of fentanyl: no scan can exclude it" in err
    assert "fentanyl: to be excluded below 20% (no reference)" in out


def test_a_watch_list_may_be_a_file(folder, tmp_path, capsys):
    path = tmp_path / "watch.csv"
    path.write_text("substance,limit_share\nketoprofen,0.3\n")
    asked = ["--library", str(folder / "small.h5"), "--watch-list", str(path), "--watch", "metamizole"]
    assert run(["method", "fit", "listed", *asked, *QUICK, "--json"]) == 0
    (said,), _ = told(capsys)
    assert [(one["substance"], one["limit_share"]) for one in said["watch_list"]] == [
        ("Ketoprofen", 0.3),
        ("Metamizole", 0.2),
    ]


def test_identify_answers_by_a_stored_method(folder, fitted, capsys):
    file = next((folder / "negatives").glob("[!cjs]*.csv"))
    how = ["--technique", "raman", "--laser", "785", "--json"]
    answers = []
    for name in ("ours", "ours@1"):
        assert run(["identify", str(file), "--method", name, *how]) == 0
        answers += told(capsys)[0]
    method = read_method(fitted, "ours").method
    assert answers[0]["provenance"]["method"] == {"name": "ours", "version": 1, "digest": method.digest}
    assert answers[0]["training"] is True
    assert {**answers[0], "created_at": ""} == {**answers[1], "created_at": ""}
    assert run(["identify", str(file), "--method", "theirs", *how]) == 4
    assert "no method 'theirs' is stored here" in capsys.readouterr().err
