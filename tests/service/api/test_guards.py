"""Rates, scopes, logs, TLS and proxies: what stands before the routes."""

import datetime
import ipaddress
import json
import logging
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from service.api.app import create_app
from service.api.database import Database
from service.api.guards.logs import LogStyle, without_secrets, write_logs
from service.api.guards.rates import MOST_CALLERS, Rate
from service.api.guards.tls import tls_files
from service.api.permissions import Role
from service.api.settings import ServerSettings
from service.api.tokens.repository import create_token
from service.api.tokens.scopes import checked, known
from service.errors import SettingsError, UsageError
from service.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]


# Rates ----------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(pauses: list[float]) -> None:
    now = 0.0
    rate = Rate(2.0, 5.0, clock=lambda: now)
    given_ = 0
    for pause in pauses:
        now += pause
        wait = rate.wait_s("one")
        given_ += wait == 0
        assert 0 <= wait <= 0.5
    assert given_ <= 5 + 2 * now + 1e-6


def test_a_caller_waits_as_long_as_it_was_told() -> None:
    now = 0.0
    rate = Rate(2.0, 1.0, clock=lambda: now)
    assert rate.wait_s("one") == 0
    assert rate.wait_s("one") == 0.5
    assert rate.wait_s("another") == 0
    now = 0.5
    assert rate.wait_s("one") == 0


def test_callers_do_not_fill_the_memory() -> None:
    rate = Rate(1.0, 1.0, clock=lambda: 0.0)
    for number in range(MOST_CALLERS + 100):
        assert rate.wait_s(str(number)) == 0
    assert len(rate._buckets) == MOST_CALLERS


def test_who_asks_too_often_is_told_when_to_come_again(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, rate_per_s=2.0) as served:
        answers = [served.api("GET", "/parcels", Role.PARCEL_SYSTEM) for _ in range(8)]
        last = answers[-1]
        assert [one.status_code for one in answers[:4]] == [200] * 4
        assert (last.status_code, last.json()["code"]) == (429, "rate_limited")
        assert int(last.headers["retry-after"]) >= 1
        assert served.api("GET", "/parcels", Role.AUDITOR).status_code == 200
        assert [served.api("GET", "/parcels", Role.BENCH).status_code for _ in range(20)] == [200] * 20


def test_a_result_that_does_not_fit_counts_once(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, rate_per_s=0.1) as served:
        path = "/results/6d7c7a0e-6a50-4d1d-a0f3-8a6f3f1f2d11"
        told = [served.api("PUT", path, json={}).status_code for _ in range(3)]
        assert told == [422, 422, 429]


def test_guessing_tokens_is_slowed_down_and_hurts_nobody_else(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, rate_per_s=100.0) as served:
        wrong = {"Authorization": "Bearer ops_guess"}
        seen = [served.client(None).get("/api/v1/parcels", headers=wrong).status_code for _ in range(22)]
        assert seen[:20] == [401] * 20
        assert seen[-1] == 429
        form = served.client(None).post("/login", data={"token": "ops_guess"})
        assert form.status_code == 429
        assert served.api("GET", "/parcels", Role.ADMIN).status_code == 200


# Scopes ---------------------------------------------------------------------------------------


def test_a_scoped_token_may_do_what_its_scopes_cover(server: Any) -> None:
    with Database(server.settings.db_path) as database, database.write("test") as change:
        secret, _ = create_token(change, Role.PARCEL_SYSTEM, scopes=["parcels:read"])
    own = {"Authorization": f"Bearer {secret}"}
    client = server.client(None)
    assert client.get("/api/v1/parcels", headers=own).status_code == 200
    for method, path in (("POST", "/api/v1/parcels"), ("GET", "/api/v1/events"), ("GET", "/")):
        answer = client.request(method, path, headers=own, json={"item_id": "X", "item_id_type": "carrier"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


def test_every_noun_has_its_scopes() -> None:
    app = create_app(ServerSettings(Path("none.sqlite3"), Path("none")))
    tags = {
        tag
        for path, operations in app.openapi()["paths"].items()
        for operation in operations.values()
        for tag in operation["tags"]
    }
    assert {one.partition(":")[0] for one in known(app.openapi())} == tags


@pytest.mark.parametrize("scope", ["parcels", "parcels:delete", "Parcels:read", "", "a b:read", "x:read\n"])
def test_what_is_no_scope_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="no scope"):
        checked([scope])


def _cli(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(home), **more}
    command = [sys.executable, "-m", "service.cli.start", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60, check=False)


def test_scopes_on_the_command_line(tmp_path: Path) -> None:
    made = _cli(tmp_path, "token", "create", "--role", "auditor", "--scope", "events:read", "--json")
    assert json.loads(made.stdout)["scopes"] == "events:read"
    wrong = _cli(tmp_path, "token", "create", "--role", "auditor", "--scope", "event:read")
    assert wrong.returncode == 2
    assert "no scope 'event:read'" in wrong.stderr
    assert "events:read" in wrong.stderr


# Logs -----------------------------------------------------------------------------------------

_SECRETS = (
    "ops_abcDEF-123_456",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "postgresql://opio:s3cret@db/x",
    "Authorization: Bearer something-else",
)


@pytest.mark.parametrize("secret", _SECRETS)
def test_secrets_are_blotted_out(secret: str) -> None:
    cleaned = without_secrets(f"failed with {secret} there")
    for part in ("abcDEF", "MfKQ", "s3cret", "something-else"):
        assert part not in cleaned
    assert cleaned.startswith("failed with ")
    assert cleaned.endswith(" there")


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    logging.getLogger("opioscan.access").setLevel(logging.NOTSET)


def test_lines_are_json_and_tell_nothing_personal(
    serve_at: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], logs_as_before: None
) -> None:
    write_logs(LogStyle.JSON)
    with serve_at(tmp_path) as served:
        answer = served.api("GET", "/parcels?item_id=RB473124829US", Role.ADMIN)
        served.client(None).get("/nothing/ops_abcdefghijk")
        secret = served.tokens[Role.ADMIN]
    text = capsys.readouterr().err
    lines = [json.loads(line) for line in text.splitlines()]
    one = next(line for line in lines if line.get("request") == answer.headers["x-request-id"])
    assert (one["operation"], one["status"], one["method"]) == ("list_parcels", 200, "GET")
    assert one["token"] == served.token_ids[Role.ADMIN]
    assert one["ms"] > 0
    assert "RB473124829US" not in text
    assert secret not in text
    assert "abcdefghijk" not in text


# TLS and proxies ------------------------------------------------------------------------------


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "opioscan test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "server.pem", folder / "server.key"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key_path.chmod(0o600)
    return cert_path, key_path


@contextmanager
def _serving(home: Path, *options: str, **more: str) -> Iterator[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPIOSCAN_HOME": str(home), **more}
    command = [sys.executable, "-m", "service.cli.start", "serve", "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()
            process.wait(20)


def test_tls_by_files(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    home = tmp_path / "home"
    token = _cli(home, "token", "create", "--role", "admin").stdout.strip()
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), "--host", "0.0.0.0")
    with _serving(home, *options) as address:
        assert address.startswith("https://")
        own = address.replace("0.0.0.0", "127.0.0.1")
        trusted = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(base_url=own, verify=trusted) as client:
            assert client.get("/healthz").json() == {"status": "ok"}
            signed_in = client.post("/login", data={"token": token})
            assert "secure" in signed_in.headers["set-cookie"].lower()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{own}/healthz", timeout=5)
        # A private authority is told by the variable that OpenSSL itself knows.
        asked = _cli(
            home, "fleet", "--json", OPIOSCAN_SERVER=own, OPIOSCAN_TOKEN=token, SSL_CERT_FILE=str(certificate)
        )
        assert asked.returncode == 0, asked.stderr


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    key.chmod(0o644)
    told = _cli(tmp_path / "home", "serve", "--tls-cert", str(certificate), "--tls-key", str(key))
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "chmod 600" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("which", ["only one", "no file", "not theirs"])
def test_files_that_do_not_fit_are_refused(tmp_path: Path, which: str) -> None:
    certificate, key = _certificate(tmp_path)
    if which == "not theirs":
        (tmp_path / "other").mkdir()
        key = _certificate(tmp_path / "other")[1]
    given = tmp_path / "none.pem" if which == "no file" else certificate
    with pytest.raises(UsageError, match="both" if which == "only one" else "cannot be used"):
        tls_files(given, None if which == "only one" else key)


def test_a_proxy_is_believed_only_when_it_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    token = _cli(home, "token", "create", "--role", "admin").stdout.strip()
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    seen = []
    for proxies in ("", "127.0.0.1"):
        with _serving(home, OPIOSCAN_TRUSTED_PROXIES=proxies) as address:
            answer = httpx.post(f"{address}/login", data={"token": token}, headers=forwarded)
            seen.append("secure" in answer.headers["set-cookie"].lower())
    assert seen == [False, True]


# Settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OPIOSCAN_RATE_PER_S", "many", "neither a number"),
        ("OPIOSCAN_RATE_PER_S", "-1", "from 0 to"),
        ("OPIOSCAN_LOG", "loud", "one of warnings"),
        ("OPIOSCAN_SERVER_PORT", "1e9", "a port"),
        ("OPIOSCAN_REQUIRE_NEGATIVE_CONTROL", "yes", "neither a number"),
    ],
)
def test_wrong_settings_of_the_environment_are_named(
    tmp_path: Path, variable: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings({"OPIOSCAN_HOME": str(tmp_path), variable: value})


def test_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('rate_per_s = 5\nlog = "text"\n')
    told = load_settings({"OPIOSCAN_HOME": str(tmp_path), "OPIOSCAN_RATE_PER_S": "7.5"})
    assert (told.rate_per_s, told.log) == (7.5, "text")


# Methods --------------------------------------------------------------------------------------


def test_a_path_tells_all_its_methods(server: Any) -> None:
    for path, methods in (("/parcels", "GET, POST"), (f"/results/{'0' * 8}", "GET, PUT")):
        answer = server.api("DELETE", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
    assert server.client().delete("/healthz").headers["allow"] == "GET"


def test_a_number_that_has_no_canonical_form_is_refused(bench: Any) -> None:
    screening = bench.open()
    scan = bench.put_scan(screening)
    body = bench.result_body(screening, scan)
    body["identification"]["provenance"]["null_count"] = 2**53
    answer = bench.served.api("PUT", f"/results/{scan[:8]}-0000-4000-8000-000000000000", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_a_literal_path_is_not_taken_for_an_identifier(server: Any) -> None:
    answer = server.api("GET", "/parcels/bulk", Role.ADMIN)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert server.api("PUT", "/parcels/queue", Role.ADMIN).headers["allow"] == "GET"
