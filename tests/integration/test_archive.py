import io
import struct
import zipfile

import pytest

from preread.archive import unpack
from preread.errors import DicomTooLarge, UnsafeArchive, UploadTooLarge
from preread.settings import Settings
from preread.store import Incoming, Store


def archive_at(path, entries, *, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def unpacked(path, store, **limits):
    return list(unpack(path, store, Settings(**limits)))


def test_every_file_comes_out_and_folders_and_litter_do_not(tmp_path, store):
    names = ["a/1.dcm", "a/b/", "2.dcm", "__MACOSX/._2.dcm", "a/.DS_Store", "DICOMDIR"]
    path = archive_at(tmp_path / "a.zip", [(name, b"x" * 10) for name in names])
    assert [type(one) for one in unpacked(path, store)] == [Incoming, Incoming]


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/../../evil", "C:\\evil"])
def test_a_name_is_never_a_path(tmp_path, store, name):
    path = archive_at(tmp_path / "a.zip", [(name, b"x")])
    (file,) = unpacked(path, store)
    assert file.path.parent == tmp_path / "store" / "incoming"
    outside = [one for one in tmp_path.rglob("*evil*") if one.is_file()]
    assert outside == []


def test_an_archive_that_inflates_too_far_is_refused(tmp_path, store):
    path = archive_at(tmp_path / "bomb.zip", [("zeros", b"\0" * 20_000_000)])
    with pytest.raises(UnsafeArchive):
        unpacked(path, store)


def test_an_archive_that_lies_about_its_sizes_is_refused(tmp_path, store):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("liar", bytes(range(256)) * 400)
    content = bytearray(buffer.getvalue())
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = struct.pack("<I", 100)  # uncompressed size
    path = tmp_path / "liar.zip"
    path.write_bytes(content)
    with pytest.raises(UnsafeArchive):
        unpacked(path, store)
    assert list((tmp_path / "store" / "incoming").iterdir()) == []


def test_too_many_entries_are_refused(tmp_path, store):
    path = archive_at(tmp_path / "a.zip", [(str(number), b"x") for number in range(4)])
    with pytest.raises(UnsafeArchive):
        unpacked(path, store, max_instances=3)


def test_more_than_an_upload_may_hold_is_refused(tmp_path, store):
    path = archive_at(
        tmp_path / "a.zip", [("1", b"x" * 600), ("2", b"x" * 600)], method=zipfile.ZIP_STORED
    )
    with pytest.raises(UploadTooLarge):
        unpacked(path, store, max_upload_bytes=1000)


def test_one_file_that_is_too_large_does_not_lose_the_others(tmp_path, store):
    path = archive_at(
        tmp_path / "a.zip", [("1", b"x" * 600), ("2", b"x" * 60)], method=zipfile.ZIP_STORED
    )
    outcome = unpacked(path, store, max_instance_bytes=100)
    assert isinstance(outcome[0], DicomTooLarge)
    assert isinstance(outcome[1], Incoming)


@pytest.mark.parametrize("cut", [10, 60, -10])
def test_a_damaged_archive_is_refused(tmp_path, store, cut):
    path = archive_at(tmp_path / "a.zip", [("1", bytes(range(256)) * 20)])
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UnsafeArchive):
        unpacked(path, store)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_rare_way_of_packing_is_refused(tmp_path, store, method):
    path = archive_at(tmp_path / "a.zip", [("1", b"x" * 99)], method=method)
    with pytest.raises(UnsafeArchive):
        unpacked(path, store)


def test_an_encrypted_archive_is_refused(tmp_path, store):
    path = archive_at(tmp_path / "a.zip", [("1", b"x")])
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1  # general purpose bit 0
    content[6] |= 1
    path.write_bytes(content)
    with pytest.raises(UnsafeArchive):
        unpacked(path, store)


def test_a_directory_too_large_for_its_files_is_not_even_read(tmp_path, store):
    names = [f"{number}{'x' * 60_000}" for number in range(20)]
    path = archive_at(tmp_path / "a.zip", [(name, b"") for name in names])
    with pytest.raises(UnsafeArchive, match="directory"):
        unpacked(path, store, max_instances=3)
