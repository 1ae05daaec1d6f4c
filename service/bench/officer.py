"""The officer's page: scan a barcode, answer what has to be answered, see the verdict."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from instrument.errors import AcquisitionAborted, LaserMayBeOn

from ..errors import UsageError
from ..problems import kind_of, message_of
from . import lights
from .agent import Bench
from .answers import verdict_view
from .guard import check_origin
from .item import clean_label
from .refusals import FormUsed, PossiblyEnergetic
from .requests import ScanRequest
from .runs import FormTokens, Run, Runs
from .status import describe

_HERE = Path(__file__).parent / "pages"
_PAGES = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)

_ENERGETIC_STEPS = (
    "Stop. Do not scan this parcel with a laser, and do not handle it further.",
    "Follow the agency's procedure for energetic material.",
    "Tell your supervisor.",
)
_POSTED = {
    "posted": "The result is with the server.",
    "queued": "The result is kept on this bench and goes to the server when it can be reached.",
    "refused": "The server refused the result; it is kept on this bench. Tell a technician.",
    "no_server": "The result is kept on this bench; no server is configured.",
}


class _Officer:
    """What the page's routes share."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.runs = Runs(bench)
        self.tokens = FormTokens()

    def page(self, name: str, status: int = 200, **values: Any) -> Response:
        method = self.bench.loaded_method
        training = values.pop("training", method is not None and method.training)
        emulated = values.pop("emulated", any(device.emulated for device in self.bench.devices.known()))
        text = _PAGES.get_template(name).render(training=training, emulated=emulated, **values)
        return HTMLResponse(text, status_code=status)

    def red(self) -> Response | None:
        """Return the red page while a laser may be on: nothing else may be shown then."""
        alarm = lights.alarm(self.bench.devices.known())
        return self.page("laser.html", 503, detail=alarm) if alarm else None

    def failed(self, error: Exception) -> Response:
        """Return the page of an error."""
        if isinstance(error, LaserMayBeOn):
            return self.page("laser.html", 503, detail=message_of(error))
        kind, lines, steps = kind_of(error), [message_of(error)], ()
        heading, symbol = kind.title.upper(), "!"
        if isinstance(error, PossiblyEnergetic):
            heading, symbol, lines, steps = "STOP", "■", ["Nothing was fired."], _ENERGETIC_STEPS
        elif isinstance(error, AcquisitionAborted):
            heading, symbol, lines = "STOPPED", "■", ["The laser was read back as off."]
        return self.page(
            "message.html", kind.status, heading=heading, symbol=symbol, lines=lines, steps=steps
        )

    def start_page(self) -> Response:
        """Return the empty form: nothing of the parcel before is in it."""
        state = describe(self.bench)
        waiting = state["outbox"]["pending"]
        server = state["server"]["state"]
        messages = [state["devices_trouble"]] if state["devices_trouble"] else []
        messages += [f"{d['name']}: {d['trouble']}" for d in state["devices"] if d["trouble"]]
        messages += [] if state["method"] else ["The method is being prepared; the first scan waits for it."]
        return self.page(
            "start.html",
            messages=messages,
            form_token=self.tokens.issue(),
            devices=[d for d in state["devices"] if "://" not in d["name"]],
            blanks=state["blanks"],
            ask_eyewear=any(d["has_laser"] for d in state["devices"]) and not self.bench.shift.confirmed,
            open_screenings=[
                {"item": item, "screening_id": name, "form_token": self.tokens.issue()}
                for item, name in state["open_screenings"].items()
            ],
            server_line=f"Server: {server.replace('_', ' ')}. Waiting to be sent: {waiting}.",
        )

    def show(self, run: Run) -> Response:
        """Return the page of a run as it is now."""
        if run.error is not None:
            return self.failed(run.error)
        if run.answer is None:
            device = self.bench.devices.get(run.request.device)
            state = device.described()
            return self.page(
                "waiting.html", item=run.request.item, stage=state["stage"], has_laser=device.has_laser
            )
        answer = run.answer
        view = verdict_view(answer["identification"])
        line = _POSTED[answer["posted"]]
        return self.page(
            "verdict.html",
            item=answer["item"],
            result_id=answer["result_id"],
            posted_line=line,
            emulated=answer["device"]["emulated"],
            **view,
        )


def _asked_for(fields: dict[str, str], *, eyewear: str, energetic: str, no_label: str) -> ScanRequest:
    if energetic == "yes":
        raise PossiblyEnergetic("the sample may be energetic")
    item = clean_label(fields.pop("item"))
    if bool(item) == (no_label == "yes"):
        raise UsageError("scan the barcode, or say that the label is missing; not both")
    try:
        return ScanRequest(
            item=item,
            asked_on="page",
            eyewear=True if eyewear == "yes" else None,
            energetic=False if energetic == "no" else None,
            **fields,  # type: ignore[arg-type]
        )
    except ValidationError as error:
        raise UsageError(f"the form cannot be used: {error.errors()[0]['msg']}") from error


def officer_page(bench: Bench) -> APIRouter:
    """Return the routes of the officer's page."""
    officer, routes = _Officer(bench), APIRouter(default_response_class=HTMLResponse)
    Field = Annotated[str, Form(max_length=2048)]

    @routes.get("/")
    def start() -> Response:
        return officer.red() or officer.start_page()

    @routes.post("/screen")
    def screen(
        request: Request,
        form_token: Field = "",
        item: Field = "",
        no_label: Field = "",
        device: Field = "",
        presentation: Field = "direct",
        blank: Field = "",
        energetic: Field = "",
        eyewear: Field = "",
        keep_open: Field = "",
    ) -> Response:
        check_origin(request)
        if red := officer.red():
            return red
        fields: dict[str, Any] = {
            "item": item,
            "device": device,
            "presentation": presentation,
            "blank": blank,
        }
        fields["keep_open"] = keep_open == "yes"
        try:
            if not officer.tokens.spend(form_token):
                raise FormUsed(
                    "this form was sent before: nothing was fired again; start with the next parcel"
                )
            asked = _asked_for(fields, eyewear=eyewear, energetic=energetic, no_label=no_label)
            return RedirectResponse(f"/run/{officer.runs.start(asked)}", status_code=303)
        except Exception as error:
            return officer.failed(error)

    @routes.get("/run/{name}")
    def show(name: str) -> Response:
        if red := officer.red():
            return red
        run = officer.runs.get(name)
        return officer.show(run) if run is not None else RedirectResponse("/", status_code=303)

    @routes.post("/stop")
    def stop(request: Request) -> Response:
        check_origin(request)
        try:
            bench.abort()
        except LaserMayBeOn as error:
            return officer.failed(error)
        return officer.failed(AcquisitionAborted("stopped"))

    @routes.post("/complete")
    def complete(request: Request, form_token: Field = "", item: Field = "") -> Response:
        check_origin(request)
        try:
            if not officer.tokens.spend(form_token):
                raise FormUsed("this form was sent before")
            bench.complete(item)
        except Exception as error:
            return officer.failed(error)
        return RedirectResponse("/", status_code=303)

    @routes.post("/laser-check")
    def laser_check(request: Request) -> Response:
        check_origin(request)
        try:
            lights.check_off(bench.devices.known())
        except Exception as error:
            return officer.red() or officer.failed(error)
        return RedirectResponse("/", status_code=303)

    @routes.get("/static/bench.css")
    def style() -> Response:
        return FileResponse(_HERE / "static" / "bench.css", media_type="text/css")

    return routes
