"""What answers at a port or a host: questions only, and no light."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from instrument.discovery import Found, Silent, look_at_host, look_at_serial
from instrument.testing import running_emulator


def one(found: object) -> object:
    (only,) = found  # type: ignore[misc]
    return only


def test_a_spectrometer_at_a_serial_port() -> None:
    with running_emulator("obp", "--model", "QEPRO", "--pty", "--serial", "QEP01") as info:
        found = one(look_at_serial([info["address"]]))
    url = f"obp+serial://{info['address']}?model=QEPro"
    assert found == Found("spectrometer", url, "QEPro", "QEP01")


def test_a_spectrometer_with_a_laser_is_a_unit(tmp_path: Path) -> None:
    light = tmp_path / "light"
    with running_emulator("obp", "--model", "VENTANA", "--pty", "--light", str(light)) as info:
        found = one(look_at_serial([info["address"]]))
    assert isinstance(found, Found)
    assert (found.kind, found.model) == ("unit", "Ventana")
    assert all(float(line.split()[1]) == 0.0 for line in light.read_text().splitlines())


def test_a_laser_is_only_asked(tmp_path: Path) -> None:
    light = tmp_path / "light"
    with running_emulator("cobolt", "--pty", "--light", str(light)) as info:
        found = one(look_at_serial([info["address"]]))
    assert isinstance(found, Found)
    assert (found.kind, found.url) == ("laser", f"cobolt+serial://{info['address']}")
    assert found.model.startswith("0785-")
    assert len(light.read_text().splitlines()) <= 2  # dark at the start and at the end


def test_an_ips_laser_needs_its_label() -> None:
    with running_emulator("ips", "--pty") as info:
        found = one(look_at_serial([info["address"]]))
    assert isinstance(found, Found)
    assert found.kind == "laser"
    assert found.url == f"visa://ASRL{info['address']}::INSTR?driver=ips"
    assert found.needs


def test_what_is_no_port_or_says_nothing(tmp_path: Path) -> None:
    silent = list(look_at_serial(["/dev/none", str(tmp_path)]))
    assert all(isinstance(each, Silent) and each.why for each in silent)


@pytest.mark.parametrize("kind", ["obp", "spektralwerk"])
def test_hosts(kind: str) -> None:
    with running_emulator(kind, "--tcp", "0") as info:
        host, _, port = info["address"].partition(":")
        found = one(look_at_host(host, int(port)))
    assert isinstance(found, Found)
    assert found.serial == info["serial"]
    assert port in found.url


@contextmanager
def stranger(answer: bytes) -> Iterator[int]:
    """A server that answers anything with the same bytes."""

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(2)
                try:
                    while peer.recv(4096):
                        peer.sendall(answer)
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("answer", [b"\xff" * 300, b"SSH-2.0-x\r\n", b'HTTP/1.0 404\r\n\r\nid="STATU"\n'])
def test_strangers_are_nobody(answer: bytes) -> None:
    with stranger(answer) as port:
        assert one(look_at_host("127.0.0.1", port)) == Silent(f"127.0.0.1:{port}", "")
