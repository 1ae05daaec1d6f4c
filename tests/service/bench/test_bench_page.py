"""The officer's page, through its forms: what is asked, what fires, what is shown."""

import json
import re
import time

import httpx
import pytest


class Page:
    """A browser of few words."""

    def __init__(self, station) -> None:
        self.address = json.loads(station.settings.bench_file.read_text())["address"]
        self.http = httpx.Client(base_url=self.address, headers={"Origin": self.address}, timeout=30)

    def start(self) -> str:
        answer = self.http.get("/")
        assert answer.status_code == 200
        return answer.text

    def token(self) -> str:
        return re.search(r'name="form_token" value="([^"]+)"', self.start()).group(1)

    def form(self, **fields: str) -> dict[str, str]:
        filled = {
            "form_token": self.token(),
            "device": "b1",
            "item": "PAGE-1",
            "energetic": "no",
            "eyewear": "yes",
        }
        return {**filled, **fields}

    def verdict(self, path: str) -> str:
        for _ in range(300):
            text = self.http.get(path).text
            if 'http-equiv="refresh"' not in text:
                return text
            time.sleep(0.05)
        raise AssertionError("the scan did not end")


def finish_token(text: str) -> str:
    found = re.search(r'action="/complete".*?name="form_token" value="([^"]+)"', text, re.DOTALL)
    return found.group(1)


@pytest.fixture
def page(manned):
    with manned.connect() as client:
        deadline = time.monotonic() + 30
        while not client.status()["ready"] and time.monotonic() < deadline:
            time.sleep(0.05)
    page = Page(manned)
    with page.http:
        yield page


def fired_since(rig, before) -> bool:
    return any(power for _, power in rig.lit()[len(before) :])


@pytest.fixture
def new_shift(manned):
    """An agent to which nobody has confirmed eyewear yet."""
    with manned.connect() as client:
        if client.status()["eyewear_confirmed"]:
            client.stop_agent()


def test_a_parcel_through_the_page(rig, new_shift, page):
    rig.put("metamizole")
    text = page.start()
    assert "autofocus" in text
    assert "Everybody at this bench wears laser eyewear" in text
    assert "TRAINING" in text
    assert "EMULATED DEVICE" in text
    form = page.form(item="rr900000019gb")
    sent = page.http.post("/screen", data=form)
    assert sent.status_code == 303
    waiting = page.http.get(sent.headers["location"]).text
    assert "STOP" in waiting
    text = page.verdict(sent.headers["location"])
    assert re.search(r'<div class="word">\s*TRAINING ALARM', text)
    assert "▲" in text
    assert "RR900000019GB" in text
    assert "Metamizole" in text
    assert "Hold the parcel" in text
    assert "Next step" in text
    assert "safe" in text
    assert 'http-equiv="refresh"' not in text

    before = rig.lit()
    again = page.http.post("/screen", data=form)
    assert again.status_code == 409
    assert "sent before" in again.text
    assert not fired_since(rig, before)

    assert "Another spot of this item" in text
    assert "Finish this parcel" in text
    screening = re.search(r"/item/([0-9a-f-]+)/spot/2", text).group(1)

    asked = page.http.post("/screen", data=page.form(item="RR900000019GB"))
    assert asked.headers["location"] == f"/item/{screening}", "an unfinished parcel is asked about first"
    unfinished = page.http.get(f"/item/{screening}").text
    assert "This parcel is not finished. Nothing was fired." in unfinished
    assert not fired_since(rig, before)
    spot = page.http.get(f"/item/{screening}/spot/2").text
    assert "Spot 2 of RR900000019GB" in spot
    assert "Is the sample dark" not in spot, "asked once an item"
    rig.put("ibuprofen")
    more = page.form(item="RR900000019GB", spot="2")
    del more["energetic"]
    sent = page.http.post("/screen", data=more)
    assert sent.status_code == 303
    both = page.verdict(sent.headers["location"])
    assert re.search(r'<div class="word">\s*TRAINING ALARM', both), "no later scan outvotes an alarm"
    assert "Spot 2, attempt 1 alone" in both
    assert "Spot 1 again" in both
    again = page.http.get(f"/item/{screening}/spot/1").text
    assert "Spot 1, attempt 2 of RR900000019GB" in again

    empty = page.start()
    assert "Everybody at this bench wears laser eyewear" not in empty, "asked once a shift"
    first_form = empty.partition("Parcels not finished")[0]
    assert "RR900000019GB" not in first_form, "nothing is carried over to the next parcel"
    assert "checked" not in empty
    again = page.http.get(f"/item/{screening}").text
    done = {"form_token": finish_token(again), "item": "RR900000019GB", "barcode": " rr900000019gb "}
    sent = page.http.post("/complete", data=done)
    assert sent.headers["location"] == "/?finished=yes"
    assert page.http.post("/complete", data=done).status_code == 409
    assert "The parcel before is finished" in page.http.get("/?finished=yes").text
    assert "RR900000019GB" not in page.start()
    assert page.http.get(f"/item/{screening}/spot/2").headers["location"] == "/"
    assert "This parcel is not finished" not in page.http.get(f"/item/{screening}").text


def test_an_item_without_a_label_is_finished_by_its_button(rig, page):
    rig.put("ibuprofen")
    sent = page.http.post("/screen", data=page.form(item="", no_label="yes"))
    text = page.verdict(sent.headers["location"])
    item = re.search(r"NOLABEL-[0-9A-F]{8}", text).group(0)
    done = page.http.post("/complete", data={"form_token": finish_token(text), "item": item})
    assert done.headers["location"] == "/?finished=yes"
    assert item not in page.start()


def test_another_barcode_after_the_scan_asks(rig, page):
    rig.put("ibuprofen")
    sent = page.http.post("/screen", data=page.form(item="FIRST-1"))
    text = page.verdict(sent.headers["location"])
    forgotten = page.http.post("/complete", data={"form_token": finish_token(text), "item": "FIRST-1"})
    assert "IS IT STILL THE SAME ITEM?" in forgotten.text
    form = {"form_token": finish_token(forgotten.text), "item": "FIRST-1", "barcode": "carrier-9"}
    asked = page.http.post("/complete", data=form)
    assert asked.status_code == 409
    assert "ANOTHER BARCODE" in asked.text
    assert "FIRST-1" in page.start(), "nothing was finished"
    following = page.http.post(
        "/complete", data={**form, "form_token": finish_token(asked.text), "sure": "yes"}
    )
    assert following.status_code == 200
    assert 'value="CARRIER-9"' in following.text
    assert "FIRST-1" not in following.text


def test_blanks_are_taken_and_managed_on_their_page(rig, page):
    rig.put("polyethylene")
    page.start()

    def send(path: str, **fields: str) -> httpx.Response:
        token = re.search(r'name="form_token" value="([^"]+)"', page.http.get("/blanks").text).group(1)
        return page.http.post(f"/blanks/{path}", data={"form_token": token, **fields})

    taken = {"device": "b1", "name": "page bag", "presentation": "bag", "origin": "lot 3", "eyewear": "yes"}
    full = send("take", **taken)
    assert (full.status_code, "confirm that the container is empty" in full.text) == (409, True)
    sent = send("take", **taken, empty="yes")
    kept = page.verdict(sent.headers["location"])
    assert "BLANK KEPT" in kept
    assert "Polyethylene" in kept
    assert "page bag (bag, lot 3)" in page.start()
    rig.put("metamizole")
    sent = send("take", **{**taken, "name": "no bag"}, empty="yes")
    refused = page.verdict(sent.headers["location"])
    assert "NOT A BLANK" in refused
    assert "raises an alarm" in refused
    assert "no bag" not in page.http.get("/blanks").text
    assert send("rename", name="page bag", new_name="page bag 2").status_code == 303
    listed = page.http.get("/blanks").text
    assert "page bag 2" in listed
    assert "origin lot 3" in listed
    assert send("rename", name="page bag 2", new_name="<b>").status_code == 422
    assert send("retire", name="page bag 2").status_code == 303
    assert "page bag 2" not in page.http.get("/blanks").text
    token_used = page.http.post("/blanks/retire", data={"form_token": "made-up", "name": "x"})
    assert (token_used.status_code, "sent before" in token_used.text) == (409, True)


def test_a_countdown_is_shown_and_stopped(rig, page):
    before = rig.lit()
    sent = page.http.post("/screen", data=page.form(item="COUNTED", delay_s="60"))
    waiting = page.http.get(sent.headers["location"]).text
    deadline = time.monotonic() + 10
    while "countdown" not in waiting and time.monotonic() < deadline:
        waiting = page.http.get(sent.headers["location"]).text
    assert re.search(r'role="timer">(60|59)<', waiting)
    assert "LASER OFF" in waiting
    name = sent.headers["location"].rpartition("/")[2]
    assert f'name="run" value="{name}"' in waiting
    stopped = page.http.post("/stop", data={"run": name}).text
    assert "STOPPED" in stopped
    assert "ABORTED" in stopped, "the attempt is shown with its number"
    assert not fired_since(rig, before)
    assert page.http.post("/screen", data=page.form(delay_s="61")).status_code == 422


def test_a_scan_is_stopped_from_its_page(rig, page):
    rig.put("metamizole")
    sent = page.http.post("/screen", data=page.form(item="STOPPED"))
    rig.wait_on()
    stopped = page.http.post("/stop")
    assert "STOPPED" in stopped.text
    assert "read back as off" in stopped.text
    assert not rig.is_on
    assert "STOPPED" in page.verdict(sent.headers["location"])


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"energetic": "yes"}, 409, "Nothing was fired"),
        ({"energetic": ""}, 409, "answer whether the sample is dark"),
        ({"item": ""}, 422, "scan the barcode"),
        ({"no_label": "yes"}, 422, "not both"),
        ({"form_token": "made-up"}, 409, "sent before"),
        ({"form_token": ""}, 409, "sent before"),
        ({"device": "obp+serial:///dev/ttyUSB0"}, 422, "device"),
        ({"presentation": "pocket"}, 422, "presentation"),
        ({"surprise": "1"}, 422, "surprise"),
        ({"item": "x" * 200}, 422, "item"),
    ],
)
def test_forms_that_do_not_fire(rig, page, changes, status, words):
    before = rig.lit()
    answer = page.http.post("/screen", data=page.form(**changes))
    assert answer.status_code == status
    assert words.casefold() in answer.text.casefold()
    assert "Next parcel" in answer.text
    assert not fired_since(rig, before)


def test_energetic_material_has_a_procedure(page):
    text = page.http.post("/screen", data=page.form(energetic="yes")).text
    assert "STOP" in text
    assert "procedure for energetic material" in text


def test_a_form_of_another_site_does_not_fire(rig, page):
    before = rig.lit()
    for origin in ("https://evil.example", "null", page.address.replace("127.0.0.1", "localhost"), ""):
        answer = page.http.post("/screen", data=page.form(), headers={"Origin": origin})
        assert answer.status_code == 403, origin
        assert "did not come from the bench page" in answer.text
    assert not fired_since(rig, before)


def test_pages_are_sealed(page):
    answer = page.http.get("/")
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert "<script" not in answer.text
    style = page.http.get("/static/bench.css")
    assert style.headers["content-type"].startswith("text/css")


def test_what_is_not_there(page):
    assert page.http.get("/run/nothing").headers["location"] == "/"
    lost = page.http.get("/nothing")
    assert (lost.status_code, "NOT FOUND" in lost.text) == (404, True)
    assert page.http.post("/laser-check").headers["location"] == "/"
