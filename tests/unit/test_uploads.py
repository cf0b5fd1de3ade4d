import zipfile

from preread.uploads import Upload, body_of, plan_uploads
from tests.builders import instance_bytes


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_files_of_a_folder_are_grouped_by_their_study(tmp_path):
    one = [write(tmp_path / f"a/{n}", instance_bytes(1, number=n)) for n in (1, 2)]
    two = write(tmp_path / "b/deep/x.dcm", instance_bytes(2))
    assert plan_uploads([tmp_path]) == (Upload(tuple(one)), Upload((two,)))


def test_a_file_that_is_no_dicom_goes_along_so_that_its_refusal_is_told(tmp_path):
    note = write(tmp_path / "a-note.txt", b"hello")
    good = write(tmp_path / "b.dcm", instance_bytes(1))
    assert plan_uploads([tmp_path]) == (Upload((good, note)),)
    assert plan_uploads([note]) == (Upload((note,)),)


def test_hidden_files_and_dicomdir_are_left_where_they_are(tmp_path):
    good = write(tmp_path / "good", instance_bytes(1))
    for name in (".DS_Store", "DICOMDIR", ".git/config"):
        write(tmp_path / name, b"x")
    assert plan_uploads([tmp_path]) == (Upload((good,)),)


def test_an_archive_is_sent_as_it_is(tmp_path):
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.dcm", instance_bytes(1))
    (upload,) = plan_uploads([path])
    body = body_of(upload)
    assert body.content_type == "application/zip"
    assert b"".join(body) == path.read_bytes()


def test_a_body_is_as_long_as_it_says_and_can_be_sent_again(tmp_path):
    files = tuple(write(tmp_path / str(n), instance_bytes(1, number=n)) for n in (1, 2, 3))
    seen = []
    body = body_of(Upload(files), lambda sent, total: seen.append((sent, total)))
    content = b"".join(body)
    assert len(content) == body.byte_count
    assert seen[-1] == (body.byte_count, body.byte_count)
    assert b"".join(body) == content


def test_no_file_name_leaves_the_machine(tmp_path):
    path = write(tmp_path / "CANARY^PATIENT.dcm", instance_bytes(1))
    assert b"CANARY" not in b"".join(body_of(Upload((path,))))
