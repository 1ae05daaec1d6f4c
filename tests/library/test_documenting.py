"""Documented authentication: by the manifest, for an import, or later; whole and well-formed, or refused."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from library.changes import read_changes
from library.documenting import Papers, authentication_of, moment_of, undocumented, with_papers
from library.errors import AuthenticationRefused, EditRefused
from library.importing import import_folder
from library.store import read_library, write_library
from library.vouching import document_all
from service.cli.start import run
from spectra.references import Grade, Substance

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = "2026-11-20T10:30:00+01:00"
PAPERS = Papers(authenticated_by="Grace Hopper", authenticated_at=AT, basis="NMR")
HEAD = "file,authenticated_by,authenticated_at,basis,certificate,lot,supplier,sample,expires\n"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPIOSCAN_HOME", str(tmp_path / "home"))


@pytest.fixture
def cocaine(folder, jcamp):
    (folder / "c.jdx").write_text(jcamp())
    return folder


def imported(folder, rows="", **more):
    if rows:
        (folder / "manifest.csv").write_text(rows)
    return import_folder(folder, now=NOW, **more)


def ask(capsys, *words, code=0):
    assert run(["library", *map(str, words)]) == code, capsys.readouterr()
    return capsys.readouterr()


def test_a_manifest_documents_its_files(cocaine):
    (cocaine / "coa.txt").write_bytes(b"pure")
    found = imported(cocaine, f"{HEAD}c.jdx,Grace Hopper,{AT},NMR,coa.txt,L-1,Chem Ltd,S 7,2026-11-20\n")
    (entry,) = found.entries
    vouched = entry.authentication
    assert (vouched.authenticated_by, vouched.authenticated_at) == ("Grace Hopper", "2026-11-20T09:30:00Z")
    assert (vouched.basis, vouched.lot, vouched.supplier, vouched.sample) == ("NMR", "L-1", "Chem Ltd", "S 7")
    assert (vouched.expires, vouched.emulated, vouched.replicates) == ("2026-11-20", False, 0)
    assert (vouched.certificate, vouched.certificate_sha256) == ("coa.txt", sha256(b"pure").hexdigest())
    assert found.unlisted == ()
    assert undocumented(found.entries) == ()


def test_no_file_vouches_for_itself(cocaine, jcamp):
    (cocaine / "c.jdx").write_text(jcamp(more="##$AUTHENTICATED_BY=Grace\n##$BASIS=NMR\n##OPERATOR=Ada\n"))
    (entry,) = imported(cocaine).entries
    assert entry.authentication is None
    assert undocumented([entry]) == (entry,)
    (entry,) = imported(cocaine, papers=PAPERS).entries
    assert entry.authentication.operators == ("Ada",)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (f"Grace,{AT},,,,,,", "no basis"),
        (",,,,L-1,,,", "says lot but no authenticated_by and no authenticated_at and no basis"),
        ("Grace,,NMR,,,,,", "no authenticated_at"),
        ("Grace,2026-11-20,NMR,,,,,", "no time of RFC 3339"),
        ("Grace,2026-11-20T10:30:00,NMR,,,,,", "no time of RFC 3339"),
        ("Grace,2026-13-20T10:30:00Z,NMR,,,,,", "no time of RFC 3339"),
        ("Grace,2026-11-23T10:30:00Z,NMR,,,,,", "yet to come"),
        (f"Grace,{AT},NMR,,,,,soon", "say a date such as"),
        (f"Grace,{AT},NMR,,,,,2026-11-19", "the lot expired on 2026-11-19"),
        (f"ADA  smith,{AT},NMR,,,,,", "must not have measured it"),
        (f"{'G' * 501},{AT},NMR,,,,,", "at most 500"),
    ],
)
def test_half_an_authentication_is_none(cocaine, jcamp, cells, why):
    (cocaine / "c.jdx").write_text(jcamp(more="##OPERATOR=Ada Smith\n"))
    (cocaine / "good.jdx").write_text(jcamp("Urea", shift=3))
    found = imported(cocaine, f"{HEAD}c.jdx,{cells}\ngood.jdx,,,,,,,,\n")
    assert [entry.substance.name for entry in found.entries] == ["Urea"]
    ((file, reason),) = found.refused
    assert file == "c.jdx"
    assert why in reason


def test_a_row_goes_before_what_was_said_of_the_folder(cocaine, jcamp):
    (cocaine / "b.jdx").write_text(jcamp("Urea", shift=3))
    rows = f"{HEAD}c.jdx,Linus,{AT},GC-MS,,,,,\nb.jdx,,,,,L-2,,,\n"
    cocaine_entry, urea = (entry.authentication for entry in imported(cocaine, rows, papers=PAPERS).entries)
    assert (cocaine_entry.authenticated_by, cocaine_entry.basis) == ("Linus", "GC-MS")
    assert (urea.authenticated_by, urea.lot) == ("Grace Hopper", "L-2")
    with pytest.raises(AuthenticationRefused, match="yet to come"):
        imported(cocaine, papers=replace(PAPERS, authenticated_at="2027-01-01T00:00:00Z"))


def test_times_are_kept_in_utc():
    assert moment_of("2026-11-20t09:30:00z") == moment_of(AT)
    for text in ("", "2026-11-20 09:30:00Z", "٢٠٢٦-11-20T09:30:00Z", "0001-01-01T00:00:00+23:59"):
        with pytest.raises(AuthenticationRefused):
            moment_of(text)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(list(PAPERS.told()) + ["expires", "lot"]), st.text(max_size=30)))
def test_whatever_is_said_is_an_authentication_or_refused(told):
    with suppress(AuthenticationRefused):
        made = authentication_of(Papers(**{**PAPERS.told(), **told}), now=NOW)
        assert made.authenticated_by.strip()
        assert moment_of(made.authenticated_at) <= NOW


def test_only_a_real_sample_can_be_vouched_for(make_entry):
    entry = make_entry(name="Heroin")
    assert with_papers(entry, PAPERS).authentication == authentication_of(PAPERS)
    for grade in (Grade.DERIVED, Grade.LITERATURE):
        with pytest.raises(AuthenticationRefused, match="no sample"):
            with_papers(replace(entry, grade=grade), PAPERS)
    measured = replace(with_papers(entry, PAPERS).authentication, operators=("Ada",), replicates=9)
    again = with_papers(replace(entry, authentication=measured), replace(PAPERS, authenticated_by="Linus"))
    assert (again.authentication.authenticated_by, again.authentication.replicates) == ("Linus", 9)
    with pytest.raises(AuthenticationRefused, match="must not have measured"):
        with_papers(replace(entry, authentication=measured), replace(PAPERS, authenticated_by="ada"))
    for emulated in (
        replace(entry, authentication=replace(measured, emulated=True)),
        replace(entry, instrument="STS S1 (emulated)"),
    ):
        with pytest.raises(AuthenticationRefused, match="no papers change that"):
            with_papers(emulated, PAPERS)


def test_an_import_says_what_names_nothing_and_how_to_mend_it(cocaine, tmp_path, capsys):
    path, page = tmp_path / "lab.h5", tmp_path / "r.html"
    said = ask(capsys, "import", cocaine, "--into", path, "--report", page)
    line = next(line for line in said.err.splitlines() if "no documented authentication" in line)
    assert "1 entry of a controlled substance has" in line
    assert "names no substance: Cocaine;" in line
    assert f"opioscan library edit {path} ENTRY --authenticated-by NAME --basis TEXT" in line
    assert "controlled, not documented" in page.read_text()
    assert "no documented authentication" in page.read_text()
    assert run(["library", "check", str(path)]) in {0, 1}
    assert "no documented authentication" in capsys.readouterr().out
    said = ask(capsys, "import", cocaine, "--into", path, "--json")
    (key,) = json.loads(said.out)["controlled_undocumented"]
    ask(capsys, "import", cocaine, "--into", path, "--authenticated-by", "Grace", code=2)
    ask(capsys, "import", cocaine, "--into", path, "--authenticated-at", AT, code=2)
    ask(capsys, "import", cocaine, "--into", path, "--authenticated-by", "G", "--basis", "x",
        "--authenticated-at", "yesterday", code=4)  # fmt: skip
    said = ask(capsys, "import", cocaine, "--into", path, "--authenticated-by", "Grace", "--basis", "CoA 3")
    assert "no documented" not in said.err
    listed = json.loads(ask(capsys, "list", path, "--json").out)
    assert (listed["reference_id"], listed["authentication"]["basis"]) == (key, "CoA 3")
    shown = ask(capsys, "show", path, "Cocaine").out
    assert "by Grace on 20" in shown
    # Without that person's word, the same file does not take its place.
    assert "none of 1 files imported" in ask(capsys, "import", cocaine, "--into", path, code=4).err


def test_an_entry_is_documented_later(cocaine, tmp_path, capsys):
    path, coa = tmp_path / "lab.h5", tmp_path / "coa 7.pdf"
    coa.write_bytes(b"%PDF")
    ask(capsys, "import", cocaine, "--into", path)
    edit = ["edit", path, "Cocaine", "--by", "anna"]
    for half in (["--authenticated-by", "Grace"], ["--basis", "NMR"], ["--lot", "L-1"], []):
        ask(capsys, *edit, *half, code=2)
    ask(capsys, "edit", path, "--authenticated-by", "G", "--basis", "x", code=2)
    papers = ["--authenticated-by", "Grace", "--basis", "NMR", "--certificate", coa, "--lot", "L-1"]
    said = json.loads(ask(capsys, *edit, *papers, "--set", "form=powder", "--json").out)
    assert said["entry"]["authentication"]["certificate_sha256"] == sha256(b"%PDF").hexdigest()
    changed = {one["field"]: one["new"] for one in said["changes"]}
    assert (changed["authentication.authenticated_by"], changed["form"]) == ("Grace", "powder")
    record = read_changes(path)[-1]
    assert (record["action"], record["by"]) == ("edit", "anna")
    assert any("authentication.basis from '' to 'NMR'" in step for step in said["entry"]["history"])
    assert "vouches for it already" in ask(capsys, *edit, *papers, code=4).err
    said = json.loads(ask(capsys, *edit, *papers[:4], "--reason", "wrong lot", "--json").out)
    assert said["entry"]["authentication"]["lot"] == ""
    renamed = ask(
        capsys, *edit, "--set", "name=Urea", "--set", "cas=57-13-6", *papers, "--reason", "mixed up"
    )
    assert "authenticate again" not in renamed.err
    assert read_library(path).entries[0].authentication.authenticated_by == "Grace"


def test_all_that_nobody_vouches_for_are_documented_at_once(make_entry, tmp_path, capsys):
    path = tmp_path / "lab.h5"
    write_library(path, [
        make_entry("Heroin", number=1, instrument="STS S1 (emulated)"),
        make_entry("Urea", number=2),
        with_papers(make_entry("Oddity", number=3), replace(PAPERS, authenticated_by="Linus")),
        make_entry("Glycine", number=4, grade=Grade.DERIVED),
        make_entry("Lactose", number=5),
    ], name="lab")  # fmt: skip
    ask(capsys, "edit", path, "--all", "--set", "form=x", "--authenticated-by", "G", "--basis", "x", code=2)
    ask(capsys, "edit", path, "Urea", "--all", "--authenticated-by", "G", "--basis", "x", code=2)
    said = ask(capsys, "edit", path, "--all", "--authenticated-by", "Grace", "--basis", "round robin")
    assert "2 entries documented; 5 in all" in said.out
    assert "emulated device" in said.err
    by = {
        e.substance.name: getattr(e.authentication, "authenticated_by", "")
        for e in read_library(path).entries
    }
    assert by == {"Heroin": "", "Urea": "Grace", "Oddity": "Linus", "Glycine": "", "Lactose": "Grace"}
    (record,) = read_changes(path)
    assert (record["action"], len(record["entries"])) == ("document", 2)
    with pytest.raises(EditRefused, match="no measured entry"):
        document_all(path, PAPERS, by="anna", at="2026-11-22T12:00:00Z")


def test_an_exported_library_keeps_its_own_and_takes_what_is_said(make_entry, tmp_path, capsys):
    own = with_papers(make_entry("Urea", number=2), replace(PAPERS, authenticated_by="Linus"))
    bare = make_entry("Heroin", number=1)
    bare = replace(bare, substance=Substance("Heroin", controlled=True))
    write_library(tmp_path / "a.h5", [own, bare], name="a")
    ask(capsys, "export", tmp_path / "a.h5", tmp_path / "out")
    found = import_folder(tmp_path / "out", papers=PAPERS)
    by = {entry.substance.name: entry.authentication.authenticated_by for entry in found.entries}
    assert by == {"Urea": "Linus", "Heroin": "Grace Hopper"}
