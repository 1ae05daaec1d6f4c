"""The release gate: row by row against the released method; one row that got worse refuses."""

from dataclasses import replace

import pytest

from library.methods import fit_method
from library.starter import starter_entries
from library.store import read_library, write_library
from service.cli.spectrum_files import read_spectra
from service.release_gate import gate_lines, judge_release
from spectra.errors import FormatError
from spectra.formats import encode_csv
from spectra.method import WatchItem
from spectra.values import Technique

NOW = "2026-11-22T05:00:00Z"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A panel of four harmless samples, and a method that knows them all."""
    base = tmp_path_factory.mktemp("gate")
    raman = [e for e in starter_entries() if e.technique is Technique.RAMAN]
    chosen = [*raman[:3], next(e for e in raman if e.substance.name == "Metamizole")]
    write_library(base / "small.h5", chosen, name="small")
    rows = ["file,truth,technique,laser_nm"]
    for number, entry in enumerate(chosen):
        (base / f"{number}.csv").write_bytes(encode_csv(entry.spectrum))
        rows.append(f'{number}.csv,"{entry.substance.name}",raman,785')
    panel = base / "panel.csv"
    panel.write_text("\n".join(rows))
    watched = [WatchItem("Metamizole", 0.1)]
    method = fit_method(
        read_library(base / "small.h5"), name="ours", watch_list=watched, draws=25, false_alarm_rate=0.05
    )
    return panel, method


def without(method, place):
    """Return the method without one of its references."""
    technique, references = next(iter(method.sets.items()))
    keep = [row for row in range(len(references.entries)) if row != place]
    return replace(method, version=2, sets={technique: references.subset(keep)})


def judged(panel, new, old):
    def read(path, how, nm):
        return read_spectra(path, technique=how, laser_nm=nm)

    return judge_release(panel, new, old, read=read, now=NOW)


def test_a_first_release_has_nothing_to_be_worse_than(made):
    panel, method = made
    gate = judged(panel, method, None)
    assert gate.passed
    assert (gate.rows, gate.compared_with, gate.counts["wholly right"]) == (4, "", 4)
    assert list(gate_lines(gate))[-1] == "first release of this method: nothing to compare with"


def test_the_same_method_is_not_worse(made):
    panel, method = made
    gate = judged(panel, replace(method, version=2), method)
    assert (gate.worse, gate.better, gate.compared_with) == ((), (), "ours@1")


def test_a_method_that_lost_a_substance_is_worse_there_and_told_how(made):
    panel, method = made
    references = next(iter(method.sets.values()))
    gone = references.entries[0].substance.name
    worse = judged(panel, without(method, 0), method)
    assert not worse.passed
    assert any(f"{gone} is no longer named" in change.how for change in worse.worse)
    assert all(change.line > 1 and change.file.endswith(".csv") for change in worse.worse)
    better = judged(panel, method, without(method, 0))
    assert better.passed
    assert any(f"{gone} is now named" in change.how for change in better.better)
    said = worse.to_json(accepted="we have none of it")
    assert said["worse"][0]["how"]
    assert said["accepted_worse"] == "we have none of it"
    assert any(line.startswith("  worse, line ") for line in gate_lines(worse))


def test_a_lost_alarm_is_worse_though_the_name_is_right(made):
    panel, method = made
    quiet = replace(method, version=2, watch_list=())
    gate = judged(panel, quiet, method)
    assert [how for change in gate.worse for how in change.how if "alarm_named" in how]


def test_the_panel_is_known_by_its_content(made, tmp_path):
    panel, method = made
    before = judged(panel, method, None)
    for path in panel.parent.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert judged(tmp_path / "panel.csv", method, None).panel_sha256 == before.panel_sha256
    with (tmp_path / "0.csv").open("ab") as file:
        file.write(b"\n")
    assert judged(tmp_path / "panel.csv", method, None).panel_sha256 != before.panel_sha256


def test_a_panel_without_answers_is_no_gate(made, tmp_path):
    _, method = made
    (tmp_path / "0.csv").write_text("junk")
    panel = tmp_path / "panel.csv"
    panel.write_text("file,truth,technique,laser_nm\n0.csv,,raman,785\n")
    with pytest.raises(FormatError, match="no sample has an answer"):
        judged(panel, method, None)


def test_a_row_without_an_answer_is_worse_where_there_was_one(made):
    from service.release_gate import _losses
    from service.validating import Failed
    from spectra.errors import SpectrumMismatch

    panel, method = made
    from service.known_names import KnownNames
    from service.panels import read_panel
    from service.validating import play

    row = read_panel(panel)[0]
    read = lambda path, how, nm: read_spectra(path, technique=how, laser_nm=nm)  # noqa: E731
    answer = next(play(panel, [row], method, KnownNames(method.references), read=read, now=NOW))
    failed = Failed(row, SpectrumMismatch("out of range"))
    assert list(_losses(answer, failed)) == ["is without an answer: out of range"]
    assert list(_losses(failed, answer)) == list(_losses(failed, failed)) == []
