"""The OpenAPI document: every body has an example, which fits its schema and which a real server takes."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from service.api.app import create_app
from service.api.docs.document import operations
from service.api.docs.tags import TAGS
from service.api.permissions import PERMISSIONS, Role
from service.api.settings import ServerSettings
from spectra.digest import json_digest

DOCUMENT = create_app(ServerSettings(Path("none.sqlite3"), Path("none"))).openapi()
JSON = "application/json"


def media() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield operation, what it is (request or status), and the description of its JSON body."""
    for _, _, operation in operations(DOCUMENT):
        told = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for what, one in told.items():
            if JSON in one.get("content", {}):
                yield operation["operationId"], what, one["content"][JSON]


def test_every_group_is_described() -> None:
    used = {tag for _, _, operation in operations(DOCUMENT) for tag in operation.get("tags", ["?"])}
    assert used <= set(TAGS), "describe it in service/api/docs/tags.py"
    assert [one["name"] for one in DOCUMENT["tags"]] == [name for name in TAGS if name in used]


def test_every_request_has_an_example() -> None:
    bare = [name for name, what, body in media() if what == "request" and not _shown(body)]
    assert bare == [], "give the model json_schema_extra={'examples': [...]}"


def _shown(body: dict[str, Any]) -> list[Any]:
    if "example" in body:
        return [body["example"]]
    return [one["value"] for one in body.get("examples", {}).values()]


def test_the_answers_that_matter_have_one() -> None:
    shown = {name for name, what, body in media() if what != "request" and _shown(body)}
    wanted = {
        "register_parcel",
        "register_parcels",
        "get_parcel",
        "patch_parcel",
        "list_waiting",
        "get_screening",
        "get_result",
        "list_events",
        "make_link",
        "record_disposition",
        "screen_sandbox_parcel",
    }
    assert wanted <= shown


def test_every_example_fits_its_schema() -> None:
    wrong = []
    for name, what, body in media():
        validator = Draft202012Validator({**body.get("schema", {}), "components": DOCUMENT["components"]})
        for example in _shown(body):
            wrong += [
                f"{name} {what}: {one.json_path} {one.message}" for one in validator.iter_errors(example)
            ]
    assert wrong == []


def _requests() -> Iterator[tuple[str, str, str, Any]]:
    for method, path, operation in operations(DOCUMENT):
        body = operation.get("requestBody", {}).get("content", {}).get(JSON)
        for example in [] if body is None else _shown(body):
            yield operation["operationId"], method.upper(), path, example


def _filled(name: str, path: str, ids: dict[str, str]) -> str:
    if name == "open_screening":
        ids = {**ids, "screening_id": ""}
    if name == "screen_sandbox_parcel":
        ids = {**ids, "parcel_id": ids["sandbox_id"]}
    for part in [one.partition("}")[0] for one in path.split("{")[1:]]:
        value = ids.get(part) or (
            "0" * 64 if part in {"scan_id", "file_id", "record_id"} else str(uuid.uuid4())
        )
        path = path.replace(f"{{{part}}}", value)
    return path.removeprefix("/api/v1")


def test_a_real_server_takes_every_example(server: Any, bench: Any) -> None:
    """Bodies are taken as they stand; only ids of what has to exist are put in."""
    refused, standing = [], _ids(server, bench)
    for name, method, path, example in _requests():
        ids = _named_in(example) if name not in _NEED_IDS else standing
        # A parcel that was merged is of no use afterwards.
        ids = _ids(server, bench) if name == "merge_parcel" else ids
        body = json.dumps(example)
        for old, new in _NEED_IDS.get(name, {}).items():
            body = body.replace(str(example.get(old)), ids[new])
        role = next(one for one in (Role.TECHNICIAN, *Role) if one in PERMISSIONS[name])
        headers = {"content-type": JSON, "If-Match": "*"}
        if name == "post_result":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        answer = server.api(method, _filled(name, path, ids), role, content=body, headers=headers)
        # What needs more than an id to be there may be missing: it is not the example that is refused.
        missing = answer.status_code in {404, 409} or "address_refused" in answer.text
        fine = answer.status_code < 300 or (name not in _NEED_IDS and missing)
        if not fine:
            refused.append((name, answer.status_code, answer.text[:300]))
    assert refused == []


def _named_in(example: Any) -> dict[str, str]:
    """Return the ids that an example has itself, or is named by."""
    named = {"bench": f"b-{uuid.uuid4().hex[:8]}", "record_id": json_digest(example)}
    return named | {name: value for name, value in example.items() if name.endswith("_id")}


#: Operation → member of its example → what of a real record is put in its place.
_NEED_IDS: dict[str, dict[str, str]] = {
    "register_parcel": {},
    "register_parcels": {},
    "patch_parcel": {},
    "merge_parcel": {"into": "other_id"},
    "open_screening": {},
    "complete_screening": {},
    "put_result": {"screening_id": "screening_id", "scan_id": "scan_id"},
    "post_result": {"screening_id": "screening_id", "scan_id": "scan_id"},
    "record_disposition": {},
    "make_link": {"screening_id": "screening_id", "parcel_id": "other_id"},
    "make_sandbox_parcel": {},
    "screen_sandbox_parcel": {},
}


def _ids(server: Any, bench: Any) -> dict[str, str]:
    """Return the ids of a screened parcel, of another one, and of a scan that has no result yet."""
    screening_id = bench.open(uuid.uuid4().hex, "none")
    bench.result(screening_id)
    simulated = server.api("POST", "/sandbox/parcels", Role.PARCEL_SYSTEM, json={})
    other = server.api("POST", "/parcels", json={"item_id": uuid.uuid4().hex, "item_id_type": "carrier"})
    return {
        "screening_id": screening_id,
        "parcel_id": bench.screening(screening_id)["parcel_id"],
        "sandbox_id": simulated.json()["parcel_id"],
        "other_id": other.json()["parcel_id"],
        "scan_id": bench.put_scan(screening_id),
    }
