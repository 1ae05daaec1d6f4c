import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from instrument import config as module
from instrument.config import BenchConfig, bench_config, load_config, save_device
from instrument.config_file import MAX_FILE
from instrument.errors import DeviceURLError

URL = "obp+serial:///dev/ttyUSB0?model=STS&baud=115200"
LASER = "cobolt+serial:///dev/ttyUSB1"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "devices.toml"


def test_no_file_no_devices(path):
    assert load_config(path) == {}


def test_round_trip_keeps_the_others(path):
    first = BenchConfig("bench1", URL, LASER, 785.0, 50.0)
    second = BenchConfig("bench.2-b_", "obp+tcp://10.0.0.5?model=FX", None, 1064.0, emulated=True)
    save_device(path, first)
    save_device(path, second)
    assert load_config(path) == {"bench1": first, "bench.2-b_": second}
    replaced = BenchConfig("bench1", URL, LASER, 785.0, 20.0)
    save_device(path, replaced)
    assert bench_config("bench1", path) == replaced
    assert sorted(path.parent.iterdir()) == [path.with_name(f".{path.name}.lock"), path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_file(path):
    old = BenchConfig("bench1", URL, LASER, 785.0)
    save_device(path, old)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        with pytest.raises(DeviceURLError, match="cannot be written"):
            save_device(path, BenchConfig("bench2", URL, LASER, 785.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_config(path) == {"bench1": old}
    assert sorted(path.parent.iterdir()) == [path.with_name(f".{path.name}.lock"), path]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceURLError, match="cannot be"):
        save_device(tmp_path / "file" / "devices.toml", BenchConfig("a", URL, None, 785.0))


def test_the_file_people_write(path):
    path.parent.mkdir()
    path.write_text(module.__doc__.split("::")[1].replace("\n    ", "\n"))
    bench = load_config(path)["bench1"]
    assert bench == BenchConfig("bench1", URL, LASER, 785.0, 100.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[devices.a", "not TOML"),
        ("other = 1", "only \\[devices.NAME\\]"),
        ("devices = 1", "only \\[devices.NAME\\]"),
        ("[devices]\na = 1", "no table"),
        ("[devices.a]\nlaser_nm = 785.0", "lacks spectrometer"),
        (f"[devices.a]\nspectrometer = '{URL}'", "laser_nm None; write"),
        (f"[devices.a]\nspectrometer = '{URL}'\nlaser_nm = 785.0\ncolour = 1", "does not know colour"),
        ("[devices.a]\nspectrometer = 1\nlaser_nm = 785.0", "URLs are strings"),
        (f"[devices.a]\nspectrometer = '{URL}'\nlaser_nm = 785.0\nemulated = 1", "true or false"),
        (f"[devices.a]\nspectrometer = '{URL}'\nlaser_nm = 'red'", "laser_nm"),
        (f"[devices.a]\nspectrometer = '{URL}'\nlaser_nm = nan", "laser_nm"),
        (f"[devices.a]\nspectrometer = '{URL}'\nlaser_nm = true", "laser_nm"),
        (f"[devices.a]\nspectrometer = '{URL}'\nlaser_nm = 785\npower_mw = -1", "power_mw"),
        (f"[devices.a]\nspectrometer = '{LASER}'\nlaser_nm = 785", "no spectrometer driver"),
        (f"[devices.a]\nspectrometer = '{URL}'\nlaser = '{URL}'\nlaser_nm = 785", "no laser driver"),
    ],
)
def test_a_file_nobody_can_use_says_why_and_where(path, text, words):
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DeviceURLError, match=words) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_files_that_are_none(path):
    path.mkdir(parents=True)
    with pytest.raises(DeviceURLError, match="cannot be read"):
        load_config(path)
    big = path / "big.toml"
    big.write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(DeviceURLError, match="larger than"):
        load_config(big)
    big.write_bytes(b"\xff")
    with pytest.raises(DeviceURLError, match="not TOML"):
        load_config(big)


@pytest.mark.parametrize("name", ["", "a b", "../a", "a" * 65, "-a"])
def test_names(path, name):
    with pytest.raises(DeviceURLError, match="a name is letters"):
        save_device(path, BenchConfig(name, URL, None, 785.0))


def test_an_unknown_name_says_what_there_is(path):
    save_device(path, BenchConfig("bench1", URL, LASER, 785.0))
    with pytest.raises(DeviceURLError, match="there: bench1"):
        bench_config("bench2", path)


def test_a_url_can_describe_a_bench(path):
    text = f"{URL}&laser=cobolt%2Bserial:///dev/ttyUSB1%3Femulated=1&laser_nm=785&power_mw=40"
    bench = bench_config(text, path)
    assert bench == BenchConfig(text, text, f"{LASER}?emulated=1", 785.0, 40.0, emulated=True)
    assert bench_config(f"{URL}&laser_nm=532", path) == BenchConfig(
        f"{URL}&laser_nm=532", f"{URL}&laser_nm=532", None, 532.0
    )
    with pytest.raises(DeviceURLError, match="add laser_nm="):
        bench_config(URL, path)


def test_what_a_bench_may_be_besides(tmp_path):
    path = tmp_path / "devices.toml"
    opus = "opus+http://192.168.1.30/opusrs?folder=/mnt/opus"
    infrared = BenchConfig("ir", opus, None, None, warning_s=0.0, contact="atr")
    ventana = BenchConfig("v", "obp+serial:///dev/ttyUSB1?model=Ventana", None, 785.0)
    for config in (infrared, ventana):
        save_device(path, config)
    assert load_config(path) == {"ir": infrared, "v": ventana}
    assert (infrared.owned_url, infrared.has_laser) == (None, False)
    assert (ventana.owned_url, ventana.has_laser) == (ventana.spectrometer, True)
    assert bench_config(f"{URL}&laser_nm=785&contact=vial&warning_s=2", path).contact == "vial"
    for wrong in ({"warning_s": 99.0}, {"contact": "glove"}, {"laser_nm": 1.0}):
        with pytest.raises(DeviceURLError):
            BenchConfig(**{"name": "x", "spectrometer": URL, "laser": None, "laser_nm": 785.0} | wrong)
    with pytest.raises(DeviceURLError, match="contains its laser"):
        BenchConfig("x", ventana.spectrometer, LASER, 785.0)


def test_two_programs_that_save_lose_nothing(tmp_path):
    path = tmp_path / "devices.toml"
    names = [f"bench{number}" for number in range(8)]
    script = (
        "import sys; from pathlib import Path; from instrument.config import BenchConfig, save_device; "
        f"save_device(Path(sys.argv[1]), BenchConfig(sys.argv[2], {URL!r}, None, 785.0))"
    )
    root = Path(__file__).resolve().parents[2]
    programs = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name], env={"PYTHONPATH": str(root)})
        for name in names
    ]
    assert [program.wait(60) for program in programs] == [0] * len(names)
    assert sorted(load_config(path)) == names
