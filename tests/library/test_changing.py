"""Libraries changed by hand, compared, exported and read back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from library.assignments import Assignment, parse_assignment
from library.changes import changes_path, read_changes
from library.comparing import compare
from library.editing import edit_entry, remove_entry
from library.errors import (
    EditRefused,
    EntryNotFound,
    ImportRefused,
    LibraryExists,
    LibraryFormatError,
    ManifestError,
)
from library.exporting import export_facts, export_folder
from library.importing import import_folder
from library.merging import merge_into
from library.starter import starter_entries
from library.store import read_library, write_library
from spectra.values import Technique

WHO = {"by": "anna", "at": "2026-11-22T08:00:00Z"}


@pytest.fixture
def path(tmp_path, make_entry):
    entries = [
        make_entry("Oddity", number=1),
        make_entry("Heroin", number=2),
        make_entry("Urea", number=3, noise=True),
    ]
    write_library(tmp_path / "lib.h5", entries, name="ours")
    return tmp_path / "lib.h5"


def sets(*texts):
    return [parse_assignment(text) for text in texts]


def test_assignments_are_read_strictly():
    assert parse_assignment("synonyms+=a|b") == Assignment("synonyms", "+=", "a|b")
    wrong = [
        "name",
        "name=",
        "laser=1",
        "cas=1-2-3",
        "inchikey=x",
        "controlled=perhaps",
        "form+=x",
        "name=a\nb",
    ]
    for text in wrong:
        with pytest.raises(EditRefused):
            parse_assignment(text)


def test_an_edit_changes_facts_and_says_so(path):
    before = read_library(path)
    done = edit_entry(
        path, "Urea", sets("synonyms+=carbamide|urea N", "form=crystals"), reason="label", **WHO
    )
    after = read_library(path)
    entry = after.entry("carbamide")
    assert entry.reference_id == before.entry("Urea").reference_id
    assert entry.form == "crystals"
    assert entry.spectrum.history[-1].startswith("edited 2026-11-22T08:00:00Z by anna: synonyms from ''")
    assert entry.spectrum.history[-1].endswith("(label)")
    np.testing.assert_array_equal(entry.spectrum.intensity, before.entry("Urea").spectrum.intensity)
    assert {field for field, _, _ in done.changes} == {"synonyms", "form"}
    (record,) = read_changes(path)
    assert (record["before"], record["after"], record["action"]) == (before.digest, after.digest, "edit")
    assert done.library.digest == after.digest
    with pytest.raises(EditRefused, match="already"):
        edit_entry(path, "Urea", sets("form=crystals"), **WHO)
    with pytest.raises(EntryNotFound):
        edit_entry(path, "nobody", sets("form=x"), **WHO)
    assert read_library(path).digest == after.digest


def test_control_is_raised_by_the_table_and_never_lowered_silently(path):
    done = edit_entry(path, "Oddity", sets("name=fentanyl"), **WHO)
    assert done.entry.substance.controlled
    assert done.entry.substance.cas == "437-38-7"
    assert done.entry.substance.substance_class == "fentanyl_analogue"
    assert "counts as controlled" in done.warnings[0]
    back = edit_entry(
        path, done.entry.reference_id, sets("name=Oddity", "class=other", "schedule=none"), **WHO
    )
    assert back.entry.substance.controlled
    assert "it is still fentanyl" in back.warnings[0]
    bare = edit_entry(path, back.entry.reference_id, sets("cas=", "inchikey="), **WHO)
    assert bare.entry.substance.controlled
    assert "still counts as controlled" in bare.warnings[0]
    key = back.entry.reference_id
    with pytest.raises(EditRefused, match="reason"):
        edit_entry(path, key, sets("controlled=no"), **WHO)
    lowered = edit_entry(path, key, sets("controlled=no"), reason="was a slip", **WHO)
    assert not lowered.entry.substance.controlled
    assert lowered.warnings
    assert "controlled from 'yes' to 'no'" in lowered.entry.spectrum.history[-1]


def test_a_removed_entry_is_gone_and_remembered(path):
    with pytest.raises(EditRefused, match="reason"):
        remove_entry(path, "Urea", reason=" ", **WHO)
    done = remove_entry(path, "Urea", reason="wrong sample", **WHO)
    assert len(read_library(path).entries) == 2
    (record,) = read_changes(path)
    assert (record["entry"], record["reason"]) == (done.entry.reference_id, "wrong sample")


def test_a_journal_cut_off_goes_on(path):
    changes_path(path).write_bytes(b'{"half": ')
    assert read_changes(path) == ()
    with changes_path(path).open("ab") as file:
        file.write(b"1}\n")
    edit_entry(path, "Urea", sets("form=x"), **WHO)
    assert [record.get("action") for record in read_changes(path)] == [None, "edit"]
    with changes_path(path).open("ab") as file:
        file.write(b'{"half": ')
    edit_entry(path, "Urea", sets("form=y"), **WHO)
    assert [record.get("action") for record in read_changes(path)] == [None, "edit", "cut off", "edit"]
    changes_path(path).write_bytes(b"junk\n")
    with pytest.raises(LibraryFormatError):
        read_changes(path)


def test_versions_are_compared_field_by_field(path):
    before = read_library(path).entries
    heroin, odd, urea = before
    louder = replace(
        urea.spectrum, intensity=urea.spectrum.intensity * np.linspace(1, 1.1, urea.spectrum.axis.size)
    )
    moved = replace(odd, reference_id="raman-oddity-new")
    added = replace(heroin, reference_id="new", substance=replace(heroin.substance, name="New"))
    found = compare(before, [replace(heroin, form="base"), replace(urea, spectrum=louder), moved, added])
    assert [entry.reference_id for entry in found.added] == ["new"]
    assert (found.removed, found.same) == ((), 0)
    facts, numbers = found.changed
    assert facts.facts == (("form", "", "base"),)
    assert (numbers.facts, numbers.spectrum[:24]) == ((), "intensities differ by up")
    assert [(one.old, one.new) for one in found.remeasured] == [(odd.reference_id, "raman-oddity-new")]
    assert not compare(before, before).differs
    json.dumps(found.to_json(), allow_nan=False)


def same(one, other):
    assert not compare(one.entries, other.entries).differs
    assert [e.reference_id for e in one.entries] == [e.reference_id for e in other.entries]
    assert one.entries


@pytest.mark.parametrize("form", ["jdx", "csv"])
def test_what_is_exported_reads_back_to_the_same_entries(path, tmp_path, form):
    starters = [
        entry
        for entry in starter_entries()
        if entry.technique is Technique.FTIR or "a" in entry.reference_id[:8]
    ]
    merge_into(path, starters)
    library = read_library(path)
    assert export_folder(library, tmp_path / "out", form=form) == len(library.entries)
    report = import_folder(tmp_path / "out")
    assert (report.refused, report.unlisted, report.notes) == ((), (), ())
    same(library, merge_into(tmp_path / "again.h5", report.entries).library)
    assert sum(path.suffix == ".csv" for path in (tmp_path / "out").iterdir()) == (
        1 if form == "jdx" else len(library.entries)
    )
    with pytest.raises(LibraryExists):
        export_folder(library, tmp_path / "out")


def test_an_export_that_was_tampered_with_is_refused(path, tmp_path):
    out = tmp_path / "out"
    export_folder(read_library(path), out)
    first = min(out.glob("*.jdx"))
    first.write_bytes(first.read_bytes().replace(b"1.", b"2.", 1))
    report = import_folder(out)
    assert len(report.entries) == 2
    assert report.refused[0][0] == first.name
    (out / "manifest.csv").write_text("file\n")
    with pytest.raises(ImportRefused, match=r"entries\.json and manifest\.csv"):
        import_folder(out)
    (out / "manifest.csv").unlink()
    for damaged in ("junk", "[]", '{"schema": "opioscan.library-entries/1", "entries": [1]}', "[" * 100_000):
        (out / "entries.json").write_text(damaged)
        with pytest.raises(ManifestError):
            import_folder(out)


def test_facts_alone(path, tmp_path):
    library = read_library(path)
    export_facts(library, tmp_path / "facts.json")
    said = json.loads((tmp_path / "facts.json").read_text())
    assert (said["digest"], len(said["entries"])) == (library.digest, 3)
    with pytest.raises(LibraryExists):
        export_facts(library, tmp_path / "facts.json")
