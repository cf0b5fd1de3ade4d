import errno
import hashlib
import os

import pytest

from preread.errors import StorageFull
from preread.store import Store


def test_a_kept_file_lies_under_its_digest_and_nothing_stays_behind(tmp_path):
    store = Store(tmp_path)
    digest = store.keep_bytes(b"slice")
    assert digest == hashlib.sha256(b"slice").hexdigest()
    with store.open(digest) as stream:
        assert stream.read() == b"slice"
    assert list((tmp_path / "incoming").iterdir()) == []


def test_the_same_bytes_twice_are_one_file(tmp_path):
    store = Store(tmp_path)
    assert store.keep_bytes(b"slice") == store.keep_bytes(b"slice")
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 1


def test_a_discarded_file_leaves_nothing(tmp_path):
    store = Store(tmp_path)
    writer = store.incoming()
    writer.write(b"half a sl")
    writer.discard()
    assert list((tmp_path / "incoming").iterdir()) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "ab", "." * 64])
def test_only_digests_are_names(tmp_path, name):
    with pytest.raises(ValueError, match="SHA-256"):
        Store(tmp_path).open(name)


def test_old_leftovers_are_swept_and_young_ones_are_not(tmp_path):
    store = Store(tmp_path)
    path = store.incoming().close().path
    written_at = path.stat().st_mtime
    assert store.sweep(older_than_s=60, now_s=written_at + 59) == 0
    assert store.sweep(older_than_s=60, now_s=written_at + 61) == 1
    assert not path.exists()


def test_a_full_disk_is_said_to_be_full(tmp_path, monkeypatch):
    store = Store(tmp_path)
    writer = store.incoming()
    writer.write(b"slice")
    file = writer.close()

    def no_room(_descriptor):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(StorageFull):
        store.keep([file])
    monkeypatch.undo()
    assert list((tmp_path / "blobs").rglob("*")) == []
