"""``opioscan library`` from quality control to export, as people and programs call it."""

import json
import os
import re
from pathlib import Path

import pytest

from service.cli.start import run

REAL = Path(os.environ.get("OPIOSCAN_SHARED", "")) / "data" / "raman785-library"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "home"))


@pytest.fixture
def library(tmp_path, folder, enlighten, capsys):
    (folder / "2-Propanol.csv").write_text(enlighten())
    (folder / "isopropanol.csv").write_text(enlighten(phase=1))
    (folder / "<b>odd.csv").write_text(enlighten(phase=2))
    path = tmp_path / "lib.h5"
    assert (
        run(["library", "import", str(folder), "--into", str(path), "--report", str(tmp_path / "r.html")])
        == 0
    )
    capsys.readouterr()
    return path


def said(capsys):
    out, err = capsys.readouterr()
    return json.loads(out), err


def test_a_batch_has_one_page_of_its_own(library, tmp_path):
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 3
    assert "&lt;b&gt;odd" in page
    assert "<b>odd" not in page
    assert "2-Propanol = isopropanol" in page
    assert "out_of_range" in page
    assert not re.search(r"(src|href)=|<script|url\(|@import", page)


def test_what_is_refused_says_how_to_accept_it(tmp_path, folder, enlighten, capsys):
    (folder / "Urea.csv").write_text(enlighten())
    rows = [f"{i},{300 + i}.0,{min(100 + (i % 20) * 7, 180)}" for i in range(40)]
    head = "ENLIGHTEN Version,4.1.44\nLabel,11_18_50 WP-01990\nModel,WP-785X\nLaser Wavelength,785\nCropped,True\n"
    (folder / "Glycine.csv").write_text(head + "\nPixel,Wavenumber,Processed\n" + "\n".join(rows) + "\n")
    flat = [f"{i},{300 + i}.0,5" for i in range(40)]
    (folder / "Flat.csv").write_text(head + "\nPixel,Wavenumber,Processed\n" + "\n".join(flat) + "\n")
    path = str(tmp_path / "lib.h5")
    assert run(["library", "import", str(folder), "--into", path, "--json"]) == 0
    found, _ = said(capsys)
    refused = {one["file"]: one["codes"] for one in found["refused"]}
    assert refused["Flat.csv"] == ["flat"]
    assert found["imported"] + len(refused) == 3
    assert found["quality"]["codes"]["flat"] == 1
    assert {one["substance"] for one in found["quality"]["entries"]} == {"Urea", "Glycine", "Flat"}
    assert run(["library", "import", str(folder), "--into", path, "--accept", "flat"]) == 0
    assert "refuse: flat (1)" in capsys.readouterr().out
    assert run(["library", "show", path, "Flat"]) == 0
    assert "imported in spite of: flat" in capsys.readouterr().out
    assert run(["library", "import", str(folder), "--into", path, "--accept", "weak"]) == 2
    assert "there are edited_since, flat" in capsys.readouterr().err


def test_check_says_whether_a_person_is_needed(library, tmp_path, capsys):
    assert run(["library", "check", str(library), "--json"]) == 1
    found, _ = said(capsys)
    assert found["needs_person"]
    assert [one["technique"] for one in found["coverage"]] == ["raman", "ftir"]
    assert found["confusability"] == []
    assert run(["library", "check", "--report", str(tmp_path / "s.html")]) == 0
    out = capsys.readouterr().out
    assert "one compound under two names: 2-Propanol / isopropanol" in out
    assert "controlled substances of the table: 0 of" in out
    assert "Coverage" in (tmp_path / "s.html").read_text()
    assert run(["library", "check", "--plot", "x.png"]) == 2
    assert run(["library", "check", "--confusable", "--snr", "0"]) == 2
    assert run(["library", "check", str(library), "--confusable", "--plot", str(tmp_path / "m.png")]) == 2


def test_a_slip_is_corrected_and_the_versions_compared(library, tmp_path, capsys):
    old = tmp_path / "old.h5"
    old.write_bytes(library.read_bytes())
    edit = ["library", "edit", str(library), "isopropanol", "--set", "form=neat", "--by", "anna", "--json"]
    assert run(edit) == 0
    found, _ = said(capsys)
    assert found["changes"] == [{"field": "form", "old": "", "new": "neat"}]
    assert run(edit) == 4
    assert run(["library", "edit", str(library), "isopropanol", "--set", "laser=1"]) == 4
    assert "fields are name, synonyms" in capsys.readouterr().err
    assert run(["library", "remove", str(library), "2-Propanol", "--reason", "twice", "--by", "anna"]) == 0
    assert "2 entries left" in capsys.readouterr().out
    assert run(["library", "compare", str(old), str(library)]) == 0
    out = capsys.readouterr().out
    assert "- 2-Propanol" in out
    assert "form:  → neat" in out
    assert "0 added, 1 removed, 1 changed, 0 measured anew, 1 the same" in out
    assert run(["library", "compare", str(old), str(library), "--json"]) == 0
    assert said(capsys)[0]["changed"][0]["substance"] == "isopropanol"
    assert run(["library", "check", str(library)]) == 1
    assert "changed by hand 2 times" in capsys.readouterr().out


def test_an_import_does_not_undo_an_edit(library, folder, capsys):
    assert run(["library", "edit", str(library), "isopropanol", "--set", "name=2-propanol, dry"]) == 0
    capsys.readouterr()
    assert run(["library", "import", str(folder), "--into", str(library), "--json"]) == 0
    found, _ = said(capsys)
    assert [one["codes"] for one in found["refused"]] == [["edited_since"]]
    assert run(["library", "import", str(folder), "--into", str(library), "--accept", "edited_since"]) == 0


def test_an_export_imports_again(library, tmp_path, capsys):
    for out, form in (("a", "jdx"), ("b.csv", "csv"), ("c.json", "json")):
        assert run(["library", "export", str(library), str(tmp_path / out), "--json"]) == 0
        assert said(capsys)[0]["as"] == form
    assert run(["library", "import", str(tmp_path / "a"), "--into", str(tmp_path / "again.h5")]) == 0
    capsys.readouterr()
    assert run(["library", "compare", str(library), str(tmp_path / "again.h5")]) == 0
    assert "0 added, 0 removed, 0 changed, 0 measured anew, 3 the same" in capsys.readouterr().out
    assert run(["library", "export", str(library), str(tmp_path / "a")]) == 4
    assert run(["library", "export", "starter", str(tmp_path / "s.json")]) == 0
    assert "88 entries as json" in capsys.readouterr().out


@pytest.mark.shared
def test_the_open_library_is_imported_whole_and_its_synonyms_are_told(tmp_path, capsys):
    path, page = str(tmp_path / "real.h5"), tmp_path / "real.html"
    assert run(["library", "import", str(REAL), "--into", path, "--json", "--report", str(page)]) == 0
    found, _ = said(capsys)
    assert (found["imported"], found["refused"]) == (80, [])
    wanted = {
        frozenset({"2-Propanol", "isopropanol"}),
        frozenset({"2-Butanone", "Methyl Ethyl Ketone"}),
        frozenset({"Citric Acid", "Citric Acid Anhydrate"}),
    }
    assert {frozenset(names) for names in found["duplicates"]} == wanted
    pairs = found["quality"]["pairs"]
    assert {frozenset(one["substances"]) for one in pairs if one["code"] == "duplicate"} == wanted
    assert found["quality"]["severities"]["check"] == 0
    shifts = [one["figures"]["shift_cm1"] for one in found["quality"]["entries"]]
    assert sum(shift is not None and abs(shift) < 2 for shift in shifts) > 75
    assert page.read_text().count("<svg") == 80


def test_a_file_name_that_is_no_text_spoils_no_report(tmp_path, folder, enlighten, capsys):
    (folder / "Urea.csv").write_text(enlighten())
    Path(os.fsdecode(bytes(folder) + b"/bad\xffname.csv")).write_bytes(b"hello")
    page = tmp_path / "r.html"
    command = ["library", "import", str(folder), "--into", str(tmp_path / "lib.h5"), "--report", str(page)]
    assert run(command) == 0
    assert "bad\\udcffname.csv" in page.read_text()
    assert "cannot be printed" in capsys.readouterr().err


def test_a_map_that_is_too_large_is_refused_before_anything_is_examined(library, capsys, monkeypatch):
    monkeypatch.setattr("library.confusability.MOST", 2)
    assert run(["library", "check", str(library), "--confusable"]) == 2
    out, err = capsys.readouterr()
    assert "at most 2 references" in err
    assert "quality control" not in out
