"""Panels are read strictly and within bounds."""

import os

import pytest

from service import panels
from service.panels import located, read_panel
from spectra.errors import FormatError
from spectra.values import Technique


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "panel.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_every_column_is_read(write):
    (one, two) = read_panel(
        write(
            "file,truth,blank,technique,laser_nm,group,level\n"
            "../data/a.csv, heroin | caffeine ,blank.csv,Raman,785,in a bag,0.2|\n"
            "\n"
            "b.csv,,,,,,\n"
        )
    )
    assert (one.file, one.truth, one.levels) == ("../data/a.csv", ("heroin", "caffeine"), (0.2, None))
    assert (one.blank, one.technique, one.laser_nm) == ("blank.csv", Technique.RAMAN, 785.0)
    assert (one.group, one.line) == ("in a bag", 2)
    assert (two.file, two.truth, two.levels) == ("b.csv", (), ())
    assert (two.blank, two.technique, two.laser_nm, two.group, two.line) == ("", None, None, "", 4)


def test_two_columns_in_any_order_are_enough(write):
    (one,) = read_panel(write("truth,file\r\nsugar,a.csv\r\n", "utf-8-sig"))
    assert (one.file, one.truth, one.levels) == ("a.csv", ("sugar",), (None,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "columns are missing"),
        ("file\na.csv\n", "columns are missing"),
        ("file,truth,file\na,b,c\n", "stand twice"),
        ("file,truth,share\na,b,c\n", "unknown column 'share'"),
        ("file,truth\n", "lists no samples"),
        ("file,truth\na.csv\n", "line 2: 1 cells for 2 columns"),
        ("file,truth\n,sugar\n", "no file is named"),
        ("file,truth\na.csv,sugar|\n", "names with | between them"),
        ("file,truth\na.csv,sugar|sugar\n", "each once"),
        ("file,truth\na.csv," + "|".join(map(str, range(17))) + "\n", "1 to 16 names"),
        ("file,truth\na.csv," + "x" * 1001 + "\n", "more than 1000 characters"),
        ("file,truth,technique\na.csv,b,xrf\n", "no technique 'xrf'; there are raman, ftir"),
        ("file,truth,laser_nm\na.csv,b,red\n", "'red' is not a laser, nm"),
        ("file,truth,laser_nm\na.csv,b,inf\n", "'inf' is not a laser, nm"),
        ("file,truth,laser_nm\na.csv,b,7_85\n", "'7_85' is not a laser, nm"),
        ("file,truth,level\na.csv,b,0.1|0.2\n", "2 levels for 1 substances"),
        ("file,truth,level\na.csv,b,20%\n", "'20%' is not a level"),
        ("file,truth,level\na.csv,b,0\n", "above 0"),
        ("file,truth,level\na.csv,b|c,0.7|0.6\n", "more than 1"),
        ('file,truth\n"a.csv,b\n', "line 2"),
        ("file,truth\na.csv," + '"' + "x" * 140_000 + '"\n', "field larger"),
    ],
)
def test_a_panel_that_is_not_right_is_refused_in_words(write, text, words):
    with pytest.raises(FormatError, match="panel.csv") as caught:
        read_panel(write(text))
    assert words in str(caught.value)


def test_a_panel_that_is_not_text_is_refused(write):
    with pytest.raises(FormatError, match="not UTF-8 at byte"):
        read_panel(write("file,truth\na.csv,Zürich\n", "latin-1"))


def test_size_and_rows_are_bounded(write, monkeypatch):
    path = write("")
    with path.open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(FormatError, match="larger than 8 MiB"):
        read_panel(path)
    monkeypatch.setattr(panels, "MAX_ROWS", 3)
    assert len(read_panel(write("file,truth\n" + "a,b\n" * 3))) == 3
    with pytest.raises(FormatError, match="more than 3 samples"):
        read_panel(write("file,truth\n" + "a,b\n" * 4))


def test_paths_are_relative_to_the_panel(tmp_path):
    folder = tmp_path / "panels"
    folder.mkdir()
    (tmp_path / "a.csv").write_text("x")
    assert located(folder / "panel.csv", "../a.csv").read_text() == "x"
    with pytest.raises(FileNotFoundError):
        located(folder / "panel.csv", "b.csv")


@pytest.mark.parametrize("name", ["/dev/zero", "/etc/passwd", "C:\\a.csv", "\\\\host\\share\\a.csv", "a\0b"])
def test_paths_that_name_a_place_of_their_own_are_refused(tmp_path, name):
    with pytest.raises(FormatError, match="relative"):
        located(tmp_path / "panel.csv", name)


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero", "."):
        with pytest.raises(FormatError, match="no regular file"):
            located(tmp_path / "panel.csv", name)
