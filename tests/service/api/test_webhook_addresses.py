"""Where webhooks may go: nowhere inside, unless the operator says so, whatever a name stands for."""

import asyncio
import json
import os
import ssl
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.api.errors import WebhookKeyUnusable
from service.api.permissions import Role
from service.api.settings import ServerSettings
from service.api.webhooks.addresses import AddressPolicy, AddressRefused, system_resolver
from service.api.webhooks.keys import SecretKeeper, new_secret
from service.api.webhooks.schedule import wait_s
from service.api.webhooks.sending import Answer, Message, Outcome, Sender, retry_after

from .receivers import receiving

PUBLIC = "93.184.215.14"


def judged(url: str, *addresses: str, **options: Any) -> tuple[str, ...]:
    settings = ServerSettings(Path("db"), Path("scans"), **options)
    return AddressPolicy.of(settings).target(url, lambda *_: addresses or (PUBLIC,)).addresses


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%2",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe",
    ],
)
def test_nothing_goes_inside(address: str) -> None:
    with pytest.raises(AddressRefused, match="no public address|https"):
        judged("https://hooks.example.org/x", address)
    with pytest.raises(AddressRefused):
        judged("https://hooks.example.org/x", PUBLIC, address)


def test_public_and_named_networks_may_receive() -> None:
    assert judged("https://hooks.example.org/x") == (PUBLIC,)
    assert judged("https://hooks.example.org:8443/x", "2606:2800:21f::1") == ("2606:2800:21f::1",)
    inside = {"webhook_private_networks": ("10.20.0.0/16", "fd00:1::/32")}
    assert judged("https://parcels/x", "10.20.3.4", **inside) == ("10.20.3.4",)
    assert judged("https://parcels/x", "fd00:1::5", **inside) == ("fd00:1::5",)
    assert judged("https://parcels/x", "::ffff:10.20.3.4", **inside)
    for address in ("10.21.0.1", "127.0.0.1", "fd00:2::1"):
        with pytest.raises(AddressRefused):
            judged("https://parcels/x", address, **inside)
    with pytest.raises(AddressRefused, match="https"):
        judged("http://parcels/x", "10.20.3.4", **inside)
    itself = {"webhook_allow_private": True}
    assert judged("http://localhost:8000/x", "127.0.0.1", "::1", **itself) == ("127.0.0.1", "::1")
    with pytest.raises(AddressRefused):
        judged("http://localhost:8000/x", "127.0.0.1", "10.0.0.1", **itself)
    with pytest.raises(AddressRefused, match="https"):
        judged("http://hooks.example.org/x", **itself)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://hooks.example.org/x", "https"),
        ("ftp://hooks.example.org/x", "https"),
        ("https:///x", "host"),
        ("https://user@hooks.example.org/x", "password"),
        ("https://user:secret@hooks.example.org/x", "password"),
        ("https://@hooks.example.org/x", "password"),
        ("https://hooks.example.org:22/x", "port 22"),
        ("https://hooks.example.org:0/x", "host"),
        ("https://hooks.example.org:99999/x", "read"),
        ("https://hooks.example.org/x#y", "fragment"),
        ("https://hooks.example.org/a b", "printable"),
        ("https://hooks.example.org\\@127.0.0.1/", "printable"),
        ("https://hööks.example.org/x", "ASCII"),
        ("https://hooks.example.org/" + "x" * 2048, "2048"),
        ("https://[::1/x", "read"),
    ],
)
def test_urls_that_cannot_be_meant(url: str, says: str) -> None:
    with pytest.raises(AddressRefused, match=says):
        judged(url)


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_other_spellings_of_this_machine(host: str) -> None:
    policy = AddressPolicy.of(ServerSettings(Path("db"), Path("scans")))
    with pytest.raises(AddressRefused, match="no public address|cannot be resolved"):
        policy.target(f"https://{host}/x", system_resolver)


def send(settings: ServerSettings, url: str, resolve: Any = system_resolver) -> Outcome:
    async def once() -> Outcome:
        sender = Sender(settings, resolve)
        try:
            return await sender.send(url, Message("msg_1", json.dumps({"data": {}})), [new_secret()])
        finally:
            await sender.aclose()

    return asyncio.run(once())


def test_the_connection_goes_to_the_address_that_was_judged(tmp_path: Path) -> None:
    """A name that stands for something else at every look (DNS rebinding) changes nothing."""
    settings = ServerSettings(
        tmp_path / "db", tmp_path / "s", webhook_allow_private=True, webhook_timeout_s=2.0
    )
    looks: list[str] = []

    def resolve(host: str, _: int) -> Sequence[str]:
        looks.append(host)
        return ("127.0.0.1",) if len(looks) == 1 else ("192.0.2.1",)

    with receiving() as receiver:
        url = f"http://rebound.example:{receiver.port}/x"
        assert send(settings, url, resolve).answer is Answer.TAKEN
        assert receiver.got[0][0]["host"] == f"rebound.example:{receiver.port}"
        assert looks == ["rebound.example"]
        refused = send(settings, url, resolve)
        assert (refused.answer, len(receiver.got)) == (Answer.DOWN, 1)
        assert "https" in refused.error
        # The second address of a name is tried where the first does not answer.
        assert send(settings, url, lambda *_: ("127.0.0.2", "127.0.0.1")).answer is Answer.TAKEN


def test_proxies_of_the_environment_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ServerSettings(tmp_path / "db", tmp_path / "s", webhook_allow_private=True)
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert send(settings, receiver.url).answer is Answer.TAKEN
        assert (len(proxy.got), len(receiver.got)) == (0, 1)


def test_names_that_take_long_hold_up_nothing_else(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "db", tmp_path / "s", webhook_timeout_s=0.05)
    known = threading.Event()

    def slow(*_: Any) -> Sequence[str]:
        known.wait(10)
        return ()

    async def try_all() -> list[Outcome]:
        senders = [Sender(settings, slow) for _ in range(40)]
        message = Message.of("msg_1", "webhook.ping", "2026-11-22T12:00:00Z", "{}")
        try:
            sending = [one.send("https://hooks.example.org/x", message, [new_secret()]) for one in senders]
            told = await asyncio.gather(*sending)
            # What lines do with the database goes by the loop's own threads.
            await asyncio.wait_for(asyncio.to_thread(known.is_set), 1)
        finally:
            known.set()
            for one in senders:
                await one.aclose()
        return told

    assert {one.answer for one in asyncio.run(try_all())} == {Answer.DOWN}


def test_a_receiver_that_speaks_no_http_or_never_answers(tmp_path: Path) -> None:
    import socket

    settings = ServerSettings(
        tmp_path / "db", tmp_path / "s", webhook_allow_private=True, webhook_timeout_s=0.3
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "within 0.3 s" in send(settings, f"http://127.0.0.1:{port}/x").error

        def nonsense() -> None:
            for _ in range(2):
                with silent.accept()[0] as one:
                    one.sendall(b"\x15\x03\x01 what?\r\n\r\n")

        thread = threading.Thread(target=nonsense)
        thread.start()
        assert send(settings, f"http://127.0.0.1:{port}/x").answer is Answer.DOWN
        thread.join(5)
    tls = send(settings, f"https://127.0.0.1:{port}/x")
    assert (tls.answer, bool(tls.error)) == (Answer.DOWN, True)


def test_addresses_are_judged_when_a_webhook_is_made(server: Any) -> None:
    for url in (
        "https://localhost/x",
        "http://127.0.0.1:9000/x",
        "https://10.0.0.1/x",
        "https://no.such.invalid/x",
    ):
        answer = server.api("POST", "/webhooks", Role.PARCEL_SYSTEM, json={"url": url, "types": []})
        assert (answer.status_code, answer.json()["code"]) == (422, "address_refused"), url
    assert server.api("GET", "/webhooks", Role.PARCEL_SYSTEM).json()["items"] == []


def test_the_key_file(tmp_path: Path) -> None:
    path = tmp_path / "server" / "webhook.key"
    secret = new_secret()
    locked = SecretKeeper(path).lock(secret, "a")
    assert secret not in locked
    assert SecretKeeper(path).unlock(locked, "a") == secret
    with pytest.raises(WebhookKeyUnusable, match="not the key"):
        SecretKeeper(path).unlock(locked, "b")
    key = path.read_bytes()
    path.write_bytes(os.urandom(32))
    with pytest.raises(WebhookKeyUnusable, match="restore that file"):
        SecretKeeper(path).unlock(locked, "a")
    path.write_bytes(key[:5])
    with pytest.raises(WebhookKeyUnusable, match="no key"):
        SecretKeeper(path).unlock(locked, "a")
    path.write_bytes(key)
    path.chmod(0o644)
    with pytest.raises(WebhookKeyUnusable, match="open to others"):
        SecretKeeper(path).unlock(locked, "a")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WebhookKeyUnusable):
        SecretKeeper(path).unlock(locked, "a")


def test_waits() -> None:
    settings = ServerSettings(Path("db"), Path("scans"))
    refused, down = Outcome(Answer.REFUSED, 500), Outcome(Answer.DOWN)
    for tries, most in ((1, 5.0), (2, 300.0), (3, 1800.0), (9, 86400.0), (50, 86400.0)):
        drawn = [wait_s(settings, refused, tries) for _ in range(50)]
        assert 0.1 * most <= min(drawn) < 0.5 * most < max(drawn) <= most
        assert wait_s(settings, down, tries) <= 300
    assert wait_s(settings, Outcome(Answer.DOWN, 503, retry_after_s=900.0), 1) == 900
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert [retry_after(one, now) for one in ("", "5", "-1", "x", "99999999999")] == [0, 5, 0, 0, 3600]
    assert retry_after("Sun, 22 Nov 2026 12:00:30 GMT", now) == 30
    assert retry_after(f"Sun, 22 Nov 2026 12:00:30 +{'9' * 20}", now) == 0
    assert retry_after("Fri, 31 Dec 9999 23:59:59 -2359", now) == 3600
    assert retry_after("Sun, 22 Nov 2026 11:00:00 GMT", now) == 0
    assert retry_after("Sun, 29 Nov 2026 12:00:00 GMT", now) == 3600


def certificate(folder: Path, name: str) -> Path:
    """Make a certificate that vouches for itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "receiver.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_receiver_proves_its_name(tmp_path: Path) -> None:
    """The connection goes to an address, and the certificate must be that of the name."""
    pem = certificate(tmp_path, "hooks.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    plain = ServerSettings(tmp_path / "db", tmp_path / "s", webhook_allow_private=True, webhook_timeout_s=5.0)
    trusting = replace(plain, webhook_ca_file=pem)

    def here(*_: Any) -> Sequence[str]:
        return ("127.0.0.1",)

    with receiving(tls=context) as receiver:
        right, wrong = (f"https://{name}:{receiver.port}/x" for name in ("hooks.example", "other.example"))
        assert send(trusting, right, here).answer is Answer.TAKEN
        assert "ertificate" in send(trusting, wrong, here).error
        assert "ertificate" in send(plain, right, here).error
        assert len(receiver.got) == 1
