"""Settings come from the environment and a file, and nothing in them is guessed."""

import os
import stat
from importlib import metadata
from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings, _checkout_version, load_settings, software_version


def env(home: Path, **more: str) -> dict[str, str]:
    return {"OPIOSCAN_HOME": str(home), **more}


def test_an_empty_home_gives_the_defaults(tmp_path):
    settings = load_settings(env(tmp_path))
    assert settings == Settings(home=tmp_path)
    assert (settings.host, settings.bench_port, settings.server_port) == ("127.0.0.1", 8470, 8480)
    assert settings.server_url == settings.server_token == ""


def test_places_lie_in_the_home(tmp_path):
    settings = Settings(home=tmp_path)
    places = [
        settings.archive_dir,
        settings.outbox_path,
        settings.devices_path,
        settings.methods_dir,
        settings.libraries_dir,
        settings.bench_file,
        settings.server_db,
        settings.server_scans,
        settings.log_path,
        settings.config_path,
        settings.token_path,
    ]
    assert len(set(places)) == len(places)
    assert all(tmp_path in place.parents for place in places)


def test_the_file_is_read_and_the_environment_wins(tmp_path):
    (tmp_path / "config.toml").write_text(
        'server_url = "https://a.example/"\nbench_port = 9000\nbench_name = "b-3"\n'
    )
    (tmp_path / "server_token").write_text("ops_file\n")
    settings = load_settings(env(tmp_path))
    assert (settings.server_url, settings.bench_port) == ("https://a.example", 9000)
    assert settings.server_token == "ops_file"
    assert (settings.bench_name, settings.silent_minutes) == ("b-3", 15)
    settings = load_settings(env(tmp_path, OPIOSCAN_SERVER="http://b.example:81", OPIOSCAN_TOKEN="ops_env"))
    assert (settings.server_url, settings.server_token) == ("http://b.example:81", "ops_env")
    assert load_settings(env(tmp_path, OPIOSCAN_SERVER="")).server_url == ""


def test_the_token_is_not_shown(tmp_path):
    assert "secret" not in repr(Settings(home=tmp_path, server_token="secret"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml", "not valid TOML"),
        ("other = 1", "unknown setting 'other'"),
        ("bench_port = 70000", "port from 0 to 65535"),
        ("bench_port = true", "port from 0 to 65535"),
        ('server_port = "80"', "port from 0 to 65535"),
        ("host = 5", "host must be text"),
        ('bench_name = "bench 3/../4"', "64 letters, digits"),
        ("bench_name = 3", "bench_name must be text"),
        ("silent_minutes = 0", "minutes from 1 to"),
        ("silent_minutes = true", "minutes from 1 to"),
        ('server_url = "ftp://a"', "http:// or https://"),
        ('server_url = "http://[::1"', "http:// or https://"),
        ("#" * 70000, "larger than"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, words):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        load_settings(env(tmp_path))


def test_other_files_in_the_way_are_refused(tmp_path):
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(env(tmp_path))
    (tmp_path / "config.toml").unlink()
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(env(tmp_path))


def test_without_a_home_the_user_data_folder_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("OPIOSCAN_HOME", raising=False)
    home = load_settings().home
    assert home.is_absolute()
    assert home.name == "opioscan"


def test_the_home_is_made_private(tmp_path):
    home = Settings(home=tmp_path / "a" / "b").ensure_home()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_runtime_folder_is_short_private_and_the_same_every_time(opioscan_home):
    settings = load_settings()
    folder = settings.runtime_dir
    assert folder == load_settings().runtime_dir
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(os.fsencode(folder / "guardian-0123456789.sock")) < 104
    assert folder != Settings(home=opioscan_home / "other").runtime_dir
    Settings(home=opioscan_home / "other").runtime_dir.rmdir()


def test_a_runtime_folder_of_others_is_refused(opioscan_home):
    folder = load_settings().runtime_dir
    folder.chmod(0o755)
    with pytest.raises(SettingsError, match="not a private folder"):
        _ = load_settings().runtime_dir
    folder.chmod(0o700)


def test_the_version_is_known(tmp_path, monkeypatch):
    def not_installed(name):
        raise metadata.PackageNotFoundError(name)

    assert software_version() != "unknown"
    monkeypatch.setattr(metadata, "version", not_installed)
    assert software_version() != "unknown"
    assert _checkout_version(tmp_path / "pyproject.toml") == "unknown"
