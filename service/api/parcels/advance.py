"""Advance data: what the sender's side told of a parcel before anybody saw it.

Two kinds are kept apart. Who sent it, as text, is personal data. What was declared, where it goes and
what the targeting system says of it names nobody.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ...settings_file import BENCH_NAME
from ..wholes import WHOLE


def _plain(text: str) -> str:
    if not text.replace("\n", "").isprintable():
        raise ValueError("control and invisible characters are not taken")
    return text


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control and invisible characters are not taken")
    return text


#: By form: the list of codes changes, and posts use codes of their own (ISO 3166-1 leaves room for them).
Country = Annotated[
    str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, by form.", examples=["NL"])
]
Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        description="The parcel system's own name for the parcel; it is no secret, and must name no person.",
        examples=["SHIP-2026-000815"],
    ),
    AfterValidator(_line),
]
Site = Annotated[
    str,
    Field(pattern=BENCH_NAME.pattern, max_length=64, description="Where it is due.", examples=["AMS-mail"]),
]
Reason = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]
HsCode = Annotated[
    str,
    Field(pattern=r"^[0-9]{6,10}$", description="Harmonized System, 6 to 10 digits.", examples=["293339"]),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Sender(_Strict):
    """Who sent it. Personal: kept apart, erased by retention, shown to few."""

    name: Annotated[str, Field(max_length=200), AfterValidator(_line)] = ""
    address: Annotated[str, Field(max_length=1000), AfterValidator(_plain)] = ""


class Money(_Strict):
    """A declared value."""

    amount: Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$", examples=["24.50"])]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217, by form.", examples=["EUR"])]


class Risk(_Strict):
    """What the targeting system thinks of it. It decides the order of the queue and nothing else."""

    score: Annotated[float, Field(ge=0.0, le=1.0, description="More is riskier.", examples=[0.82])]
    source: Annotated[
        str,
        Field(min_length=1, max_length=128, description="Who scored it.", examples=["targeting-2"]),
        AfterValidator(_line),
    ]
    reasons: Annotated[list[Reason], Field(max_length=20)] = []


class Declaration(_Strict):
    """What names nobody."""

    sender_country: Country | None = None
    origin: Country | None = Field(None, description="Where the item was posted.")
    destination: Country | None = None
    content: Annotated[str, Field(max_length=1000), AfterValidator(_plain)] | None = Field(
        None, description="Content as declared.", examples=["vitamin tablets"]
    )
    value: Money | None = None
    weight_g: Annotated[int, WHOLE, Field(ge=1, le=2_000_000)] | None = Field(
        None, description="Declared, g."
    )
    hs_codes: Annotated[list[HsCode], Field(max_length=50)] = []
    known_shipper: bool | None = Field(None, description="Whether the sender is known; null for not told.")
    risk: Risk | None = None
    reference: Reference | None = None
    site: Site | None = None


ADVANCE_EXAMPLE: dict[str, Any] = {
    "sender": {"name": "Example Trading Ltd", "address": "1 Harbour Road\nExampletown"},
    "sender_country": "CN",
    "origin": "CN",
    "destination": "US",
    "content": "vitamin tablets",
    "value": {"amount": "24.50", "currency": "USD"},
    "weight_g": 310,
    "hs_codes": ["293628"],
    "known_shipper": False,
    "risk": {"score": 0.82, "source": "targeting-2", "reasons": ["first parcel of this sender"]},
    "reference": "SHIP-2026-000815",
    "site": "JFK-mail",
}


class Advance(Declaration):
    """What the sender's side told of a parcel before anybody saw it. All of it may be missing."""

    model_config = ConfigDict(json_schema_extra={"examples": [ADVANCE_EXAMPLE]})

    sender: Sender | None = None
