"""What the officer sees: each view says what happened, in words, with a symbol, and what to do next."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from instrument.errors import AcquisitionAborted, LaserMayBeOn

from ..problems import kind_of, message_of
from . import lights
from .agent import Bench
from .answers import verdict_view
from .refusals import PossiblyEnergetic
from .runs import FormTokens, Run, Runs
from .status import describe

PAGES = Path(__file__).parent / "pages"
_TEMPLATES = Environment(
    loader=FileSystemLoader(PAGES / "templates"), autoescape=True, undefined=StrictUndefined
)

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


class Officer:
    """The views of one agent, with its forms and the scans started from them.

    Parameters
    ----------
    bench
        What does the work.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.runs = Runs(bench)
        self.tokens = FormTokens()

    def red(self) -> Response | None:
        """Return the red page while a laser may be on: nothing else may be shown then."""
        alarm = lights.alarm(self.bench.devices.known())
        return self._page("laser.html", 503, detail=alarm) if alarm else None

    def start(self) -> Response:
        """Return the empty form: nothing of the parcel before is in it."""
        state = describe(self.bench)
        devices = [device for device in state["devices"] if "://" not in device["name"]]
        messages = [state["devices_trouble"]] if state["devices_trouble"] else []
        messages += [f"{device['name']}: {device['trouble']}" for device in devices if device["trouble"]]
        messages += [] if state["method"] else ["The method is being prepared; the first scan waits for it."]
        server = state["server"]["state"].replace("_", " ")
        return self._page(
            "start.html",
            messages=messages,
            form_token=self.tokens.issue(),
            devices=devices,
            blanks=state["blanks"],
            ask_eyewear=any(d["has_laser"] for d in devices) and not state["eyewear_confirmed"],
            open_screenings=[
                {"item": item, "screening_id": name, "form_token": self.tokens.issue()}
                for item, name in state["open_screenings"].items()
            ],
            server_line=f"Server: {server}. Waiting to be sent: {state['outbox']['pending']}.",
        )

    def show(self, run: Run) -> Response:
        """Return the page of a scan as it is now: under way, a verdict, or why there is none."""
        if run.error is not None:
            return self.failed(run.error)
        if run.answer is None:
            device = self.bench.devices.get(run.request.device)
            stage = device.described()["stage"]
            item = run.request.item or "an item without a label"
            return self._page("waiting.html", item=item, stage=stage, has_laser=device.has_laser)
        answer = run.answer
        return self._page(
            "verdict.html",
            item=answer["item"],
            result_id=answer["result_id"],
            posted_line=_POSTED[answer["posted"]],
            emulated=answer["device"]["emulated"],
            **verdict_view(answer["identification"]),
        )

    def failed(self, error: Exception) -> Response:
        """Return the page of an error; a laser that may be on outranks all else."""
        if isinstance(error, LaserMayBeOn):
            return self._page("laser.html", 503, detail=message_of(error))
        kind = kind_of(error)
        heading, symbol, lines, steps = kind.title.upper(), "!", [message_of(error)], ()
        if isinstance(error, PossiblyEnergetic):
            return self._message("STOP", "■", ["Nothing was fired."], _ENERGETIC_STEPS, kind.status)
        if isinstance(error, AcquisitionAborted):
            heading, symbol, lines = "STOPPED", "■", ["The laser was read back as off."]
        return self._message(heading, symbol, lines, steps, kind.status)

    def plain(self, status: int, heading: str) -> Response:
        """Return a page with nothing but a heading."""
        return self._message(heading, "!", [], (), status)

    def _message(
        self, heading: str, symbol: str, lines: list[str], steps: tuple[str, ...], status: int
    ) -> Response:
        return self._page("message.html", status, heading=heading, symbol=symbol, lines=lines, steps=steps)

    def _page(self, name: str, status: int = 200, **values: Any) -> Response:
        method = self.bench.loaded_method
        devices = self.bench.devices.known()
        values.setdefault("training", method is not None and method.training)
        values.setdefault("emulated", any(device.emulated for device in devices))
        return HTMLResponse(_TEMPLATES.get_template(name).render(values), status_code=status)
