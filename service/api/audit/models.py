"""Signed heads as they go over the wire."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from ..heads_signed import SCHEMA, SignedHead


class HeadView(BaseModel):
    """Where the chain stood at a moment, signed by the server. Keep it: `audit verify --heads` takes it."""

    # Routes answer without what is unset: a member that a head has not is no part of what was signed.

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "schema": SCHEMA,
                    "seq": 2,
                    "hash": "a" * 64,
                    "counts": {"parcel.registered": 1, "token.created": 1},
                    "at": "2026-11-22T12:00:00.000000Z",
                    "key_id": "b" * 64,
                    "signature": "c" * 128,
                }
            ]
        },
    )

    schema_: str = Field(alias="schema", description="Form of the head.")
    seq: int = Field(description="Number of the last event.")
    hash: str = Field(description="Its hash.")
    counts: dict[str, int] = Field(description="How many events of each kind there were.")
    at: str = Field(description="When it was signed.")
    key_id: str = Field(description="SHA-256 of the public key, as `opioscan audit key` shows it.")
    signature: str = Field(description="Ed25519, over the RFC 8785 form of the other fields; hexadecimal.")

    succeeds: list[str] | None = Field(
        None,
        description="Keys whose place this one took, where it did: after a restore without the private key.",
    )

    @classmethod
    def of(cls, head: SignedHead) -> Self:
        """Return a head as it goes over the wire."""
        return cls.model_validate(head.told())
