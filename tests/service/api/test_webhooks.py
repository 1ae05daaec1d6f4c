"""Webhooks: events pushed to real receivers, signed, in order, until they are taken."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from service.api.database import Database
from service.api.permissions import Role
from service.api.tokens.repository import create_token, revoke_token

from .receivers import Receiver, receiving, wait_for

SYSTEM = Role.PARCEL_SYSTEM
KIND = "parcel.registered"

#: The schedule of the specification, in hundredths of seconds instead of hours.
QUICK: dict[str, Any] = {
    "webhook_allow_private": True,
    "webhook_retry_s": (0.0, 0.02, 0.02, 0.05, 0.05),
    "webhook_down_s": 0.05,
    "webhook_timeout_s": 0.4,
    "webhook_lease_s": 20.0,
    "push_poll_s": 0.05,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from .conftest import serving

    with serving(tmp_path_factory.mktemp("hooks"), **QUICK) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def make(served: Any, url: str, *types: str, role: Role = SYSTEM) -> dict[str, Any]:
    answer = served.api("POST", "/webhooks", role, json={"url": url, "types": list(types)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def register(served: Any, count: int = 1) -> list[int]:
    for _ in range(count):
        body = {"item_id": f"C-{uuid.uuid4().hex[:12]}", "item_id_type": "carrier"}
        assert served.api("POST", "/parcels", SYSTEM, json=body).status_code == 201
    found = served.api("GET", "/events", SYSTEM, params={"type": KIND, "limit": 200, "after": 0}).json()
    return [one["seq"] for one in found["items"]][-count:]


def read(served: Any, hook: dict[str, Any], role: Role = SYSTEM) -> dict[str, Any]:
    return served.api("GET", f"/webhooks/{hook['webhook_id']}", role).json()


def deliveries(served: Any, hook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    path = f"/webhooks/{hook['webhook_id']}/deliveries"
    return served.api("GET", path, SYSTEM, params=query).json()["items"]


def revoke(served: Any, hook: dict[str, Any]) -> None:
    assert served.api("DELETE", f"/webhooks/{hook['webhook_id']}", SYSTEM).json()["state"] == "revoked"


def test_events_arrive_signed_once_and_in_order(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url, KIND)
    numbers = register(served, 20)
    wait_for(lambda: len(receiver.got) >= 20)
    assert receiver.numbers() == numbers
    verifier = Verifier(hook["secret"])
    for headers, body in receiver.got:
        told = verifier.verify(body, headers)
        assert told["type"] == KIND
        assert told["data"]["subject"].startswith("parcels/")
        assert told["data"]["data"]["parcel_id"]
        assert headers["content-type"] == "application/json"
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 20
    with pytest.raises(WebhookVerificationError):
        Verifier(hook["secret"]).verify(receiver.got[0][1] + " ", receiver.got[0][0])
    wait_for(lambda: read(served, hook)["line"]["behind"] == 0)
    assert read(served, hook)["line"]["delivered"] == 20
    assert deliveries(served, hook) == []
    revoke(served, hook)


def test_a_secret_is_shown_once_and_kept_encrypted(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url, KIND)
    assert "secret" not in read(served, hook)
    folder = served.settings.db_path.parent
    assert (folder / "webhook.key").stat().st_mode & 0o777 == 0o600
    for file in folder.glob("opioscan.sqlite3*"):
        assert hook["secret"].removeprefix("whsec_").encode() not in file.read_bytes()
    rotated = served.api("POST", f"/webhooks/{hook['webhook_id']}/secret", SYSTEM).json()
    assert rotated["secret"] != hook["secret"]
    register(served)
    wait_for(lambda: receiver.got)
    for secret in (hook["secret"], rotated["secret"]):
        Verifier(secret).verify(receiver.got[0][1], receiver.got[0][0])
    revoke(served, hook)


def test_a_receiver_that_is_away_gets_all_in_order_when_it_is_back(served: Any) -> None:
    with receiving() as gone:
        port, url = gone.port, gone.url
    hook = make(served, url, KIND)
    numbers = register(served, 5)
    wait_for(lambda: read(served, hook)["line"]["failing_since"])
    assert [one["state"] for one in deliveries(served, hook)] == ["retrying"]
    with receiving(port) as back:
        wait_for(lambda: len(back.got) >= 5)
        assert back.numbers() == numbers
        wait_for(lambda: read(served, hook)["line"]["failing_since"] is None)
        assert [one["state"] for one in deliveries(served, hook)] == ["delivered"]
    revoke(served, hook)


def test_a_refused_event_is_set_aside_and_given_up_and_can_be_replayed(
    served: Any, receiver: Receiver
) -> None:
    hook = make(served, receiver.url, KIND)
    served.api("PATCH", f"/webhooks/{hook['webhook_id']}", SYSTEM, json={"state": "paused"})
    numbers = register(served, 4)
    bad = numbers[1]
    receiver.says = lambda told: (500 if told["data"]["seq"] == bad else 200, {}, b"no")
    served.api("PATCH", f"/webhooks/{hook['webhook_id']}", SYSTEM, json={"state": "active"})
    wait_for(lambda: deliveries(served, hook, state="dead"))
    seen = receiver.numbers()
    assert [one for one in dict.fromkeys(seen) if one != bad] == [one for one in numbers if one != bad]
    assert seen.count(bad) == 5
    assert len({h["webhook-id"] for h, body in receiver.got if f'"seq":{bad},' in body}) == 1
    (dead,) = deliveries(served, hook, state="dead")
    assert (dead["seq"], dead["attempts"], dead["status"]) == (bad, 5, 500)
    assert read(served, hook)["line"]["dead"] == 1

    receiver.says = lambda _: (200, {}, b"")
    replayed = {"delivery_id": dead["delivery_id"]}
    answer = served.api("POST", f"/webhooks/{hook['webhook_id']}/replay", SYSTEM, json=replayed)
    assert answer.status_code == 202, answer.text
    wait_for(lambda: [one["state"] for one in deliveries(served, hook)] == ["delivered"])
    assert receiver.numbers()[-1] == bad
    revoke(served, hook)


def test_what_was_given_up_is_delivered_by_a_stretch_too(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url, KIND)
    served.api("PATCH", f"/webhooks/{hook['webhook_id']}", SYSTEM, json={"state": "paused"})
    good, bad = register(served, 2)
    receiver.says = lambda told: (500 if told["data"]["seq"] == bad else 200, {}, b"")
    served.api("PATCH", f"/webhooks/{hook['webhook_id']}", SYSTEM, json={"state": "active"})
    wait_for(lambda: deliveries(served, hook, state="dead"))
    receiver.says = lambda _: (200, {}, b"")
    path = f"/webhooks/{hook['webhook_id']}/replay"
    assert served.api("POST", path, SYSTEM, json={"after": good - 1}).status_code == 202
    wait_for(lambda: receiver.numbers()[-2:] == [good, bad])
    wait_for(lambda: read(served, hook)["line"]["dead"] == 0)
    assert [one["state"] for one in deliveries(served, hook)] == ["delivered"]
    revoke(served, hook)


def test_a_receiver_that_takes_what_was_set_aside_fails_no_more(served: Any, receiver: Receiver) -> None:
    receiver.says = lambda _: (500 if len(receiver.got) <= 3 else 200, {}, b"")
    hook = make(served, receiver.url, KIND)
    register(served)
    wait_for(lambda: [one["state"] for one in deliveries(served, hook)] == ["delivered"])
    line = read(served, hook)["line"]
    assert (line["failing_since"], line["last_error"]) == (None, "")
    revoke(served, hook)


def test_revoking_ends_what_is_under_way(served: Any, receiver: Receiver) -> None:
    def slow(_: Any) -> Any:
        time.sleep(0.04)
        return 200, {}, b""

    receiver.says = slow
    hook = make(served, receiver.url, KIND)
    path = f"/webhooks/{hook['webhook_id']}"
    served.api("PATCH", path, SYSTEM, json={"state": "paused"})
    register(served, 40)
    served.api("PATCH", path, SYSTEM, json={"state": "active"})
    wait_for(lambda: len(receiver.got) >= 2)
    revoke(served, hook)
    came = len(receiver.got)
    time.sleep(0.6)
    assert len(receiver.got) < came + 9, "no longer than between two looks"
    refused = served.api("POST", f"{path}/test", SYSTEM)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


def test_a_stretch_is_sent_again_under_the_same_ids(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url, KIND)
    numbers = register(served, 4)
    wait_for(lambda: read(served, hook)["line"]["delivered"] == 4)
    path = f"/webhooks/{hook['webhook_id']}/replay"
    answer = served.api("POST", path, SYSTEM, json={"after": numbers[0], "until": numbers[2]})
    assert answer.status_code == 202, answer.text
    wait_for(lambda: len(receiver.got) == 6)
    register(served)
    wait_for(lambda: len(receiver.got) == 7)
    assert receiver.numbers()[:6] == [*numbers, *numbers[1:3]]
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids[4:6] == ids[1:3]
    late = served.api("POST", path, SYSTEM, json={"after": 10**6})
    assert late.json()["code"] == "invalid"
    assert served.api("POST", path, SYSTEM, json={}).status_code == 422
    revoke(served, hook)


def test_gone_disables_and_redirects_are_not_followed(served: Any, receiver: Receiver) -> None:
    with receiving() as other:
        receiver.says = lambda _: (307, {"Location": other.url}, b"")
        hook = make(served, receiver.url, KIND)
        register(served)
        wait_for(lambda: deliveries(served, hook, state="dead"))
        assert "redirect" in deliveries(served, hook)[0]["error"]
        receiver.says = lambda _: (410, {}, b"")
        register(served)
        wait_for(lambda: read(served, hook)["state"] == "disabled")
        assert not other.got
    assert read(served, hook)["why"] == "gone"
    events = served.api("GET", "/events", Role.AUDITOR, params={"subject": f"webhooks/{hook['webhook_id']}"})
    told = [(one["type"], one["data"].get("why")) for one in events.json()["items"]]
    assert told == [("webhook.created", None), ("webhook.changed", "gone")]
    came = len(receiver.got)
    register(served)
    receiver.says = lambda _: (200, {}, b"")
    assert len(receiver.got) == came
    told = served.api("PATCH", f"/webhooks/{hook['webhook_id']}", SYSTEM, json={"description": "x"}).json()
    assert (told["state"], told["why"]) == ("disabled", "gone")
    served.api("PATCH", f"/webhooks/{hook['webhook_id']}", SYSTEM, json={"state": "active"})
    wait_for(lambda: len(receiver.got) == came + 2)
    revoke(served, hook)


def test_a_webhook_that_fails_for_long_is_disabled(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, **{**QUICK, "webhook_disable_s": 0.1}) as served, receiving() as receiver:
        receiver.says = lambda _: None
        hook = make(served, receiver.url, KIND)
        register(served)
        wait_for(lambda: read(served, hook)["state"] == "disabled")
        assert read(served, hook)["why"] == "failing"


def test_slow_long_and_cut_answers(served: Any, receiver: Receiver) -> None:
    def cut(_: Any) -> Any:
        return (200, {"Content-Length": "100"}, b"x") if len(receiver.got) < 3 else (200, {}, b"x" * 200_000)

    receiver.says = cut
    hook = make(served, receiver.url, KIND)
    register(served)
    wait_for(lambda: read(served, hook)["line"]["delivered"] == 1)
    assert len(receiver.got) == 3
    revoke(served, hook)


def test_a_ping(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url, "screening.completed")
    path = f"/webhooks/{hook['webhook_id']}/test"
    said = served.api("POST", path, SYSTEM).json()
    assert (said["delivered"], said["status"], said["error"]) == (True, 204, "")
    assert receiver.kinds() == ["webhook.ping"]
    Verifier(hook["secret"]).verify(receiver.got[0][1], receiver.got[0][0])
    receiver.says = lambda _: None
    said = served.api("POST", path, SYSTEM).json()
    assert (said["delivered"], said["status"]) == (False, None)
    assert said["error"]
    revoke(served, hook)


def test_everybody_has_own_webhooks(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url, KIND)
    other = make(served, receiver.url, role=Role.ADMIN)
    assert other["types"] == []
    names = {one["webhook_id"] for one in served.api("GET", "/webhooks", SYSTEM).json()["items"]}
    assert hook["webhook_id"] in names
    assert other["webhook_id"] not in names
    assert served.api("GET", f"/webhooks/{other['webhook_id']}", SYSTEM).status_code == 404
    every = served.api("GET", "/webhooks", Role.ADMIN, params={"state": "active"}).json()["items"]
    assert {hook["webhook_id"], other["webhook_id"]} <= {one["webhook_id"] for one in every}
    assert served.api("DELETE", f"/webhooks/{other['webhook_id']}", Role.ADMIN).status_code == 200
    revoke(served, hook)
    again = served.api("PATCH", f"/webhooks/{hook['webhook_id']}", SYSTEM, json={"state": "active"})
    assert again.json()["code"] == "conflict"


def test_changes_meet_the_version_that_was_read(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url, KIND)
    path = f"/webhooks/{hook['webhook_id']}"
    tag = served.api("GET", path, SYSTEM).headers["etag"]
    changed = served.api("PATCH", path, SYSTEM, json={"description": "x"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["description"]) == (200, "x")
    late = served.api("PATCH", path, SYSTEM, json={"description": "y"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    both = {"If-Match": f"{tag}, {changed.headers['etag']}"}
    assert served.api("PATCH", path, SYSTEM, json={"description": "z"}, headers=both).status_code == 200
    unknown = served.api("PATCH", path, SYSTEM, json={"types": ["no.such"]})
    assert unknown.status_code == 422
    revoke(served, hook)


def test_a_revoked_token_receives_nothing(serve_at: Any, tmp_path: Path) -> None:
    with serve_at(tmp_path, **QUICK) as served, receiving() as receiver:
        hook = make(served, receiver.url, role=Role.ADMIN)
        wait_for(lambda: read(served, hook, Role.ADMIN)["line"]["behind"] == 0)
        with Database(served.settings.db_path) as database, database.write("test") as change:
            new, _ = create_token(change, Role.ADMIN)
            revoke_token(change, served.token_ids[Role.ADMIN])
        served.clients.pop(Role.ADMIN).close()
        served.tokens[Role.ADMIN] = new
        register(served)
        seen = read(served, hook, Role.ADMIN)
        assert not seen["token_valid"]
        assert not receiver.got


def test_two_processes_do_not_send_the_same(served: Any, receiver: Receiver) -> None:
    """A lease is one process's until it ends; a rival that comes along sends nothing meanwhile."""
    from service.api.clock import utc_now
    from service.api.webhooks import deliveries as lines

    hook = make(served, receiver.url, KIND)
    register(served)
    wait_for(lambda: receiver.got)
    with Database(served.settings.db_path) as database:
        with database.write("rival") as change:
            assert not lines.take_lease(change.session, hook["webhook_id"], "rival", 60)
        with database.read() as session:
            assert not lines.is_free(session, hook["webhook_id"], "rival")
        with database.write("rival") as change:
            line = change.session.get_one(lines.WebhookLine, hook["webhook_id"])
            assert line.lease_until > utc_now()
            change.session.expunge(line)
            line.cursor += 100
            assert not lines.keep_line(change.session, line, "rival", 60)
    revoke(served, hook)


def test_payloads_are_the_outward_events(served: Any, receiver: Receiver) -> None:
    hook = make(served, receiver.url)
    (number,) = register(served)
    wait_for(lambda: receiver.got)
    (told,) = [json.loads(body) for _, body in receiver.got]
    page = served.api("GET", "/events", SYSTEM, params={"after": number - 1, "limit": 1}).json()
    assert told["data"] == page["items"][0]
    assert told["timestamp"] == page["items"][0]["at"]
    revoke(served, hook)
