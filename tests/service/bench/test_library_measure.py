"""A known sample at the emulated bench becomes a draft, and by a second person an entry."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from instrument.config import save_device
from library.changes import read_changes
from library.draft_json import read_draft, write_draft
from library.starter import starter_entries
from library.store import read_library
from service.bench.refusals import AccessoryUnclean, NotVerified
from service.cli import start
from service.errors import AgentRefused
from spectra.formats import encode_jcamp
from spectra.values import Role, Technique

PAPERS = ("--certificate", "CoA 4711", "--lot", "L-1", "--expires", "2099-12-31", "--supplier", "Chem Ltd")
GENTLE, TOO_LONG = "0.4", "4"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def caffeine(samples):
    entries = [one for one in starter_entries() if one.technique is Technique.RAMAN]
    entry = next(one for one in entries if one.substance.name == "caffeine")
    (samples / "caffeine.jdx").write_bytes(encode_jcamp(entry.spectrum, "caffeine"))
    return entry


@pytest.fixture
def ask(manned, monkeypatch, capsys):
    """Return what runs ``opioscan library`` in the home of the station: exit code, JSON lines, errors."""
    monkeypatch.setenv("OPIOSCAN_HOME", str(manned.settings.home))

    def ask(*words):
        code = start.run(["library", *map(str, words)])
        said = capsys.readouterr()
        return (
            code,
            [json.loads(line) for line in said.out.splitlines()] if "--json" in words else said.out,
            said.err,
        )

    return ask


@pytest.fixture
def measure(ask, tmp_path):
    """Return what measures caffeine into a draft, quickly."""

    def measure(draft, *more, into="lab.h5", exposure=GENTLE, spots=1, replicates=1, operator="Ada Smith"):
        return ask(
            *("measure", "caffeine", "--device", "b1", "--into", tmp_path / into, "--draft", draft, "--json"),
            *("--exposure", exposure, "--accumulations", "1", "--operator", operator),
            *("--spots", spots, "--replicates", replicates, *(more or ("--no-blank",))),
        )

    return measure


@pytest.fixture
def verified(rig, client, caffeine, quick):
    """Have the instrument verified and caffeine before the probe."""
    try:
        client.ready_for_reference("b1")
    except NotVerified:
        rig.put("polystyrene")
        assert client.verify("b1", **quick)["passed"]
    rig.put("caffeine")
    return client


def vouch(ask, draft, by, *more, into="lab.h5"):
    library = draft.with_name(into)
    return ask(
        "authenticate", draft, "--into", library, "--by", by, "--basis", "NMR and CoA", *more, "--json"
    )


def frames(client):
    """Return how many frames of the scan under way are done or begun."""
    activity = client.questions("b1")["device"]["activity"]
    return (activity or {}).get("done") or 0


def a_day_earlier(path):
    """Make what a draft holds a day older, as if the technician came back in the morning."""
    draft, digest = read_draft(path)
    older = [replace(one, taken_at=f"2026-01-01{one.taken_at[10:]}") for one in draft.replicates]
    write_draft(path, replace(draft, replicates=tuple(older)), after=digest)


def waiting(manned):
    """Return what waits for the server, but the method's file, which comes by itself."""
    return [op.key for op in manned.outbox.pending() if not op.key.startswith("method:")]


def test_two_days_become_an_entry_by_a_second_person(verified, manned, measure, ask, tmp_path, caffeine):
    draft, told = tmp_path / "c.draft.json", waiting(manned)
    code, lines, err = measure(draft, "--no-blank", *PAPERS, spots=2, replicates=2)
    assert code == 0, err
    assert [line["step"] for line in lines] == ["instrument", "blank", *["replicate"] * 4, "done"]
    assert "emulated device" in err
    a_day_earlier(draft)
    code, lines, err = measure(draft)
    assert code == 0, err
    done = lines[-1]
    assert (done["replicates"], done["spots"], done["days"]) == (5, 3, 2)
    assert done["agreement"] > 0.9
    assert waiting(manned) == told
    for one in read_draft(draft)[0].replicates:
        scan = manned.archive.get(one.scan_id)
        assert (scan.role, scan.item, scan.screening_id) == (Role.REFERENCE, "", "")

    for same in ("Ada Smith", " ada  SMITH "):
        code, _, err = vouch(ask, draft, same)
        assert code == 4
        assert "a second person has to authenticate it" in err
    assert not (tmp_path / "lab.h5").exists()
    code, (said,), err = vouch(ask, draft, "Grace Hopper")
    assert code == 0, err
    library = read_library(tmp_path / "lab.h5")
    (entry,) = library.entries
    record = entry.authentication
    assert record is not None
    assert (record.authenticated_by, record.operators) == ("Grace Hopper", ("Ada Smith",))
    assert (record.certificate, record.lot, record.expires) == ("CoA 4711", "L-1", "2099-12-31")
    assert (record.replicates, record.spots, record.days, record.emulated) == (5, 3, 2, True)
    assert record.agreement == pytest.approx(done["agreement"], abs=1e-4)
    assert said["entry"]["authentication"]["basis"] == "NMR and CoA"
    assert (str(entry.grade), "(emulated)" in entry.instrument) == ("measured", True)
    assert read_changes(library.path)[-1]["action"] == "authenticate"
    code, shown, _ = ask("show", library.path, "caffeine")
    assert "by Grace Hopper on 2" in shown
    assert "lot L-1" in shown
    assert vouch(ask, draft, "Edsger")[0] == 4
    code, _, err = measure(draft)
    assert code == 4
    assert "became an entry already" in err


def test_a_saturated_replicate_is_refused_and_told(verified, manned, measure, ask, tmp_path):
    draft = tmp_path / "s.draft.json"
    code, lines, err = measure(draft, exposure=TOO_LONG, replicates=3)
    assert code == 4
    assert "Measure again with less exposure" in err
    refused = [line for line in lines if line["step"] == "replicate"]
    assert [line["codes"] for line in refused] == [["saturated"]] * 2
    kept = read_draft(draft)[0]
    assert len(kept.replicates) == 2
    assert all(one.scan_id in manned.archive for one in kept.replicates)
    code, lines, err = measure(draft, replicates=2)
    assert code == 0, err
    assert lines[-1]["replicates"] == 2
    code, _, err = vouch(ask, draft, "Grace", *PAPERS)
    assert code == 4
    assert "3 at least" in err


def test_replicates_of_two_samples_do_not_agree(rig, verified, measure, ask, tmp_path):
    draft = tmp_path / "d.draft.json"
    assert measure(draft, "--no-blank", *PAPERS, replicates=2)[0] == 0
    rig.put("ibuprofen")
    code, _, err = measure(draft)
    assert code == 4
    assert "the replicates do not agree" in err
    assert len(read_draft(draft)[0].kept) == 3
    code, _, err = vouch(ask, draft, "Grace")
    assert code == 4
    assert "the replicates do not agree" in err


def test_nothing_is_fired_for_an_expired_lot_or_an_unverified_axis(rig, verified, measure, tmp_path, quick):
    before = len(rig.lit())
    code, _, err = measure(tmp_path / "e.draft.json", "--no-blank", "--expires", "2020-01-31", "--lot", "L-0")
    assert (code, "lot L-0 expired on 2020-01-31" in err) == (2, True)
    rig.put("polystyrene")
    rig.drift(1.8)
    assert verified.verify("b1", **quick)["verdict"] == "failed"
    rig.drift(0.0)
    rig.put("caffeine")
    after = len(rig.lit())
    code, _, err = measure(tmp_path / "e.draft.json")
    assert (code, "failed its verification" in err) == (3, True)
    with pytest.raises(NotVerified):
        verified.reference("b1", "caffeine", **quick)
    for said in ({"energetic": True}, {"eyewear": False}, {"asked_on": "terminal", "eyewear": True}):
        with pytest.raises(AgentRefused, match="nothing was fired"):
            verified.reference("b1", "caffeine", training=True, **quick, **said)
    assert not [power for _, power in rig.lit()[after:] if power]
    assert before < after
    assert not (tmp_path / "e.draft.json").exists()
    code, lines, err = measure(tmp_path / "e.draft.json", into="training.h5")
    assert code == 0, err
    assert lines[0]["axis"] == "failed"
    assert "training library only" in err


def test_a_blank_is_taken_off_openly(rig, verified, measure, manned, quick, tmp_path):
    rig.put("polyethylene")
    blank = verified.blank("b1", "pe vial", presentation="vial", exposure_s=float(GENTLE), accumulations=3)
    rig.put("caffeine")
    draft = tmp_path / "b.draft.json"
    code, _, err = measure(draft, "--blank", "pe vial")
    assert code == 0, err
    kept = read_draft(draft)[0]
    assert kept.sessions[0].blank_id == blank["scan_id"]
    assert any(f"blank {blank['scan_id'][:12]} taken off" in step for step in kept.replicates[0].history)


def test_what_touched_the_sample_is_cleaned_before_the_next_parcel(rig, verified, manned, quick):
    save_device(manned.settings.devices_path, replace(rig.config, name="vials", contact="vial"))
    try:
        for spot in (1, 2):
            verified.reference("vials", "caffeine", spot=spot, **quick)
        for name, reference in (("vials", "glucose"), ("b1", "glucose")):
            with pytest.raises(AccessoryUnclean, match="clean the vial holder of vials"):
                verified.reference(name, reference, **quick)
        with pytest.raises(AccessoryUnclean, match="reference caffeine"):
            verified.scan("b1", "NEXT-PARCEL", **quick)
    finally:
        rig.put("polyethylene")
        verified.blank("vials", "holder", **quick)


def test_an_infrared_instrument_is_known_by_its_first_file(manned, client, run_program, ask, tmp_path):
    bands = next(one for one in starter_entries() if one.technique is Technique.FTIR)
    sample, folder = tmp_path / "sample.jdx", tmp_path / "opus"
    sample.write_bytes(encode_jcamp(bands.spectrum, "bands"))
    folder.mkdir()
    program = run_program(
        *("instrument.emulators", "opus", "--folder", str(folder), "--sample", str(sample)),
        *("--speed", "50", "--pace", "0.05"),
    )
    url = f"opus+http://{program.about['address']}/opusrs?folder={folder}&pace_s=0.05&settle_s=0.1"
    few = ("--no-blank", "--spots", "1", "--replicates", "1", "--json")
    name, draft = bands.substance.name, tmp_path / "ir.draft.json"
    code, _, err = ask("measure", name, "--device", url, "--into", tmp_path / "lab.h5", *few)
    assert (code, "is kept, and no reference" in err) == (3, True)
    code, lines, err = ask(
        "measure", name, "--device", url, "--into", tmp_path / "training.h5", "--draft", draft, *few
    )
    assert code == 0, err
    assert (lines[0]["axis"], lines[-1]["figures"]["bands_matched"] > 10) == ("unknown", True)
    kept = read_draft(draft)[0]
    assert (kept.technique, kept.device.serial) == (Technique.FTIR, program.about["serial"])
    assert kept.sessions[0].axis == "missing"


class Hands:
    """Standard input of a technician who changes the sample and presses Enter."""

    def __init__(self, rig):
        self._rig = rig

    def isatty(self):
        return False

    def readline(self):
        self._rig.put("caffeine")
        return "\n"


def test_a_blank_is_taken_first_and_the_exposure_is_chosen(rig, verified, ask, monkeypatch, tmp_path):
    rig.put("polyethylene")
    monkeypatch.setattr("sys.stdin", Hands(rig))
    draft = tmp_path / "b.draft.json"
    words = ("measure", "caffeine", "--device", "b1", "--into", tmp_path / "lab.h5", "--draft", draft)
    few = ("--spots", "1", "--replicates", "1", "--take-blank", "--presentation", "vial", "--json")
    code, lines, err = ask(*words, *few)
    assert code == 0, err
    assert lines[1]["blank"] == "blank of caffeine"
    (one,) = read_draft(draft)[0].replicates
    assert (one.kept, one.accumulations) == (True, 3)
    assert any(f"blank {lines[1]['scan_id'][:12]} taken off" in step for step in one.history)


def test_ctrl_c_turns_the_laser_off_and_leaves_the_draft(
    rig, verified, measure, manned, tmp_path, wait_until
):
    draft = tmp_path / "i.draft.json"
    assert measure(draft)[0] == 0
    before, scans = read_draft(draft), set(manned.archive.scan_ids())
    words = ("measure", "caffeine", "--device", "b1", "--into", str(tmp_path / "lab.h5"), "--no-blank")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "service.cli.start",
            "library",
            *words,
            "--draft",
            str(draft),
            "--exposure",
            "4",
            "--accumulations",
            "60",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(manned.settings.home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: frames(verified) > 2, 30)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "read back as off" in err
    assert "holds 1 usable replicate" in err
    assert not rig.is_on
    assert read_draft(draft)[1] == before[1]
    wait_until(lambda: set(manned.archive.scan_ids()) - scans)
    (cut,) = set(manned.archive.scan_ids()) - scans
    assert manned.archive.get(cut).aborted
    assert manned.archive.get(cut).role is Role.REFERENCE


def test_on_a_terminal_it_guides_and_asks_before_anything_fires(rig, verified, manned, tmp_path, quick):
    rig.put("polystyrene")
    rig.drift(1.8)
    assert verified.verify("b1", **quick)["verdict"] == "failed"
    rig.drift(0.0)
    answers = {
        b"Verify it now, with polystyrene? [y/N]:": b"y\n",
        b"Put the POLYSTYRENE standard before the probe, then press Enter.": b"\n",
        # Asked for once a shift, and another test may have been asked.
        b"laser eyewear, for this shift? [y/N]:": b"y\n",
        b"energetic (explosive)? [y/N]:": b"n\n",
        b"Put the SAMPLE before the probe, then press Enter.": b"\n",
        b"Put ANOTHER SPOT of the sample (2) before the probe, then press Enter.": b"\n",
    }
    draft, (ours, theirs) = tmp_path / "t.draft.json", pty.openpty()
    words = ("library", "measure", "caffeine", "--device", "b1", "--into", str(tmp_path / "lab.h5"))
    few = ("--spots", "2", "--replicates", "1", "--exposure", GENTLE, "--accumulations", "1", "--no-blank")
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli.start", *words, *few, "--draft", str(draft)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(manned.settings.home)},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    seen, asked = b"", []
    with suppress(OSError):  # Linux's way to say that the other end of a pseudo-terminal is closed
        while select.select([ours], [], [], 30)[0] and (more := os.read(ours, 4096)):
            seen += more
            for question in [one for one in answers if one in seen and one not in asked]:
                asked.append(question)
                if b"standard" in question or b"SAMPLE" in question:
                    rig.put("polystyrene" if b"standard" in question else "caffeine")
                os.write(ours, answers[question])
    os.close(ours)
    out = process.communicate(timeout=20)[0].decode()
    assert process.returncode == 0, seen.decode()
    assert [one for one in answers if one in asked or b"eyewear" in one] == list(answers)
    assert "spot 2 of 2, replicate 1 of 1: kept" in out
    assert f"authenticate {draft}" in out
    assert out.rstrip().endswith("--certificate FILE --lot LOT --expires DATE")
    kept = read_draft(draft)[0]
    assert (kept.sessions[0].asked_on, kept.sessions[0].axis) == ("terminal", "verified")
    said = manned.archive.get(kept.kept[0].scan_id).settings["safety"]
    assert said == {"asked_on": "terminal", "eyewear": True, "energetic": False}
