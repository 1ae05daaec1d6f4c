"""Signing keys: sealed, readable by their owner only, and never taken for another's."""

import json
import stat

import pytest

from library.release_errors import KeyUnusable, RootUnfit
from library.release_keys import make_key, read_key, read_public, whose
from library.release_roles import check_root, new_root
from tests.bars.release_lab import now, signing_key

PASSPHRASE = "four words are enough"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"), "alice", PASSPHRASE)


def test_a_key_is_read_with_its_passphrase_and_signs(pair):
    key = read_key(pair[0], PASSPHRASE)
    public = read_public(pair[1])
    assert (key.name, key.keyid, whose(public)) == ("alice", public.keyid, "alice")
    public.verify_signature(key.signer.sign(b"text"), b"text")


def test_the_private_key_is_its_owner_s_and_sealed(pair):
    assert stat.S_IMODE(pair[0].stat().st_mode) == 0o600
    said = json.loads(pair[0].read_text())
    assert set(said) == {"format", "public", "scrypt", "salt", "nonce", "sealed"}
    assert said["public"] == json.loads(pair[1].read_text())


def test_another_passphrase_or_an_altered_file_is_refused(pair, tmp_path):
    with pytest.raises(KeyUnusable, match="passphrase is wrong, or the file was altered"):
        read_key(pair[0], "another passphrase")
    said = json.loads(pair[0].read_text())
    said["public"]["x-opioscan-name"] = "bob"
    other = tmp_path / "bob.key"
    other.write_text(json.dumps(said))
    other.chmod(0o600)
    with pytest.raises(KeyUnusable, match="altered"):
        read_key(other, PASSPHRASE)


def test_a_key_that_others_may_read_is_refused(pair, tmp_path):
    path = tmp_path / "alice.key"
    path.write_bytes(pair[0].read_bytes())
    path.chmod(0o640)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        read_key(path, PASSPHRASE)


@pytest.mark.parametrize("text", ["", "{}", "[]", "junk", '{"format": "opioscan.signing-key"}', "[" * 9000])
def test_what_is_no_key_is_refused(text, tmp_path):
    path = tmp_path / "x"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable):
        read_key(path, PASSPHRASE)
    with pytest.raises(KeyUnusable):
        read_public(path)


def test_a_public_key_under_another_identifier_is_refused(pair, tmp_path):
    said = json.loads(pair[1].read_text())
    said["keyid"] = "0" * 64
    path = tmp_path / "alice.pub"
    path.write_text(json.dumps(said))
    with pytest.raises(KeyUnusable, match="identifier"):
        read_public(path)


def test_names_passphrases_and_files_that_are_there_are_checked_before_a_key_is_made(pair):
    for name, passphrase, words in [
        ("../x", PASSPHRASE, "name"),
        ("dave", "short", "at least"),
        ("alice", PASSPHRASE, "there already"),
    ]:
        with pytest.raises(KeyUnusable, match=words):
            make_key(pair[0].parent, name, passphrase)


def test_a_root_asks_for_two_different_people():
    alice, bob, press = (signing_key(name).signer.public_key for name in ("alice", "bob", "press"))
    twin = signing_key("alice").signer.public_key
    for people, publisher in [
        ([alice, alice], press),
        ([alice, twin], press),
        ([alice, bob], bob),
        ([alice], press),
    ]:
        with pytest.raises(RootUnfit):
            new_root(people, publisher, previous=None, now=now())
    check_root(new_root([alice, bob], press, previous=None, now=now()))


def test_one_key_under_two_identifiers_is_one_person():
    alice, bob, press = (signing_key(name).signer.public_key for name in ("alice", "bob", "press"))
    root = new_root([alice, bob], press, previous=None, now=now())
    root.keys[bob.keyid].keyval["public"] = alice.keyval["public"]
    with pytest.raises(RootUnfit, match="at least 2 people"):
        check_root(root)
