"""The skeleton of a JCAMP-DX file: blocks of labelled records, nested in compound files.

JCAMP-DX 4.24 (Appl. Spectrosc. 42 (1988) 151) and 5.01 (Pure Appl. Chem. 71 (1999) 1549): records
``##LABEL= value`` from ``##TITLE=`` to ``##END=``; ``$$`` starts a comment; blanks, ``-``, ``/`` and
``_`` in labels and their case do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import FormatError
from .reading import MAX_META, clean

#: Compound files nest this deep and hold this many blocks and records at most.
MAX_DEPTH, MAX_BLOCKS, MAX_RECORDS = 8, 1000, 50_000
#: Lines of names read.
MAX_NAMES = 50
#: Records that describe a table; two of a kind leave it open which counts.
UNIQUE = frozenset(
    {
        "DATATYPE", "JCAMPDX", "XUNITS", "YUNITS", "FIRSTX", "LASTX", "FIRSTY", "DELTAX", "XFACTOR",
        "YFACTOR", "NPOINTS", "XYDATA", "XYPOINTS", "$SHA256",
    }
)  # fmt: skip
_LABEL_NOISE = str.maketrans("", "", " -/_\t")


@dataclass(slots=True)
class Record:
    """One labelled record."""

    value: str
    """Text behind the equals sign, comment removed."""
    line: int
    """Number of its line in the file, from 1."""
    more: list[str] = field(default_factory=list)
    """The lines that follow it, comments removed."""


@dataclass(slots=True)
class Block:
    """One block: the records of one spectrum, or of one link."""

    line: int
    """Number of its first line in the file, from 1."""
    records: dict[str, list[Record]] = field(default_factory=dict)
    """Records by normalised label."""

    def text(self, label: str) -> str:
        """Return the first value of a label, stripped; empty where absent."""
        found = self.records.get(label)
        return found[0].value.strip() if found else ""

    @property
    def title(self) -> str:
        """The block's title."""
        return clean(self.text("TITLE"))

    @property
    def is_link(self) -> bool:
        """Whether the block only holds other blocks."""
        return self.text("DATATYPE").upper() == "LINK"

    def add(self, label: str, record: Record) -> None:
        """Add a record behind others of its label."""
        self.records.setdefault(label, []).append(record)

    def check_unique(self) -> None:
        """Raise `FormatError` where a record that describes the table stands twice."""
        for label in UNIQUE & self.records.keys():
            if len(self.records[label]) > 1:
                raise FormatError(f"line {self.records[label][1].line}: a second ##{label}= in one block")

    def described(self) -> dict[str, str]:
        """Return the records as far as they stand on their first line, `MAX_META` of them; NAMES as a list.

        Names stand one a line or with semicolons between them; they come out as the latter.
        """
        kept = {label: clean(held[0].value) for label, held in self.records.items() if held[0].value.strip()}
        for held in self.records.get("NAMES", ())[:1]:
            names = [
                name for line in (held.value, *held.more[:MAX_NAMES]) if (name := clean(line).strip(";"))
            ]
            kept |= {"NAMES": clean("; ".join(names))} if names else {}
        return dict(list(kept.items())[:MAX_META])


def normalise(label: str) -> str:
    """Return a label as comparisons need it: upper case, without blanks, ``-``, ``/`` and ``_``."""
    return label.translate(_LABEL_NOISE).upper()


def blocks_of(lines: Sequence[str]) -> list[Block]:
    """Take a file apart into its blocks, in the order in which they begin.

    Raises
    ------
    FormatError
        Records outside a block, a block without an end, or too deeply nested.
    """
    done: list[Block] = []
    stack: list[Block] = []
    current: Record | None = None
    records = 0
    for index, raw in enumerate(lines, start=1):
        line = raw.partition("$$")[0]
        if not line.lstrip().startswith("##"):
            if current is not None:
                current.more.append(line)
            elif line.strip():
                raise FormatError(f"line {index}: {clean(line, 24)!r} stands outside every block")
            continue
        label, current = _record(line, index)
        records += 1
        if records > MAX_RECORDS:
            raise FormatError(f"line {index}: more than {MAX_RECORDS} records are no spectrum file")
        if label == "TITLE":
            _open(stack, done, index)
        if not stack:
            raise FormatError(
                f"line {index}: a record outside every block: does the file begin with ##TITLE=?"
            )
        if label == "END":
            _check_blocks(stack.pop(), done)
            current = None
            continue
        stack[-1].add(label, current)
    if stack:
        raise FormatError(
            f"the block that begins in line {stack[-1].line} has no ##END=: is the file cut off?"
        )
    return done


def _record(line: str, index: int) -> tuple[str, Record]:
    head, equals, value = line.lstrip()[2:].partition("=")
    label = normalise(head)
    if not equals and label != "END":
        raise FormatError(f"line {index}: {clean(line, 24)!r} is a label without '='")
    return label, Record(value, index)


def _open(stack: list[Block], done: list[Block], index: int) -> None:
    if stack and not stack[-1].is_link:
        raise FormatError(
            f"line {index}: a block begins inside the one from line {stack[-1].line}: is a part missing?"
        )
    if len(stack) >= MAX_DEPTH or len(done) >= MAX_BLOCKS:
        raise FormatError(f"line {index}: more than {MAX_DEPTH} levels or {MAX_BLOCKS} blocks")
    stack.append(Block(index))
    done.append(stack[-1])


def _check_blocks(ended: Block, done: Sequence[Block]) -> None:
    """Compare a link's BLOCKS with the blocks in it; programs disagree whether the link itself counts."""
    said = ended.text("BLOCKS")
    if not ended.is_link or not (said.isascii() and said.isdigit()) or len(said) > 9:
        return
    inner = [block for block in done if block.line > ended.line]
    if any(block.is_link for block in inner):
        return
    if int(said) not in {len(inner), len(inner) + 1}:
        raise FormatError(f"BLOCKS={int(said)}, but the link holds {len(inner)} block(s): is one missing?")
