"""``opioscan validate``: panels of files and simulated mixtures, run through the training method."""

import json

import pytest

from library.starter import starter_entries
from service.cli.start import run
from spectra.formats import encode_csv, encode_jcamp
from spectra.validation import clopper_pearson

HEAD = "file,truth,blank,technique,laser_nm,group\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("validate-home")


@pytest.fixture(scope="module")
def spectra():
    return {e.substance.name: e.spectrum for e in starter_entries() if e.technique == "raman"}


@pytest.fixture(autouse=True)
def settings(home, monkeypatch):
    monkeypatch.setenv("OPIOSCAN_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def panel(tmp_path, spectra):
    """Return a writer of panels beside a folder with spectra and a damaged file."""
    data, folder = tmp_path / "data", tmp_path / "panels"
    data.mkdir()
    folder.mkdir()
    for name in ("Ketoprofen", "caffeine", "acetone", "ethanol", "acetaminophen", "Polyethylene"):
        (data / f"{name}.jdx").write_bytes(encode_jcamp(spectra[name], name))
    bare = encode_csv(spectra["acetone"]).decode().splitlines()
    (data / "bare.csv").write_text("\n".join(line for line in bare if line[0] in "0123456789") + "\n")
    (data / "damaged.jdx").write_bytes(b"##TITLE=x\n")

    def write(*rows, head=HEAD):
        path = folder / "panel.csv"
        path.write_text(head + "\n".join(rows) + "\n")
        return path

    return write


def objects(text):
    lines = [json.loads(line) for line in text.splitlines()]
    return {kind: [one for one in lines if one["kind"] == kind] for kind in ("row", "summary", "pod")}


def validate(*arguments):
    return run(["validate", *map(str, arguments), "--method", "training"])


def test_a_panel_as_json(panel, capsys):
    path = panel(
        "../data/Ketoprofen.jdx,ketoprofen,,raman,785,pure",
        "../data/caffeine.jdx,Caffeine,,,,pure",
        "../data/acetaminophen.jdx,Paracetamol,../data/Polyethylene.jdx,raman,785,in a bag",
        "../data/ethanol.jdx,,,,,in a bag",
    )
    assert validate(path, "--json") == 0
    found = objects(capsys.readouterr().out)
    assert {one["label"] for some in found.values() for one in some} == {"measured"}
    assert {one["training"] for some in found.values() for one in some} == {True}
    drug, cut, solvent, unlisted = found["row"]
    assert (drug["verdict"], drug["named"], drug["top1"]) == ("alarm_named", ["ketoprofen"], True)
    assert cut["named"] == ["Caffeine"]
    assert (solvent["named"], solvent["missed"], solvent["error"]) == (["Paracetamol"], [], None)
    assert (unlisted["top1"], unlisted["wrongly_named"]) == (None, ["ethanol"])
    pure, bag, everything = found["summary"]
    assert (pure["group"], bag["group"], everything["group"]) == ("pure", "in a bag", None)
    assert (everything["scans"], everything["errors"]) == (4, 0)
    low, high = clopper_pearson(3, 3)
    assert everything["named"] == {"k": 3, "n": 3, "rate": 1.0, "low": round(low, 6), "high": high}
    assert everything["wrongly_named"]["k"] == 1
    assert sum(rate["k"] for rate in everything["verdicts"].values()) == 4
    assert [(one["target"], one["matrix"], one["level"]) for one in found["pod"]] == [
        ("ketoprofen", "pure", None),
        ("Caffeine", "pure", None),
        ("Paracetamol", "in a bag", None),
    ]
    assert found["pod"][0]["detections"] == found["pod"][0]["samples"] == 1
    assert found["pod"][0]["false_alarms"] == {"k": 0, "n": 1, "rate": 0.0, "low": 0.0, "high": 0.975}


def test_a_panel_for_people(panel, tmp_path, capsys):
    path = panel(
        "../data/Ketoprofen.jdx,ketoprofen,,,,0.3,\x1b[31mred",
        "../data/ethanol.jdx,acetone,,,,,",
        "../data/caffeine.jdx,nosuchthing,,,,,",
        head="file,truth,blank,technique,laser_nm,level,group\n",
    )
    picture = tmp_path / "pod.svg"
    assert validate(path, "--target", "ketoprofen", "--plot", picture) == 0
    output = capsys.readouterr()
    assert "TRAINING · MEASURED · panel panel.csv · method training" in output.out
    assert "MEASURED · Probability of detection (POD), in the form of ASTM E3290" in output.out
    assert "\x1b" not in output.out
    line = next(line for line in output.out.splitlines() if "0.3" in line and "ketoprofen" in line)
    assert "1/1" in line
    assert "2.5–100%" in line
    assert "wrong: ../data/ethanol.jdx: named ethanol; truth: acetone" in output.out
    assert "Presumptive result" in output.out
    assert "warning: no reference of nosuchthing: it can only be missed" in output.err
    assert b"MEASURED" in picture.read_bytes()


def test_rows_that_cannot_be_read_are_counted_and_the_rest_goes_on(panel, capsys):
    path = panel(
        "../data/none.jdx,acetone,,,,a",
        "../data/damaged.jdx,acetone,,,,a",
        "../data/acetone.jdx,acetone,../data/none.jdx,,,a",
        "../data/acetone.jdx,acetone,,ftir,,b",
        "/etc/hostname,acetone,,,,b",
        "../data/bare.csv,acetone,,,,b",
        "../data/bare.csv,acetone,,raman,785,b",
    )
    assert validate(path, "--json") == 4
    output = capsys.readouterr()
    found = objects(output.out)
    *bad, good = found["row"]
    assert [one["error"]["code"] for one in bad[:2]] == ["file_not_found", "file_damaged"]
    assert all(one["error"]["detail"] for one in bad)
    assert (bad[2]["line"], bad[2]["error"]["code"]) == (4, "file_not_found")
    assert "relative" in bad[4]["error"]["detail"]
    assert (good["named"], good["error"]) == (["acetone"], None)
    assert [(one["group"], one["scans"], one["errors"]) for one in found["summary"]] == [
        ("a", 0, 3),
        ("b", 1, 3),
        (None, 1, 6),
    ]
    assert "6 of 7 rows have no answer" in output.err
    assert "warning: line 2: " in output.err


def test_the_technique_and_laser_of_the_command_line_stand_in_for_missing_ones(panel, capsys):
    path = panel("../data/bare.csv,acetone,,,,b")
    assert validate(path) == 4
    assert "without an answer" in capsys.readouterr().out
    assert validate(path, "--technique", "raman", "--laser", "785") == 0


def test_a_row_is_one_spectrum(panel, spectra, tmp_path, capsys):
    one, two = (encode_jcamp(spectra[name], name) for name in ("acetone", "ethanol"))
    (tmp_path / "data" / "two.jdx").write_bytes(b"##TITLE=all\n##DATA TYPE=LINK\n" + one + two + b"##END=\n")
    assert validate(panel("../data/two.jdx,acetone,,,,")) == 4
    assert "holds 2 spectra" in capsys.readouterr().err


def test_a_simulation_as_json_is_repeatable_and_labelled(capsys):
    arguments = ("--simulate", "--target", "ketoprofen", "--cut", "Lactose", "--cut", "caffeine",
                 "--shares", "1,0.02,0.5", "--scans", 1, "--json")  # fmt: skip
    assert validate(*arguments) == 0
    first = capsys.readouterr().out
    assert validate(*arguments) == 0
    assert capsys.readouterr().out == first
    assert validate(*arguments, "--seed", 1) == 0
    assert capsys.readouterr().out != first
    found = objects(first)
    assert {one["label"] for some in found.values() for one in some} == {"simulated"}
    assert len(found["row"]) == 2 * (3 + 1)
    assert all(one["file"].startswith("SIMULATED: ") for one in found["row"])
    assert [one["level"] for one in found["pod"]] == [0.02, 0.5, 1.0] * 2
    assert [one["detections"] for one in found["pod"] if one["level"] == 1.0] == [1, 1]
    assert {one["false_alarms"]["n"] for one in found["pod"]} == {1}
    assert {one["target"] for one in found["pod"]} == {"Ketoprofen"}
    assert found["pod"][0]["level_of"] == "share of the spectral area"


def test_a_simulation_for_people_mixes_the_watch_list_with_all_cuts(tmp_path, capsys):
    picture = tmp_path / "pod.png"
    assert validate("--simulate", "--shares", "0.5", "--scans", 1, "--plot", picture) == 0
    output = capsys.readouterr().out
    assert "TRAINING · SIMULATED · SNR 100" in output
    assert "cutting agents in turn" in output
    assert "Metamizole in" in output
    assert "SIMULATED from the method's own references: no proof for real samples" in output
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give a PANEL.csv, or --simulate"),
        (("panel.csv", "--simulate"), "give a PANEL.csv, or --simulate"),
        (("--simulate", "--library", "x.h5"), "either --library LIB.h5 or --method NAME"),
        (("--simulate", "--shares", "a,b"), "write numbers with commas"),
        (("--simulate", "--shares", "0.1,1.5"), "above 0 and at most 1"),
        (("--simulate", "--shares", "nan"), "above 0 and at most 1"),
        (("--simulate", "--snr", "0"), "--snr is above 0"),
        (("--simulate", "--snr", "nan"), "--snr is above 0"),
        (("--simulate", "--fluorescence", "-1"), "--fluorescence 0 or more"),
        (("--simulate", "--scans", "0"), "--scans"),
        (("--simulate", "--target", "nosuchthing"), "no raman reference of 'nosuchthing'"),
        (("--simulate", "--cut", "nosuchthing"), "no raman reference of 'nosuchthing'"),
        (("--simulate", "--technique", "ftir"), "name a --target"),
        (("--simulate", "--technique", "ftir", "--target", "fentanyl"), "name a --cut"),
        (("--simulate", "--plot", "out.pdf"), ".png or .svg"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(arguments, words, capsys):
    assert validate(*arguments) == 2
    assert words in capsys.readouterr().err


def test_the_method_is_never_guessed(capsys):
    assert run(["validate", "--simulate"]) == 2
    assert "never guessed" in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_refused_before_the_work(tmp_path, capsys):
    old = tmp_path / "old.png"
    old.write_bytes(b"old")
    assert validate("--simulate", "--scans", 10000, "--plot", old) == 4
    assert validate("--simulate", "--scans", 10000, "--plot", tmp_path / "none" / "a.png") == 4
    assert "give --force" in capsys.readouterr().err
    assert old.read_bytes() == b"old"


def test_a_table_without_rows_makes_no_picture(panel, tmp_path, capsys):
    assert validate(panel("../data/acetone.jdx,,,,,"), "--plot", tmp_path / "a.png") == 2
    assert "nothing to draw" in capsys.readouterr().err


def test_what_cannot_be_mixed_is_told(capsys):
    assert validate("--simulate", "--target", "caffeine", "--cut", "caffeine", "--scans", 1) == 4
    assert "caffeine cannot be mixed with caffeine" in capsys.readouterr().err
