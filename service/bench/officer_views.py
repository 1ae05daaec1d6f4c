"""What the officer sees: each view says what happened, in words, with a symbol, and what to do next."""

from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from instrument.errors import AcquisitionAborted, DeviceURLError, LaserMayBeOn

from ..problems import kind_of, message_of
from . import lights, officer_words
from .activity import Activity
from .agent import Bench
from .answers import verdict_view
from .officer_forms import blank_form, parcel_form
from .officer_frame import page
from .refusals import AccessoryUnclean, BlankRefused, NotSignedIn, PossiblyEnergetic
from .requests import BlankRequest, Firing, ScanRequest
from .runs import FormTokens, Run, Runs
from .status import describe_device
from .visit import describe_visit, next_spot

Answer = dict[str, Any]


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
        bench.signing_in.on_change = self._relieved

    def red(self) -> Response | None:
        """Return the red page while a laser may be on: nothing else may be shown then."""
        alarm = lights.alarm(self.bench.devices.known())
        return self._page("laser.html", 503, detail=alarm) if alarm else None

    def start(self, label: str = "", *, device: str = "", finished: bool = False) -> Response:
        """Return the form for a parcel; nothing of the parcel before is in it.

        Parameters
        ----------
        label
            Its barcode, where that was scanned already.
        device
            Device to use; empty for the one used last.
        finished
            Whether the parcel before was finished just now.
        """
        wanted = device or self.runs.last_device
        form = parcel_form(self.bench, self.tokens, wanted, label=label)
        return self._page("start.html", here="/", attempt=1, finished=finished, **form)

    def spot(self, screening_id: str, spot: int, *, device: str = "") -> Response:
        """Return the form for one more scan of a parcel; the start page where it is finished."""
        visit = self._visit(screening_id)
        if visit is None or visit["screening"] != "open":
            return RedirectResponse("/", status_code=303)
        before = self.runs.last_of(visit["item"])
        form = parcel_form(
            self.bench,
            self.tokens,
            device or (before.device if before else ""),
            label=visit["item"],
            spot=spot,
            before=before,
            screening_id=screening_id,
        )
        tries = [one["attempt"] for one in visit["attempts"] if one["spot"] == spot]
        here = f"/item/{screening_id}/spot/{spot}"
        attempt = max(tries, default=0) + 1
        return self._page("start.html", here=here, attempt=attempt, finished=False, **form)

    def confirm(self, item: str, barcode: str) -> Response:
        """Ask whether a parcel is finished of which the barcode was not scanned again, or another one was."""
        screening = self.bench.outbox.screening_of(item) or ""
        tokens = [self.tokens.issue() for _ in range(3)]
        return self._page(
            "confirm.html", 409, item=item, barcode=barcode, screening_id=screening, tokens=tokens
        )

    def visit(self, screening_id: str) -> Response:
        """Return the page of a parcel that was scanned here; the start page for one that never was."""
        visit = self._visit(screening_id)
        if visit is None:
            return RedirectResponse("/", status_code=303)
        return self._page("visit.html", **self._visit_values(visit))

    def blanks(self, *, device: str = "") -> Response:
        """Return the list of blanks and the form for one more; ``device`` as for `start`."""
        return self._page(
            "blanks.html", **blank_form(self.bench, self.tokens, device or self.runs.last_device)
        )

    def show(self, name: str, run: Run) -> Response:
        """Return the page of a scan as it is now: under way, a verdict, or why there is none."""
        if run.error is not None:
            return self.failed(run.error, request=run.request)
        if run.answer is None:
            return self._waiting(name, run)
        if isinstance(run.request, BlankRequest):
            parts = run.answer["identification"]["components"]
            return self._page("blank.html", blank=run.answer, components=parts)
        return self._verdict(run.answer)

    def failed(self, error: Exception, *, request: Firing | None = None) -> Response:
        """Return the page of an error; a laser that may be on outranks all else.

        Parameters
        ----------
        error
            What went wrong.
        request
            What was asked for, where a scan was.
        """
        if isinstance(error, LaserMayBeOn):
            return self._page("laser.html", 503, detail=message_of(error))
        if red := self.red():
            return red
        kind = kind_of(error)
        heading, symbol, lines, steps = self._told(error, request)
        links = [("/sign-in", "Sign in")] if isinstance(error, NotSignedIn) else [("/", "Next parcel")]
        if isinstance(error, AccessoryUnclean | BlankRefused) and request is not None:
            # The same instrument may be soiled under another of its names.
            soiled = [one.name for one in self.bench.contacts.soiled() if one.words in message_of(error)]
            name = quote(soiled[0] if soiled else request.device, safe="")
            links.insert(0, (f"/blanks?device={name}", "Take a blank"))
        visit = self._visit_asked(request)
        return self._message(heading, symbol, lines, steps, kind.status, links, visit)

    def plain(self, status: int, heading: str) -> Response:
        """Return a page with nothing but a heading."""
        return self._message(heading, "!", [], (), status, [("/", "Next parcel")], None)

    def _told(self, error: Exception, request: Firing | None) -> tuple[str, str, list[str], tuple[str, ...]]:
        """Return heading, symbol, lines and next steps of an error's page."""
        lines = [message_of(error)]
        if isinstance(error, PossiblyEnergetic):
            return "STOP", "■", ["Nothing was fired."], officer_words.ENERGETIC_STEPS
        if isinstance(error, AcquisitionAborted):
            return "STOPPED", "■", [self._stopped_words(request)], ()
        if isinstance(error, BlankRefused):
            return "NOT A BLANK", "!", [*lines, "No blank was kept."], ()
        if isinstance(error, AccessoryUnclean):
            return kind_of(error).title.upper(), "■", lines, officer_words.CLEANING_STEPS
        return kind_of(error).title.upper(), "!", lines, ()

    def _verdict(self, answer: Answer) -> Response:
        visit = answer["visit"]
        # Other scans of the parcel may have come after this one.
        values = self._visit_values(self._visit(visit["screening_id"]) or visit)
        view, overall = verdict_view(answer["identification"]), values["overall"]
        differs = overall is not None and overall["verdict"] != view["verdict"]
        if differs and overall["verdict"].startswith("alarm"):
            view["steps"] = tuple(dict.fromkeys((overall["words"].step, *view["steps"])))
        soiled = [one.words for one in self.bench.contacts.soiled() if one.item == answer["item"]]
        return self._page(
            "verdict.html",
            item=answer["item"],
            spot=answer["spot"],
            attempt=answer["attempt"],
            result_id=answer["result_id"],
            posted_line=officer_words.POSTED[answer["posted"]],
            emulated=answer["device"]["emulated"],
            differs=differs,
            owners=officer_words.owners(answer["identification"]["reasons"]),
            soiled="; ".join(soiled),
            comparison=answer["comparison"],
            **view,
            **values,
        )

    def _waiting(self, name: str, run: Run) -> Response:
        request = run.request
        device = describe_device(self.bench, self.bench.devices.get(request.device))
        activity = device["activity"] or Activity("").to_json()
        if isinstance(request, ScanRequest):
            what = f"{request.item or 'an item without a label'}, spot {request.spot}"
        else:
            what = f"what is empty, for the blank {request.name}"
        symbol, words = officer_words.LASERS[device["laser"]]
        return self._page(
            "waiting.html",
            run=name,
            what=what,
            words=activity["words"].capitalize(),
            seconds_left=activity["seconds_left"],
            progress=officer_words.progress(run.elapsed_s, self.runs.expected_s(request), activity),
            laser=device["laser"],
            laser_symbol=symbol,
            laser_words=words,
        )

    def _visit(self, screening_id: str) -> Answer | None:
        tries = self.bench.attempts.of(screening_id)
        return describe_visit(self.bench, screening_id, tries[0].item) if tries else None

    def _visit_asked(self, request: Firing | None) -> Answer | None:
        """Return the open visit of the item that was asked for, None where nothing was tried in it."""
        if not isinstance(request, ScanRequest):
            return None
        screening_id = self.bench.outbox.screening_of(request.item)
        return self._visit(screening_id) if screening_id else None

    def _visit_values(self, visit: Answer) -> Answer:
        tries, overall = visit["attempts"], officer_words.finding_view(visit["finding"])
        return {
            "visit": visit,
            "overall": overall,
            # The field would scroll an alarm's words out of sight, and nobody should pass one in a hurry.
            "may_hurry": overall is None or not overall["verdict"].startswith("alarm"),
            "tries": [officer_words.attempt_view(one) for one in tries],
            "spots": sorted({one["spot"] for one in tries}),
            "next_spot": next_spot(tries),
            "form_token": self.tokens.issue(),
        }

    def _stopped_words(self, request: Firing | None) -> str:
        try:
            lit = request is None or self.bench.devices.get(request.device).has_laser
        except DeviceURLError:
            lit = True
        return "The laser was read back as off." if lit else "Nothing is being measured any more."

    def _message(
        self,
        heading: str,
        symbol: str,
        lines: list[str],
        steps: tuple[str, ...],
        status: int,
        links: list[tuple[str, str]],
        visit: Answer | None,
    ) -> Response:
        values = self._visit_values(visit) if visit else {"visit": None}
        said = {"heading": heading, "symbol": symbol, "lines": lines, "steps": steps, "links": links}
        said["tone"] = "locked" if steps else "stopped"
        return self._page("message.html", status, **said, **values)

    def _page(self, name: str, status: int = 200, **values: Any) -> Response:
        return page(self.bench, name, status, **values)

    def _relieved(self) -> None:
        """Carry nothing over to the next officer: no form, no verdict, no choice of before."""
        self.tokens.void()
        self.runs.forget()
