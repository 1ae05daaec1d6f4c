"""Events as a stream: at once, resumable, bounded, and ended when it has to be."""

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from service.api.database import Database
from service.api.permissions import Role
from service.api.tokens.repository import create_token, revoke_token

from .receivers import wait_for

SYSTEM = Role.PARCEL_SYSTEM
QUICK: dict[str, Any] = {
    "push_poll_s": 0.05,
    "stream_check_s": 0.1,
    "stream_heartbeat_s": 0.2,
    "stream_limit": 2,
}


def frames(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """Yield the frames of a stream; comments are of the name ``""``."""
    frame: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(":")
            frame[name] = value.removeprefix(" ")
        elif frame:
            yield frame
            frame = {}


@contextmanager
def stream(served: Any, token: str | None = None, **options: Any) -> Iterator[httpx.Response]:
    headers = {"Authorization": f"Bearer {token or served.tokens[SYSTEM]}", **options.pop("headers", {})}
    with (
        httpx.Client(base_url=served.url, headers=headers, timeout=10) as client,
        client.stream("GET", "/api/v1/events/stream", **options) as answer,
    ):
        yield answer


def register(served: Any) -> None:
    body = {"item_id": f"C-{uuid.uuid4().hex[:12]}", "item_id_type": "carrier"}
    assert served.api("POST", "/parcels", SYSTEM, json=body).status_code == 201


def events(answer: httpx.Response) -> Iterator[dict[str, str]]:
    return (frame for frame in frames(answer) if "data" in frame)


def test_a_stream_carries_the_same_events_and_is_taken_up_again(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, **QUICK) as served:
        with stream(served) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            coming = frames(answer)
            first = next(coming)
            assert first["retry"] == "3000"
            began = time.monotonic()
            register(served)
            seen = next(frame for frame in coming if "data" in frame)
            assert time.monotonic() - began < 1
            assert any("" in frame and "data" not in frame for frame in coming), "heartbeats"
        pulled = served.api("GET", "/events", SYSTEM, params={"type": "parcel.registered"}).json()["items"]
        assert (seen["event"], int(seen["id"])) == ("parcel.registered", pulled[-1]["seq"])
        assert json.loads(seen["data"]) == pulled[-1]

        register(served)
        register(served)
        with stream(served, headers={"Last-Event-ID": seen["id"]}, params={"after": 0}) as answer:
            coming = events(answer)
            assert [int(next(coming)["id"]) - int(seen["id"]) for _ in range(2)] == [1, 2]
        with stream(served, params={"after": 0, "type": "parcel.registered"}) as answer:
            assert next(events(answer)) == seen
        with stream(served, served.tokens[Role.AUDITOR], params={"after": 0}) as answer:
            assert next(events(answer))["event"] == "token.created"
        with stream(served, headers={"Last-Event-ID": "999999"}) as answer:
            assert answer.status_code == 400
        with stream(served, headers={"Last-Event-ID": "x"}) as answer:
            assert answer.status_code == 422


def test_streams_are_bounded_and_end_with_their_token_and_the_server(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, **QUICK) as served, Database(served.settings.db_path) as database:
        with database.write("test") as change:
            secret, row = create_token(change, SYSTEM)
        with stream(served, secret) as answer:
            coming = frames(answer)
            next(coming)
            with stream(served) as other:
                others = frames(other)
                next(others)
                with stream(served) as third:
                    assert third.status_code == 503
                    assert json.loads(third.read())["code"] == "too_many_streams"
                    assert third.headers["retry-after"]
            with database.write("test") as change:
                revoke_token(change, row.token_id)
            assert list(coming) is not None, "it ends"
        ended = threading.Event()

        def follow() -> None:
            with stream(served) as answer:
                for frame in frames(answer):
                    if "retry" in frame:
                        up.set()
            ended.set()

        up = threading.Event()
        reader = threading.Thread(target=follow)
        wait_for(lambda: served.client(None).get("/healthz").status_code == 200)
        reader.start()
        assert up.wait(5)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    reader.join(5)
    assert ended.is_set()


def test_another_process_is_heard_of(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, **QUICK) as served, stream(served, served.tokens[Role.AUDITOR]) as answer:
        coming = frames(answer)
        next(coming)
        with Database(served.settings.db_path) as database, database.write("other") as change:
            create_token(change, Role.OFFICER)
        assert next(frame for frame in coming if "data" in frame)["event"] == "token.created"


def test_a_reader_that_does_not_read_is_cut_off(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, **{**QUICK, "stream_send_s": 0.3, "stream_limit": 1}) as served:
        with Database(served.settings.db_path) as database:
            for _ in range(6):
                with database.write("test") as change:
                    for _ in range(100):
                        change.record("token.revoked", "tokens/x", {"token_id": "x", "padding": "x" * 8000})
        place = urlsplit(served.url)
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect((place.hostname, place.port))
            head = f"Host: x\r\nAuthorization: Bearer {served.tokens[Role.AUDITOR]}\r\n"
            raw.sendall(f"GET /api/v1/events/stream?after=0 HTTP/1.1\r\n{head}\r\n".encode())

            def again() -> bool:
                with stream(served) as answer:
                    return answer.status_code == 200

            time.sleep(0.1)
            assert not again()
            wait_for(again, 3)
