"""Drafts of references, what they amount to, and the record of who vouches; replicates are simulated."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from library.admission import admit
from library.assignments import parse_assignment
from library.authenticating import authenticate, authenticated_entry
from library.averaging import average
from library.comparing import compare
from library.draft_json import draft_json, read_draft, write_draft
from library.drafts import Draft, Replicate, Sample, Session
from library.editing import edit_entry
from library.entry_json import entry_head, entry_of_head
from library.errors import AuthenticationRefused, DraftError, LibraryExists, LibraryFormatError
from library.exporting import export_folder
from library.importing import ImportReport, import_folder
from library.judging import judge, without_struck
from library.merging import merge_into
from library.starter import starter_entries
from library.store import content_digest, read_library, write_library
from library.substances import SubstanceTable
from spectra.errors import ValueRangeError
from spectra.references import Authentication
from spectra.values import DeviceInfo, Technique

AT = "2026-11-22T10:00:00Z"
NOISE = 0.004


@pytest.fixture(scope="module")
def caffeine():
    return next(
        one
        for one in starter_entries()
        if one.substance.name == "caffeine" and one.technique is Technique.RAMAN
    )


@pytest.fixture
def make_draft(caffeine):
    """Return a maker of drafts: a starter spectrum with noise, coupled in differently, as a bench would give."""

    def make(count=6, *, noise=NOISE, substance="caffeine", axis_state="verified", **more):
        rng = np.random.default_rng(7)
        clean = caffeine.spectrum
        top = float(clean.intensity.max())
        replicates = [
            Replicate(
                scan_id=f"{i:064x}",
                session=0,
                spot=i // 2 + 1,
                number=i % 2 + 1,
                taken_at=f"2026-11-{20 + i % 2}T09:0{i}:00Z",
                exposure_s=1.0,
                accumulations=3,
                laser_mw=100.0,
                saturated=False,
                snr=200.0,
                intensity=(0.5 + 0.2 * i) * (clean.intensity + rng.normal(0, noise * top, clean.axis.size)),
            )
            for i in range(count)
        ]
        session = Session(begun_at=AT, operator="Ada Smith", asked_on="terminal", axis=axis_state)
        papers = {"certificate": "CoA 4711", "lot": "L-1", "expires": "2027-06-30"}
        made = Draft(
            sample=Sample(substance=substance, **papers),
            technique=Technique.RAMAN,
            device=DeviceInfo("STS", "S1"),
            laser_nm=785.0,
            resolution_cm1=7.0,
            axis=clean.axis,
            sessions=(session,),
            replicates=tuple(replicates),
        )
        return replace(made, **more)

    return make


@pytest.fixture
def vouched(make_draft):
    return authenticated_entry(make_draft(), (), "lab", by="Grace", at=AT, basis="NMR")[0]


def refused(draft, held=(), library="lab", *, by="Grace", at=AT, basis="NMR", accepted=()):
    with pytest.raises(AuthenticationRefused) as caught:
        authenticated_entry(draft, held, library, by=by, at=at, basis=basis, accepted=accepted)
    return str(caught.value)


def test_an_entry_without_authentication_is_written_as_before_there_was_one(caffeine, vouched):
    assert "authentication" not in entry_head(caffeine)
    bare = replace(vouched, authentication=None)
    assert content_digest([bare], name="x") != content_digest([vouched], name="x")
    other = replace(vouched, authentication=replace(vouched.authentication, lot="L-2"))
    assert content_digest([other], name="x") != content_digest([vouched], name="x")
    (change,) = compare([vouched], [other]).changed
    assert change.facts == (("authentication.lot", "L-1", "L-2"),)


def test_the_record_survives_a_library_and_an_export(vouched, tmp_path):
    write_library(tmp_path / "a.h5", [vouched], name="a")
    library = read_library(tmp_path / "a.h5")
    (kept,) = library.entries
    assert kept.authentication == vouched.authentication
    export_folder(library, tmp_path / "out")
    (again,) = import_folder(tmp_path / "out").entries
    assert again.authentication == vouched.authentication


@pytest.mark.parametrize(
    "change",
    [
        {"authentication": None},
        {"authentication": {}},
        {"authentication": {"basis": 1}},
        {"lot": 3},
        {"replicates": True},
        {"agreement": 2.0},
        {"scans": [1]},
        {"authenticated_by": "Ada Smith"},
        {"surprise": ""},
    ],
)
def test_a_damaged_record_is_refused(vouched, change):
    head, spectrum = entry_head(vouched), vouched.spectrum
    damaged = (
        change if "authentication" in change else {"authentication": {**head["authentication"], **change}}
    )
    with pytest.raises(LibraryFormatError):
        entry_of_head(
            {**head, **damaged}, axis=spectrum.axis, intensity=spectrum.intensity, noise=spectrum.noise
        )


@pytest.mark.parametrize(
    "facts",
    [{"substance": " "}, {"cas": "58-08-3"}, {"inchikey": "X"}, {"expires": "soon"}, {"lot": "a\nb"}],
)
def test_a_sample_says_what_it_is_in_known_forms(facts):
    with pytest.raises(ValueRangeError):
        Sample(**{"substance": "caffeine", **facts})
    with pytest.raises(DraftError, match="another sample is another draft"):
        Sample(substance="caffeine", lot="L-1").with_more({"lot": "L-2"})
    with pytest.raises(DraftError, match="another sample is another draft"):
        Sample(substance="caffeine", lot="12-3").with_more({"lot": "123"})
    assert Sample(substance="caffeine", lot="12-3").with_more({"substance": "Caffeine"}).lot == "12-3"


def test_nobody_vouches_for_what_he_measured():
    with pytest.raises(ValueRangeError, match="must not have measured"):
        Authentication(
            authenticated_by="ada  SMITH", authenticated_at=AT, basis="x", operators=("Ada Smith",)
        )
    with pytest.raises(ValueRangeError, match="needs basis"):
        Authentication(authenticated_by="Grace", authenticated_at=AT, basis=" ")


def test_what_is_missing_is_said(make_draft, caffeine):
    draft = make_draft()
    assert "a second person" in refused(draft, by="ADA smith")
    assert "--basis" in refused(draft, basis=" ")
    bare = replace(draft, sample=Sample(substance="caffeine", lot="L-1"))
    assert "say --certificate --expires" in refused(bare)
    assert "expired on 2027-06-30" in refused(draft, at="2027-07-01T00:00:00Z")
    assert "2 usable replicate(s)" in refused(make_draft(2))
    unverified = make_draft(axis_state="overdue")
    assert "verification was overdue" in refused(unverified)
    assert authenticated_entry(unverified, (), "Training lab", by="G", at=AT, basis="b")[0].authentication
    first = draft.replicates[0]
    flipped = replace(first, intensity=first.intensity[::-1].copy())
    assert "do not agree" in refused(replace(draft, replicates=(flipped, *draft.replicates[1:])))


def test_an_emulated_controlled_substance_stays_in_training(make_draft):
    emulated = DeviceInfo("STS", "S1", emulated=True)
    draft = make_draft(substance="fentanyl", device=emulated)
    assert "training library" in refused(draft, accepted=["bands_missing", "axis_suspect"])
    entry, _ = authenticated_entry(
        *(draft, (), "training"), by="G", at=AT, basis="b", accepted=["bands_missing", "axis_suspect"]
    )
    assert entry.substance.controlled
    assert entry.authentication.emulated


def test_findings_to_be_checked_are_looked_at_first(make_draft, caffeine):
    draft = make_draft(substance="ibuprofen")
    words = refused(draft, [caffeine])
    assert "--accept bands_missing" in words
    codes = [word for word in words.split() if word in {"bands_missing", "same_or_alike", "weak"}]
    entry, _ = authenticated_entry(draft, [caffeine], "lab", by="G", at=AT, basis="b", accepted=codes)
    assert entry.spectrum.history[-1].startswith("authenticated in spite of: bands_missing")


def test_the_average_is_less_noisy_and_says_by_how_much(make_draft, caffeine):
    draft = make_draft(9)
    mean, clean = average(draft), caffeine.spectrum.intensity
    scale = float(mean.intensity @ clean / (clean @ clean))
    off = mean.intensity / scale - clean
    expected = NOISE * float(clean.max()) / 3.0
    assert float(np.std(off)) == pytest.approx(expected, rel=0.15)
    assert float(np.median(mean.noise)) / scale == pytest.approx(expected, rel=0.25)
    judgement = judge(draft)
    assert judgement.agreement > 0.95
    assert judgement.quality.figures.snr > 400


def test_a_cosmic_ray_costs_its_replicate_and_a_sharp_band_does_not(make_draft):
    draft, table = make_draft(), SubstanceTable.shipped()
    assert without_struck(draft, table) is draft

    def spiked(one, channel):
        values = one.intensity.copy()
        values[channel] += 2 * values.max()
        return replace(one, intensity=values)

    struck = replace(draft, replicates=(spiked(draft.replicates[0], 1200), *draft.replicates[1:]))
    found = without_struck(struck, table)
    assert [one.kept for one in found.replicates] == [False, *[True] * 5]
    assert found.replicates[0].refused == ("cosmic_rays",)
    everywhere = replace(draft, replicates=tuple(spiked(one, 1200) for one in draft.replicates))
    assert all(one.kept for one in without_struck(everywhere, table).replicates)


def test_a_draft_on_disk_is_verified_and_never_overwritten(make_draft, tmp_path):
    path, draft = tmp_path / "c.draft.json", make_draft(2)
    digest = write_draft(path, draft)
    with pytest.raises(LibraryExists):
        write_draft(path, draft)
    again, found = read_draft(path)
    assert (found, draft_json(again)) == (digest, draft_json(draft))
    write_draft(path, replace(draft, resolution_cm1=9.0), after=digest)
    with pytest.raises(DraftError, match="another program changed it"):
        write_draft(path, draft, after=digest)
    altered = json.loads(path.read_text())
    altered["sample"]["expires"] = "2099-01-01"
    path.write_text(json.dumps(altered))
    with pytest.raises(DraftError, match="altered by hand"):
        read_draft(path)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_draft_is_refused_in_one_line(data, tmp_path_factory, caffeine):
    path = tmp_path_factory.mktemp("d") / "d.json"
    text = '{"schema": "opioscan.reference-draft/1", "digest": "0", "sample": {}, "axis": [1, 2]}'
    at = data.draw(st.integers(0, len(text) - 1))
    path.write_text(text[:at] + data.draw(st.sampled_from(["", "{", "9", "\x00", "[" * 50])) + text[at + 1 :])
    with pytest.raises(DraftError) as caught:
        read_draft(path)
    assert "\n" not in str(caught.value)


def test_an_entry_is_authenticated_once_and_not_undone_by_an_import(make_draft, tmp_path):
    path, into = tmp_path / "c.draft.json", tmp_path / "lab.h5"
    write_draft(path, make_draft())
    done = authenticate(path, into, by="Grace", at=AT, basis="NMR")
    with pytest.raises(AuthenticationRefused, match="Grace authenticated it already"):
        authenticate(path, into, by="Linus", at=AT, basis="NMR")
    assert read_draft(path)[0].authenticated["entry"] == done.entry.reference_id
    edited = edit_entry(into, "caffeine", [parse_assignment("name=Caffein")], by="x", at=AT)
    assert edited.entry.authentication is None
    assert "authenticate again" in " ".join(edited.warnings)
    merge_into(into, [done.entry])
    kept = edit_entry(into, done.entry.reference_id, [parse_assignment("name=Caffeine")], by="x", at=AT)
    assert kept.entry.authentication == done.entry.authentication


def test_an_import_does_not_take_the_place_of_what_somebody_vouched_for(vouched):
    same = ImportReport(entries=(vouched,), refused=(), unlisted=(), duplicates=())
    assert admit(same, held=[vouched]).refused == ()
    bare = replace(same, entries=(replace(vouched, authentication=None),))
    (refusal,) = admit(bare, held=[vouched]).refused
    assert refusal.codes == ("edited_since",)


def test_an_import_says_whose_authentications_come_with_it(vouched, tmp_path):
    library = write_library(tmp_path / "other.h5", [vouched], name="other")
    export_folder(library, tmp_path / "out")
    (note,) = import_folder(tmp_path / "out").notes
    assert "1 entries bring their authentication" in note
    assert vouched.authentication.authenticated_by in note
