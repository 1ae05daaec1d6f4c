"""What a bench must refuse, and by which name; after every refusal it works on with what it had."""

import shutil

import pytest

from library.release_active import check_installed
from library.release_state import read_state
from tests.bars.release_attacks import ATTACKS, prepared
from tests.bars.release_lab import BenchHome


@pytest.fixture(scope="module")
def ready(tmp_path_factory, released_methods):
    return prepared(tmp_path_factory.mktemp("attacks") / "lab", released_methods)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what)
def test_an_attack_is_refused_by_its_name(ready, attack, tmp_path):
    lab, bench = ready
    copy = tmp_path / "copy"
    shutil.copytree(lab.public, copy)
    shutil.copytree(bench.home, tmp_path / "bench", symlinks=True)
    victim = object.__new__(BenchHome)
    victim.home, victim.lab = tmp_path / "bench", lab
    victim.releases, victim.methods = victim.home / "releases", victim.home / "methods"
    with pytest.raises(attack.refusal) as caught:
        attack.play(lab, victim, copy)
    message = str(caught.value)
    assert type(caught.value) is attack.refusal
    assert "\n" not in message
    assert len(message) < 500
    state = read_state(victim.releases)
    assert state.active is not None
    wanted = 2 if attack.play.__name__ in {"frozen", "older", "older_targets"} else 1
    assert state.active.version == wanted
    check_installed(victim.releases / state.metadata, victim.methods, state.active)
    assert not [left for left in victim.releases.iterdir() if left.name.startswith("incoming-")]
