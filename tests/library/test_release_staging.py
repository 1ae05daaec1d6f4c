"""The laboratory's side: nothing is published that two people did not sign, and nothing signed is altered."""

import shutil

import pytest

from library.release_errors import KeyUnusable, ReleaseAltered, RepositoryUnready
from library.release_publish import publish
from library.release_repository import opened_release
from library.release_staging import sign_staged, staged
from tests.bars.release_lab import Lab, now


@pytest.fixture
def lab(tmp_path, released_methods):
    return Lab(tmp_path / "lab", released_methods)


def test_two_different_people_must_sign(lab):
    made = lab.stage(1)
    for _ in range(2):
        lab.sign("alice")
        targets = staged(lab.repo)[0][-1]
        assert (targets.role, targets.by, targets.missing) == ("targets", ("alice",), 1)
        with pytest.raises(RepositoryUnready, match="1 more of bob, carol must sign"):
            lab.publish()
    lab.sign("carol")
    assert staged(lab.repo)[1] == made
    lab.publish()
    assert staged(lab.repo) == ((), None)
    assert (lab.public / "metadata" / "timestamp.json").exists()


def test_only_people_of_the_root_sign_and_only_its_publisher_publishes(lab):
    lab.stage(1)
    for name in ("mallory", "press"):
        with pytest.raises(KeyUnusable, match="the root names alice, bob, carol"):
            lab.sign(name)
    lab.sign("alice", "bob")
    with pytest.raises(KeyUnusable, match="the root names press"):
        publish(lab.repo, lab.keys["alice"], lab.public, now=now())
    assert not lab.public.exists()


def test_nobody_signs_files_that_were_altered(lab):
    lab.stage(1)
    path = next(lab.repo.targets.glob("*.ours@1.json"))
    path.write_bytes(path.read_bytes().replace(b"small", b"SMALL"))
    with pytest.raises(ReleaseAltered, match=r"ours@1\.json"):
        lab.sign("alice")


def test_a_release_waits_until_it_is_published_or_dropped(lab, released_methods):
    from library.release_staging import stage_release

    lab.stage(1)
    asked = {"gate": {}, "now": now(), "software": "opioscan test"}
    with pytest.raises(RepositoryUnready, match="--again"):
        stage_release(lab.repo, released_methods, "ours", 2, changelog="x", **asked)
    with pytest.raises(RepositoryUnready, match="what changed"):
        stage_release(lab.repo, released_methods, "ours", 2, changelog="  ", again=True, **asked)
    assert lab.stage(2).number == 1
    lab.sign("alice", "bob")
    lab.publish()
    with pytest.raises(RepositoryUnready, match="current release already"):
        lab.stage(2)
    with pytest.raises(RepositoryUnready, match="nothing waits"):
        sign_staged(lab.repo, lab.keys["alice"])


def test_an_earlier_version_may_be_released_again_as_the_newest(lab):
    lab.release(1)
    lab.release(2)
    lab.release(1)
    targets = lab.targets().signed
    assert lab.repo.newest(targets) == {"ours": 3}
    assert lab.repo.release(targets, 3).version == 1


def test_released_methods_are_read_out_of_the_repository_and_checked(lab):
    lab.release(1)
    targets = lab.targets().signed
    with opened_release(lab.repo, targets, 1) as stored:
        assert stored.method.version == 1
    path = next(lab.repo.targets.glob("*.release-000001.json"))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ReleaseAltered), opened_release(lab.repo, targets, 1):
        pass


def test_publishing_again_renews_the_dates_only(lab):
    lab.release(1)
    before = lab.repo.published_timestamp()
    done = publish(lab.repo, lab.keys["press"], lab.public, now=now())
    assert not done.changed
    assert (done.targets, done.timestamp) == (1, before.signed.version + 1)


def test_a_publication_that_was_interrupted_is_not_one(lab):
    lab.release(1)
    was = shutil.copytree(lab.repo.path, lab.folder / "was")
    lab.release(2)
    for path in was.rglob("*.json"):
        # All but the timestamp is there, as if the program had been killed just before it.
        assert (lab.repo.path / path.relative_to(was)).exists() or path.parent.name == "staging"
    shutil.copy(was / "metadata" / "timestamp.json", lab.repo.metadata / "timestamp.json")
    assert lab.repo.published_targets().signed.version == 1
    lab.stage(3)
    lab.sign("alice", "bob")
    lab.publish()
    assert lab.repo.newest(lab.targets().signed) == {"ours": 2}


def test_expired_targets_are_not_published_again(lab):
    from datetime import timedelta

    lab.release(1, at=now() - timedelta(days=364))
    with pytest.raises(RepositoryUnready, match="expired"):
        lab.publish(at=now() + timedelta(days=2))
