"""What a fuzzer needs to know of a parser, and the list of all parsers."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """One parser under fuzzed inputs."""

    seeds: tuple[bytes, ...]
    """Valid inputs; `parse` takes each without an error."""
    parse: Callable[[bytes], Any]
    """Parses one input; may raise what is in `errors`, and nothing else."""
    errors: tuple[type[BaseException], ...]
    """The error tree the parser promises."""
    make: Callable[[bytes, int], bytes] | None = None
    """Builds the input around a mutated seed and a random number; None where the seed is the input."""
    extra: tuple[bytes, ...] = ()
    """Further seeds, which `parse` may refuse."""


MakeTarget = Callable[[], Target]

_TARGETS: dict[str, MakeTarget] = {}
#: Modules whose functions register targets.
_MODULES = ("fuzz_wires", "fuzz_answers", "fuzz_files", "fuzz_words", "fuzz_programs")


def target(name: str) -> Callable[[MakeTarget], MakeTarget]:
    """Register the decorated function, which imports a parser and returns its target."""

    def keep(make: MakeTarget) -> MakeTarget:
        if name in _TARGETS:
            raise ValueError(f"two targets {name!r}")
        _TARGETS[name] = make
        return make

    return keep


def targets() -> dict[str, MakeTarget]:
    """Return all targets by name."""
    for module in _MODULES:
        importlib.import_module(module)
    return _TARGETS
