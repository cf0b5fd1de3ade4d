"""Every curl command of the README does what it says, against a real server."""

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from preread.findings import SCHEMA_VERSION
from preread.terms import HemorrhageType, Level
from tests.builders import instance_bytes, key_for
from tests.support.seed import png, pre_read_of
from tests.support.web import server_of

README = Path(__file__).parents[2] / "README.md"
STREAM_S = 2


def commands():
    """Return the curl commands of the README in order, continued lines joined."""
    block = re.search(r"```console\n(KEY=.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block, "the README has no block of curl commands"
    text = block.group(1).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith("curl ")]


def run(command, folder, **names):
    """Run a command as a shell would; return what it printed, also when it is cut off."""
    script = command.replace("STUDY_ID", names.pop("study_id", "STUDY_ID"))
    with subprocess.Popen(
        ["/bin/sh", "-c", f"exec {script}"],
        cwd=folder,
        env=names,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            return process.communicate(timeout=STREAM_S if "-sSN" in script else 30)[0].decode()
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0].decode()


def test_curl_alone_sends_reads_follows_and_reports(resources, tmp_path):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl on this machine")
    for number in (1, 2):
        (tmp_path / f"{number}.dcm").write_bytes(instance_bytes(number=number))
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.writestr("1.dcm", instance_bytes(2))
    said = {}
    with server_of(resources) as (url, _):
        names = {"KEY": key_for(resources), "URL": url, "PATH": str(Path(curl).parent)}
        for command in commands():
            printed = run(command, tmp_path, study_id=said.get("study_id", ""), **names)
            said[command] = printed
            if "order_class=ER" in command:
                said["study_id"] = json.loads(printed)["studies"][0]["study_id"]
                pre_read_of(resources, Level.CRITICAL, (HemorrhageType.SDH,), slices=True)
            assert '"status":4' not in printed, (command, printed)

    answers = list(said.values())
    assert any('"event_seq"' in printed for printed in answers)
    assert any("event: worklist" in printed or ": from" in printed for printed in answers)
    assert any(f'"schema_version":"{SCHEMA_VERSION}"' in printed for printed in answers)
    assert any('"turnaround"' in printed for printed in answers)
    assert (tmp_path / "1.png").read_bytes() == png(160)
    assert (tmp_path / "slice.png").read_bytes().startswith(b"\x89PNG")
