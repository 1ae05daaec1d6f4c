"""An integrator's first hour: what is done, why, and what is promised to come of it.

The page shows these steps; a test takes the commands and the promises out of the page, runs the one and
looks for the other.
"""

from collections.abc import Collection
from dataclasses import dataclass

from . import commands


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the first hour."""

    name: str
    """Short name, kept: it stands in the page's addresses."""
    title: str
    """What is done."""
    text: str
    """Why, in a few sentences."""
    command: str
    """What to type; ``{base}`` stands for the server's address."""
    promises: tuple[str, ...]
    """What is in the output, each."""
    needs: str = ""
    """Operation without which the step makes no sense; empty for none."""

    def typed(self, base: str) -> str:
        """Return what to type for a server at an address."""
        return self.command.replace("{base}", base).rstrip("\n")


STEPS = (
    Step(
        "settings",
        "Set your shell up",
        "Put your token where the commands find it: export OPIOSCAN_TOKEN=ops_… . The helpers below only "
        "shorten what follows.",
        commands.SETTINGS,
        ("ready", "I follow events after number"),
    ),
    Step(
        "receiver",
        "Start a receiver for webhooks",
        "A few lines of Python that check every signature before they believe a message. The same check is "
        "in the libraries of the Standard Webhooks specification for many languages.",
        commands.RECEIVER,
        ("my receiver listens",),
        "create_webhook",
    ),
    Step(
        "webhook",
        "Have events sent to you",
        "The signing secret is shown this once: keep it like a password. A receiver on the server's own "
        "machine is taken only where the operator allows it for trials (setting webhook_allow_private); "
        "otherwise receivers are public https addresses, or in networks that the operator named.",
        commands.WEBHOOK,
        ("whsec_", "answered with 400"),
        "create_webhook",
    ),
    Step(
        "parcel",
        "Register a sandbox parcel",
        "A sandbox parcel behaves like a real one, is labelled as what it is, and counts nowhere. Real "
        "parcels are registered with POST /api/v1/parcels, or 500 at once with POST /api/v1/parcels/bulk; "
        "both take the same advance data.",
        commands.PARCEL,
        ("SANDBOX-", "not_screened"),
    ),
    Step(
        "offline",
        "See results that are still to come",
        "A bench that is cut off goes on screening and tells later. Take such a parcel neither for "
        "unscreened nor for complete.",
        commands.OFFLINE,
        ("queued_offline",),
    ),
    Step(
        "alarm",
        "See a completed screening that alarmed",
        "The outward word is a request, never an order, and always presumptive.",
        commands.ALARM,
        ("complete", "hold", "Metamizole"),
    ),
    Step(
        "events",
        "Follow the events",
        "Every change is an event with a number. Keep next_after and ask again: nothing is lost, nothing "
        "comes twice. This works behind any firewall; webhooks carry the same events.",
        commands.EVENTS,
        ("screening.opened", "link.made", "result.accepted", "screening.completed hold"),
    ),
    Step(
        "delivered",
        "See what was delivered to you",
        "Messages come at least once and may come again: webhook-id is the same each time.",
        commands.DELIVERED,
        ("delivered and genuine: screening.completed True",),
        "create_webhook",
    ),
    Step(
        "read",
        "Read the parcel",
        "The ETag names the state you saw. If nothing changed since, the answer is 304 without a body.",
        commands.READ,
        ("alarm_named", "nothing new: 304", "true"),
    ),
    Step(
        "change",
        "Change what you told in advance",
        "Only over the state you read: the second try names an old state and is refused.",
        commands.CHANGE,
        ("0.35", "precondition_failed"),
    ),
    Step(
        "disposition",
        "Say what became of the parcel",
        "Post back what was decided by those who may decide. An Idempotency-Key makes a repeat harmless: "
        "send the request again under the same key whenever an answer was lost.",
        commands.DISPOSITION,
        ("sent twice, recorded once", "seized"),
    ),
    Step(
        "calm",
        "See a parcel without an alarm, and an alarm that comes late",
        "no_hold_requested says that nothing was found that asks for a hold. A result that arrives after "
        "completion can make a finding graver, never milder (screening.amended).",
        commands.CALM,
        ("no_hold_requested", "hold"),
    ),
    Step(
        "errors",
        "Read an error",
        "Every error is a problem object (RFC 9457). Decide by its code, which is kept for ever; the rest "
        "is for people.",
        commands.ERRORS,
        ("404", "not_found"),
    ),
    Step(
        "pages",
        "Follow a long list",
        "next_cursor leads to the next page and is null at the end. It is good for the same filters only.",
        commands.PAGES,
        ("another page",),
    ),
    Step(
        "end",
        "Clean up",
        "Sandbox parcels stay, like every record; they are in nobody's way.",
        commands.END,
        ("revoked", "my receiver has gone"),
        "create_webhook",
    ),
)


def steps_for(operations: Collection[str]) -> tuple[Step, ...]:
    """Return the steps that make sense on a server with some operations."""
    return tuple(one for one in STEPS if not one.needs or one.needs in operations)
