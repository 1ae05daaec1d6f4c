"""``opioscan library`` as people and programs call it."""

import json

import pytest

from service.cli.start import run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "home"))


def lines(capsys):
    out, err = capsys.readouterr()
    return [json.loads(line) for line in out.splitlines()], err


def test_init_makes_an_empty_library_once(tmp_path, capsys):
    path = str(tmp_path / "lib.h5")
    assert run(["library", "init", path, "--name", "ours", "--json"]) == 0
    (said,), _ = lines(capsys)
    assert (said["name"], said["entries"], said["library"]) == ("ours", 0, path)
    assert run(["library", "init", path]) == 4
    assert "exists already" in capsys.readouterr().err
    assert run(["library", "init", str(tmp_path / "more.h5")]) == 0
    assert "opioscan library import FOLDER --into" in capsys.readouterr().out
    assert run(["library", "list", path]) == 0
    assert "0 entries" in capsys.readouterr().out


def test_import_tells_programs_everything(tmp_path, folder, enlighten, capsys):
    (folder / "2-Propanol.csv").write_text(enlighten())
    (folder / "isopropanol.csv").write_text(enlighten(phase=1))
    (folder / "junk.csv").write_text("junk")
    path = str(tmp_path / "lib.h5")
    assert run(["library", "import", str(folder), "--into", path, "--json"]) == 0
    (said,), _ = lines(capsys)
    assert (said["imported"], said["added"], said["created"], said["entries"]) == (2, 2, True, 2)
    assert said["duplicates"] == [["2-Propanol", "isopropanol"]]
    assert said["refused"][0]["file"] == "junk.csv"
    assert run(["library", "list", path, "--json"]) == 0
    listed, _ = lines(capsys)
    assert [one["substance"] for one in listed] == ["2-Propanol", "isopropanol"]
    assert listed[0]["equivalents"] == ["isopropanol"]


def test_import_tells_people_what_was_left_out(tmp_path, folder, enlighten, capsys):
    (folder / "Urea.csv").write_text(enlighten())
    (folder / "Oddity.csv").write_text(enlighten(phase=1))
    (folder / "extra.csv").write_text(enlighten())
    for number in range(25):
        (folder / f"junk{number}.csv").write_text("junk")
    rows = "".join(f"junk{number}.csv\n" for number in range(25))
    (folder / "manifest.csv").write_text(f"file\nUrea.csv\nOddity.csv\n{rows}")
    assert run(["library", "import", str(folder), "--into", str(tmp_path / "lib.h5")]) == 0
    out, err = capsys.readouterr()
    assert "2 imported (2 new, 0 replaced), 25 refused; 2 entries in all" in out
    assert "did not exist; it was made" in err
    assert "5 more files" in err
    assert "1 files that manifest.csv does not list: extra.csv" in err
    assert "Oddity" in err


def test_import_of_nothing_fails(tmp_path, folder, capsys):
    (folder / "junk.csv").write_text("junk")
    path = tmp_path / "lib.h5"
    assert run(["library", "import", str(folder), "--into", str(path)]) == 4
    assert "none of 1 files imported; the first, junk.csv: " in capsys.readouterr().err
    assert not path.exists()
    assert run(["library", "import", str(folder)]) == 2


def test_synonyms_are_told_to_people(tmp_path, folder, enlighten, capsys):
    (folder / "2-Propanol.csv").write_text(enlighten())
    (folder / "isopropanol.csv").write_text(enlighten(phase=1))
    run(["library", "import", str(folder), "--into", str(tmp_path / "lib.h5")])
    assert "one compound under several names: 2-Propanol, isopropanol" in capsys.readouterr().out


def test_the_starter_library_is_the_default(capsys):
    assert run(["library", "list"]) == 0
    out = capsys.readouterr().out
    assert "starter: 88 entries" in out
    assert "controlled" in out
    assert run(["library", "show", "metamizole"]) == 0
    out = capsys.readouterr().out
    assert "raman-metamizole-derived" in out
    assert run(["library", "show", "fentanyl", "--json"]) == 0
    (said,), _ = lines(capsys)
    assert (said["grade"], said["technique"], said["controlled"]) == ("literature", "ftir", True)


def test_show_of_a_library_and_its_mistakes(tmp_path, folder, enlighten, capsys):
    (folder / "Urea.csv").write_text(enlighten())
    path = str(tmp_path / "lib.h5")
    run(["library", "import", str(folder), "--into", path])
    assert run(["library", "show", path, "urea"]) == 0
    assert "57-13-6" in capsys.readouterr().out
    assert run(["library", "show", path]) == 2
    assert "which entry" in capsys.readouterr().err
    assert run(["library", "show", path, "ureaa"]) == 4
    assert "near: Urea" in capsys.readouterr().err
    assert run(["library", "list", str(tmp_path / "none.h5"), "--json"]) == 4
    assert json.loads(capsys.readouterr().err)["code"] == "library_not_found"
