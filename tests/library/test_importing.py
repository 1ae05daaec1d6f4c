"""Import of folders, friendly and hostile."""

import os
from pathlib import Path

import pytest

from library.errors import ImportRefused, ManifestError
from library.importing import import_folder
from library.merging import merge_into
from library.store import write_library
from spectra.references import Grade
from spectra.values import Technique


def by_name(report):
    return {entry.substance.name: entry for entry in report.entries}


def test_names_come_from_label_or_file_name_and_facts_from_the_table(folder, enlighten):
    (folder / "Ibuprofen.csv").write_text(enlighten())
    (folder / "PET.csv").write_text(enlighten(phase=1))
    (folder / "scan7.csv").write_text(enlighten("Paracetamol", phase=2))
    (folder / "SOURCE.md").write_text("# where from")
    (folder / ".hidden").write_text("x")
    (folder / "sub").mkdir()
    seen = []
    report = import_folder(folder, progress=lambda *step: seen.append(step))
    assert seen == [(1, 3, "Ibuprofen.csv"), (2, 3, "PET.csv"), (3, 3, "scan7.csv")]
    assert (report.refused, report.unlisted, report.notes) == ((), (), ())
    found = by_name(report)
    assert set(found) == {"Ibuprofen", "PET", "Paracetamol"}
    ibuprofen = found["Ibuprofen"]
    assert ibuprofen.grade is Grade.MEASURED
    assert ibuprofen.substance.cas == "15687-27-1"
    assert ibuprofen.instrument == "WP-785X WP-01990"
    assert ibuprofen.source == "file Ibuprofen.csv"
    assert ibuprofen.reference_id.startswith("raman-ibuprofen-")
    assert found["PET"].packaging
    assert not ibuprofen.packaging
    assert "polyethylene terephthalate" in found["PET"].substance.synonyms
    assert found["Paracetamol"].substance.synonyms[0] == "acetaminophen"


def test_two_names_of_one_compound_are_linked(folder, enlighten):
    (folder / "2-Propanol.csv").write_text(enlighten())
    (folder / "isopropanol.csv").write_text(enlighten(phase=1))
    report = import_folder(folder)
    assert report.duplicates == (("2-Propanol", "isopropanol"),)
    assert by_name(report)["isopropanol"].equivalents == ("2-Propanol",)


def test_a_label_tells_salt_and_identifiers(folder, jcamp):
    (folder / "a.jdx").write_text(jcamp("Cocaine HCl"))
    (folder / "b.jdx").write_text(jcamp("Novelfentanyl base", shift=1))
    (folder / "c.jdx").write_text(jcamp("Sodium Quixotate", shift=2))
    more = "##$INCHIKEY=PJMPHNIQZUBGLI-UHFFFAOYSA-N\n##$FORM=citrate\n##NAMES=something\n"
    (folder / "d.jdx").write_text(jcamp("Exhibit", more=more, shift=3))
    found = by_name(import_folder(folder))
    assert (found["Cocaine"].form, found["Cocaine"].substance.controlled) == ("HCl", True)
    assert found["Novelfentanyl"].form == "base"
    assert found["Sodium Quixotate"].form == ""
    exhibit = found["Exhibit"]
    assert exhibit.substance.controlled
    assert "fentanyl" in exhibit.substance.synonyms
    assert exhibit.form == "citrate"
    assert exhibit.source == "file d.jdx; a laboratory"
    assert exhibit.licence == "owner: nobody"


def test_the_manifest_wins(folder, jcamp):
    (folder / "a.jdx").write_text(jcamp("wrong"))
    (folder / "left.jdx").write_text(jcamp("left out"))
    (folder / "manifest.csv").write_text(
        "file,name,synonyms,class,form,technique,measurement,inchikey,cas,schedule,source,licence\n"
        "a.jdx,Heroin,brown|heroin,opioid,base,raman,,GVGLGOZIDCSQPN-PVHGPHFFSA-N,561-27-3,I (here),our own,CC0\n"
        "gone.jdx,x,,,,,,,,,,\n"
    )
    report = import_folder(folder)
    assert report.unlisted == ("left.jdx",)
    assert report.refused == (("gone.jdx", "not in the folder, but listed in manifest.csv"),)
    (entry,) = report.entries
    assert entry.substance.name == "Heroin"
    assert entry.substance.synonyms[:2] == ("brown", "diamorphine")
    assert (entry.substance.schedule, entry.substance.jurisdiction) == ("I (here)", "")
    assert (entry.form, entry.source, entry.licence) == ("base", "our own", "CC0")
    assert entry.technique is Technique.RAMAN
    assert "the file says ftir, the manifest raman" in entry.spectrum.history[-1]


def test_the_safe_side_of_the_law(folder, jcamp):
    rows = [
        ("new.jdx", "Newfentanyl", "fentanyl_analogue", ""),
        ("odd.jdx", "Oddity", "other", ""),
        ("free.jdx", "Methadone", "benign", ""),
        ("freed.jdx", "Morphine", "opioid", "none"),
    ]
    for number, (file, *_) in enumerate(rows):
        (folder / file).write_text(jcamp(shift=number))
    lines = "".join(",".join(row) + "\n" for row in rows)
    (folder / "manifest.csv").write_text("file,name,class,schedule\n" + lines)
    report = import_folder(folder)
    found = by_name(report)
    assert found["Newfentanyl"].substance.controlled
    assert found["Newfentanyl"].substance.schedule.startswith("check")
    assert not found["Oddity"].substance.controlled
    assert found["Methadone"].substance.controlled
    assert found["Methadone"].substance.substance_class == "benign"
    assert not found["Morphine"].substance.controlled
    assert any("freed.jdx: manifest.csv says schedule 'none'" in note for note in report.notes)
    assert any(note.endswith(": Oddity") for note in report.notes)


def test_a_name_that_contradicts_its_identifier_is_noted(folder, jcamp):
    (folder / "a.jdx").write_text(jcamp("Caffeine", more="##$INCHIKEY=PJMPHNIQZUBGLI-UHFFFAOYSA-N\n"))
    assert "but its InChIKey or CAS number is fentanyl" in import_folder(folder).notes[0]


def test_vapour_is_put_aside_unless_asked_for(folder, jcamp):
    (folder / "a.jdx").write_text(jcamp("Fentanyl base", more="##SAMPLING PROCEDURE=GC-IR\n"))
    (folder / "b.jdx").write_text(jcamp("Fentanyl base", more="##SAMPLING PROCEDURE=ATR\n", shift=1))
    report = import_folder(folder)
    assert len(report.entries) == 1
    assert report.refused[0][0] == "a.jdx"
    assert "--include-vapour" in report.refused[0][1]
    assert report.entries[0].spectrum.history[-1] == "measured by ATR"
    both = import_folder(folder, include_vapour=True)
    assert {entry.form for entry in both.entries} == {"base", "base, vapour"}


def test_copies_are_told(folder, enlighten):
    (folder / "urea.csv").write_text(enlighten("Urea"))
    (folder / "urea2.csv").write_text(enlighten("Urea"))
    (folder / "zinc.csv").write_text(enlighten("Caffeine"))
    report = import_folder(folder)
    assert report.refused == (("urea2.csv", "the same spectrum under the same name as urea.csv"),)
    assert report.notes == ("zinc.csv: the same numbers as urea.csv under another name",)


def test_an_unknown_technique_names_the_option(folder):
    (folder / "urea.txt").write_text("".join(f"{400 + i}\t{i % 7 + 1}\n" for i in range(50)))
    report = import_folder(folder)
    assert report.entries == ()
    assert "--technique" in report.refused[0][1]
    (entry,) = import_folder(folder, technique=Technique.RAMAN, laser_nm=785.0).entries
    assert (entry.substance.name, entry.spectrum.laser_nm) == ("urea", 785.0)


def test_hostile_folders_fail_file_by_file(folder, enlighten, tmp_path):
    good = enlighten()
    (folder / "Urea.csv").write_text(good)
    (folder / "bin.csv").write_bytes(os.urandom(300))
    (folder / "empty.csv").write_bytes(b"")
    (folder / "cut.csv").write_text(good[:200])
    (folder / "nan.csv").write_text(good.replace("100.000", "nan"))
    os.mkfifo(folder / "pipe.csv")
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "far.csv").symlink_to("/etc/passwd")
    (folder / "line\nbreak.csv").write_text(good)
    (folder / os.fsdecode(b"bad\xff.csv")).write_text(good)
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(40 << 20)
    report = import_folder(folder)
    assert [entry.substance.name for entry in report.entries] == ["Urea"]
    assert len(report.refused) == 10
    assert all(why and "\n" not in why for _, why in report.refused)
    reasons = dict(report.refused)
    assert reasons["pipe.csv"] == "no regular file"
    assert "leads out" in reasons["far.csv"]
    assert "more than" in reasons["huge.csv"]
    write_library(tmp_path / "lib.h5", report.entries, name="x")


def test_a_hostile_manifest_reaches_nothing_outside(folder, enlighten):
    (folder.parent / "secret.csv").write_text(enlighten("Urea"))
    (folder / "manifest.csv").write_text(
        f"file,technique,cas\n../secret.csv,,\n{folder.parent}/secret.csv,,\n.,,\nx,nmr,\ny,,1-1-1\n"
    )
    report = import_folder(folder)
    assert report.entries == ()
    assert len(report.refused) == 5
    assert [("leads out" in why) for _, why in report.refused] == [True, True, False, False, False]


def test_nothing_to_import(folder, tmp_path):
    with pytest.raises(ImportRefused, match="no file"):
        import_folder(folder)
    with pytest.raises(ImportRefused, match="not a folder"):
        import_folder(tmp_path / "none")
    (folder / "manifest.csv").write_text("file\n")
    with pytest.raises(ImportRefused, match="no file"):
        import_folder(folder)
    (folder / "manifest.csv").write_text("colour\n")
    with pytest.raises(ManifestError):
        import_folder(folder)


def test_importing_twice_adds_nothing(folder, enlighten, tmp_path):
    (folder / "Urea.csv").write_text(enlighten())
    first = merge_into(tmp_path / "lib.h5", import_folder(folder).entries)
    second = merge_into(tmp_path / "lib.h5", import_folder(folder).entries)
    assert (second.added, second.replaced) == (0, 1)
    assert second.library.digest == first.library.digest


@pytest.mark.shared
def test_the_enlighten_library_imports_whole():
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data" / "raman785-library"
    report = import_folder(folder)
    assert len(report.entries) == 80
    assert (report.refused, report.unlisted, report.notes) == ((), (), ())
    assert {entry.substance.name for entry in report.entries} == {path.stem for path in folder.glob("*.csv")}
    assert report.duplicates == (
        ("2-Butanone", "Methyl Ethyl Ketone"),
        ("2-Propanol", "isopropanol"),
        ("Citric Acid", "Citric Acid Anhydrate"),
    )
    assert sum(entry.packaging for entry in report.entries) == 5
    assert not any(entry.substance.controlled for entry in report.entries)
    assert all(entry.substance.substance_class != "unknown" for entry in report.entries)


@pytest.mark.shared
def test_every_atr_spectrum_of_the_drugs_imports():
    folder = Path(os.environ["OPIOSCAN_SHARED"]) / "data" / "ftir-drugs"
    report = import_folder(folder)
    assert (len(report.entries), len(report.refused), report.unlisted) == (75, 7, ())
    assert all("vapour" in why for _, why in report.refused)
    found = by_name(report)
    assert found["Amphetamine"].substance.controlled
    assert found["Cocaine"].substance.controlled
    assert all(e.substance.controlled for e in report.entries if e.substance.substance_class == "nitazene")
    assert all(
        e.substance.controlled for e in report.entries if e.substance.substance_class == "fentanyl_analogue"
    )
    assert found["Paracetamol"].substance.synonyms[0] == "acetaminophen"
    assert len(import_folder(folder, include_vapour=True).entries) == 82
