"""What stands in the officer's forms: devices, blanks, questions that are still to be answered."""

from typing import TYPE_CHECKING, Any

from spectra.values import Presentation

from . import adaptive, officer_words
from . import blanks as blank_rules
from .contacts import CALLED, usual_presentation
from .requests import ScanRequest
from .runs import FormTokens
from .status import describe

if TYPE_CHECKING:
    from .agent import Bench

Answer = dict[str, Any]


def parcel_form(
    bench: "Bench",
    tokens: FormTokens,
    wanted: str,
    *,
    label: str = "",
    spot: int | None = None,
    before: ScanRequest | None = None,
    screening_id: str | None = None,
) -> Answer:
    """Return what the form of a parcel shows.

    Parameters
    ----------
    bench, tokens
        Whose form it is, and what makes it good once.
    wanted
        Name of the device to use; empty for any.
    label
        The parcel's barcode, where it is known.
    spot
        Number of the spot for one more scan of it; None for a parcel that was just put down.
    before
        How it was scanned before.
    screening_id
        Its open screening.
    """
    state = describe(bench)
    devices, device = chosen_device(state, wanted)
    soiled = next((one for one in state["accessories"] if device and one["name"] == device["name"]), None)
    return {
        "messages": _messages(state, devices, soiled),
        "form_token": tokens.issue(),
        "label": label,
        "spot": spot,
        "devices": devices,
        "device": device,
        "soiled": soiled,
        "soiled_called": CALLED[soiled["accessory"]] if soiled else "",
        "presentations": officer_words.PRESENTATIONS,
        "chosen": _chosen(before, device),
        "adaptive_limit": adaptive.LIMIT,
        "blanks": _blanks_for(state["blanks"], device),
        "ask_eyewear": _asks_eyewear(state, device),
        "ask_energetic": not bench.shift.is_cleared(screening_id),
        "open_screenings": [] if spot else _unfinished(state),
    }


def blank_form(bench: "Bench", tokens: FormTokens, wanted: str) -> Answer:
    """Return what the page of blanks shows; ``wanted`` as for `parcel_form`."""
    state = describe(bench)
    devices, device = chosen_device(state, wanted)
    listed = blank_rules.listed(bench.notes)
    kind = usual_presentation(device["contact"] if device else "", Presentation.BAG).value
    called = "crystal" if kind == Presentation.ATR else kind
    return {
        "form_token": tokens.issue(),
        "here": "/blanks",
        "devices": devices,
        "device": device,
        "accessories": state["accessories"],
        "containers": officer_words.CONTAINERS,
        "chosen": kind,
        "suggested": officer_words.suggested_name(called, {one["name"] for one in listed}),
        "ask_eyewear": _asks_eyewear(state, device),
        "blanks": [{**one, "rename_token": tokens.issue(), "retire_token": tokens.issue()} for one in listed],
    }


def chosen_device(state: Answer, wanted: str) -> tuple[list[Answer], Answer | None]:
    """Return the configured devices, and the wanted one or else the first; None where there is none."""
    devices = [one for one in state["devices"] if "://" not in one["name"]]
    first = devices[0] if devices else None
    return devices, next((one for one in devices if one["name"] == wanted), first)


def _messages(state: Answer, devices: list[Answer], soiled: Answer | None) -> list[str]:
    """Return what is the matter with the bench; ``soiled`` has a place of its own on the page."""
    messages = [state["devices_trouble"]] if state["devices_trouble"] else []
    messages += [f"{one['name']}: {one['trouble']}" for one in devices if one["trouble"]]
    messages += [words for one in devices if (words := flagged_words(one))]
    messages += [] if state["method"] else ["The method is being prepared; the first scan waits for it."]
    return messages + [one["words"] for one in state["accessories"] if one is not soiled]


def flagged_words(device: Answer) -> str:
    """Return that a device failed its verification and what that puts in doubt; empty where it did not."""
    said = device["verification"]
    if said["state"] != "failed":
        return ""
    count, since = said["flagged"]["count"], said["flagged"]["since"]
    results = "1 result" if count == 1 else f"{count} results"
    doubt = f"; {results} since {officer_words.when(since)} flagged for review" if count else ""
    return f"the last verification of {device['name']} failed{doubt}"


def _chosen(before: ScanRequest | None, device: Answer | None) -> Answer:
    usual = usual_presentation(device["contact"] if device else "", Presentation.DIRECT)
    if before is None:
        return {"presentation": usual, "blank": "", "adaptive": False, "delay_s": "0", "special": False}
    return {
        "presentation": before.presentation or usual,
        "blank": before.blank,
        "adaptive": before.adaptive,
        "delay_s": f"{before.delay_s:g}",
        "special": before.adaptive or before.delay_s > 0,
    }


def _blanks_for(blanks: list[Answer], device: Answer | None) -> list[Answer]:
    """Leave out blanks of other instruments, as soon as it is known which one this is."""
    if device is None or not device["open"]:
        return blanks
    return [one for one in blanks if one["device"] == f"{device['model']}/{device['serial']}"]


def _asks_eyewear(state: Answer, device: Answer | None) -> bool:
    return device is not None and device["has_laser"] and not state["eyewear_confirmed"]


def _unfinished(state: Answer) -> list[Answer]:
    return [{"item": item, "screening_id": name} for item, name in state["open_screenings"].items()]
