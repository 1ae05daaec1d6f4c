"""Signed heads: where the chain stood at a moment, and how many events of each kind there were.

A chain alone proves that nothing was altered in between; who can write the database can make it anew from any
place to its end. A head that was signed then and kept elsewhere cannot be made to fit again.

A head is signed over the RFC 8785 form of all its fields but the signature.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .errors import HeadsUnreadable
from .events.chain import canonical
from .heads_key import PublicKey

SCHEMA = "opioscan.head/1"
#: Of a key that took the place of another: the same with ``succeeds``.
SUCCEEDING = "opioscan.head/2"

#: Files in the folder of heads: the newest head, those kept for ever, the hashes of all events.
LATEST, KEPT, HASHES = "latest.json", "heads.jsonl", "hashes.bin"

#: A head has some hundred bytes; a longer line is none.
MAX_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The end of the chain at a moment."""

    schema: str
    """`SCHEMA` or `SUCCEEDING`."""
    seq: int
    """Number of the last event."""
    hash: str
    """Its hash."""
    counts: dict[str, int]
    """How many events of each kind there were."""
    at: str
    """When it was signed, RFC 3339 in UTC."""
    key_id: str
    """Key that signed it (`heads_key.PublicKey.key_id`)."""
    signature: str
    """Ed25519 signature, hexadecimal."""
    succeeds: tuple[str, ...] = ()
    """Keys of before, whose place this one took; none in `SCHEMA`."""

    def told(self) -> dict[str, Any]:
        """Return the head as a JSON object."""
        said = {**asdict(self), "succeeds": list(self.succeeds)}
        if self.schema == SCHEMA:
            del said["succeeds"]
        return said

    def line(self) -> str:
        """Return the head as one line of JSON."""
        return json.dumps(self.told(), sort_keys=True)

    def signed_by(self, key: PublicKey) -> bool:
        """Return whether a key signed this head as it is."""
        try:
            signature = bytes.fromhex(self.signature)
        except ValueError:
            return False
        return self.key_id == key.key_id and key.signed(_signed(self.told()), signature)


def files_in(folder: Path, name: str) -> list[Path]:
    """Return the files of all processes in a folder of heads, by what they end with; drafts are none."""
    return sorted(path for path in folder.glob(f"*{name}") if not path.name.startswith("."))


def sign_head(
    key: Ed25519PrivateKey,
    key_id: str,
    *,
    seq: int,
    last: str,
    counts: Mapping[str, int],
    at: str,
    succeeds: Sequence[str] = (),
) -> SignedHead:
    """Sign the end of a chain."""
    said: dict[str, Any] = {
        "schema": SUCCEEDING if succeeds else SCHEMA,
        "seq": seq,
        "hash": last,
        "counts": dict(counts),
        "at": at,
        "key_id": key_id,
    }
    if succeeds:
        said["succeeds"] = list(succeeds)
    signature = key.sign(_signed(said)).hex()
    return SignedHead(**{**said, "succeeds": tuple(succeeds)}, signature=signature)


def read_head(value: object) -> SignedHead:
    """Read a head from a JSON value; its signature is not looked at.

    Raises
    ------
    ValueError
        It is no head.
    """
    texts = ("schema", "hash", "at", "key_id", "signature")
    succeeding = isinstance(value, dict) and value.get("schema") == SUCCEEDING
    fields = {*texts, "seq", "counts", *(["succeeds"] if succeeding else [])}
    if not isinstance(value, dict) or value.keys() != fields:
        raise ValueError("it has not the fields of a head")
    if value["schema"] not in (SCHEMA, SUCCEEDING) or not all(isinstance(value[name], str) for name in texts):
        raise ValueError(f"it is no {SCHEMA}")
    before = value.get("succeeds", [])
    if not isinstance(before, list) or not all(isinstance(one, str) for one in before):
        raise ValueError("the keys of before are none")
    if not _is_count(value["seq"]) or not isinstance(value["counts"], dict):
        raise ValueError("its numbers are none")
    if not all(_is_count(many) for many in value["counts"].values()):
        raise ValueError("its counts are no numbers")
    return SignedHead(**{**value, "succeeds": tuple(before)})


def read_heads(path: Path, *, size: int | None = None) -> Iterator[SignedHead]:
    """Yield the heads of a file, one a line. A last line that a crash cut off is left out.

    Parameters
    ----------
    size
        Bytes to read, for a file that may be growing; None for all.

    Raises
    ------
    HeadsUnreadable
        It cannot be read, or a line is no head.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while (size is None or file.tell() < size) and (line := file.readline(MAX_LINE + 1)):
                number += 1
                try:
                    yield read_head(json.loads(line))
                except (ValueError, RecursionError) as error:
                    if not line.endswith(b"\n") and path.name != LATEST:
                        return
                    raise HeadsUnreadable(f"{path} line {number} is no signed head: {error}") from error
    except OSError as error:
        raise HeadsUnreadable(f"{path} cannot be read: {error.strerror}") from error


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _signed(said: Mapping[str, Any]) -> bytes:
    return canonical({name: value for name, value in said.items() if name != "signature"}).encode()
