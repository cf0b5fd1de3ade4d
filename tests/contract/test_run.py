"""The `run` file: what it chooses, when it installs, what it hands over; and the locks it uses."""

import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = ("requirements.lock", "requirements-api.lock", "requirements-dev.lock")

# Stands for a Python with pip: makes an environment of itself, and notes what it was asked for.
STUB = """#!/bin/sh
here="{folder}"
echo "$@" >> "$here/asked"
case "$*" in
  "-m pip --version") echo "pip ${{PIP:-23.0.1}} from nowhere" ;;
  *--without-pip*) mkdir -p "$here/.venv/bin"; cp "$0" "$here/.venv/bin/python" ;;
  *install*) test -z "$NO_NETWORK" || {{ echo "no route to the index"; exit 1; }} ;;
  "-c import sys"*) echo True ;;
  *) echo "$@"; pwd; echo "$PYTHONPATH" ;;
esac
"""


@pytest.fixture
def run(tmp_path, monkeypatch) -> ModuleType:
    """Load the `run` file as a module, in a checkout of its own whose Python is a stub."""
    for name in ("run", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    stub = tmp_path / "python-stub"
    stub.write_text(STUB.format(folder=tmp_path))
    stub.chmod(0o755)
    loader = importlib.machinery.SourceFileLoader("run", str(tmp_path / "run"))
    spec = importlib.util.spec_from_loader("run", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "base_python", lambda: str(stub))
    return module


def asked(run) -> list[str]:
    """Return the command lines the stub has got."""
    return (run.ROOT / "asked").read_text().splitlines()


def times_made(run) -> int:
    """Return how often an environment was made."""
    return sum("--without-pip" in line for line in asked(run))


def test_a_first_start_installs_the_lock_with_hashes_and_then_torch(run, capsys):
    run.prepare("runtime", cpu=False)
    installs = [line for line in asked(run) if " install " in line and "--dry-run" not in line]
    assert "--require-hashes" in installs[0]
    assert installs[0].endswith("requirements.lock")
    assert f"torch=={run.TORCH}" in installs[1]
    shown = capsys.readouterr()
    assert "requirements.lock" in shown.err
    assert shown.out == ""


def test_a_second_start_asks_nothing(run):
    run.prepare("runtime", cpu=False)
    before = asked(run)
    run.prepare("runtime", cpu=False)
    assert asked(run) == before


def test_the_test_environment_serves_the_demo_too(run):
    run.prepare("dev", cpu=False)
    assert run.is_ready("runtime")


def test_a_changed_lock_is_installed(run):
    run.prepare("runtime", cpu=False)
    with (run.ROOT / "requirements.lock").open("a") as lock:
        lock.write("# one more\n")
    assert not run.is_ready("runtime")


def test_an_environment_whose_python_is_gone_is_made_anew(run):
    run.prepare("runtime", cpu=False)
    run.PYTHON.unlink()
    run.prepare("runtime", cpu=False)
    assert times_made(run) == 2


def test_a_failed_install_shows_the_installers_words_and_is_not_taken_for_ready(run, monkeypatch):
    monkeypatch.setenv("NO_NETWORK", "1")
    with pytest.raises(run.SetupFailed, match="no route to the index"):
        run.prepare("runtime", cpu=False)
    assert not run.is_ready("runtime")
    monkeypatch.delenv("NO_NETWORK")
    run.prepare("runtime", cpu=False)
    assert run.is_ready("runtime")
    assert times_made(run) == 1


def test_an_environment_that_a_kill_left_half_made_is_made_anew(run):
    run.prepare("runtime", cpu=False)
    run.UNFINISHED.touch()
    run.prepare("dev", cpu=False)
    assert times_made(run) == 2


def test_two_first_starts_at_once_set_up_once(run):
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(run.prepare, "runtime", cpu=False) for _ in range(2)]
    assert [start.result() for start in both] == [None, None]
    assert times_made(run) == 1


def test_an_old_pip_is_named(run, monkeypatch):
    monkeypatch.setenv("PIP", "20.3.4")
    with pytest.raises(run.SetupFailed, match=r"22\.3 or newer is needed, this is 20\.3\.4"):
        run.prepare("runtime", cpu=False)


def test_a_missing_pip_is_named(run, monkeypatch):
    monkeypatch.setattr(run, "base_python", lambda: shutil.which("false"))
    with pytest.raises(run.SetupFailed, match="has no pip"):
        run.prepare("runtime", cpu=False)


def test_an_old_python_is_named(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert run.main(["demo"]) == 1
    assert "Python 3.11 or newer is needed, this is 3.9.2" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--help"]], ids=["nothing", "--help"])
def test_asked_for_nothing_it_explains_itself(run, words, capsys):
    assert run.main(words) == 0
    assert "./run demo" in capsys.readouterr().out


def test_an_unknown_command_is_refused_and_installs_nothing(run, capsys):
    assert run.main(["dmeo"]) == 2
    assert "no command 'dmeo'" in capsys.readouterr().err
    assert not run.VENV.exists()


@pytest.mark.parametrize(
    ("offered", "gpu", "cpu", "chosen"),
    [
        pytest.param(["+cpu"], False, False, "{0}+cpu", id="the user's own index or folder"),
        pytest.param(["whl/cpu"], False, False, "{0}+cpu --index-url", id="torch's CPU index"),
        pytest.param([], False, False, "{0}", id="the default index when nothing else"),
        pytest.param(["+cpu", "whl/cpu"], True, False, "{0}", id="a GPU"),
        pytest.param(["+cpu", "whl/cpu"], True, True, "{0}+cpu", id="a GPU not wanted"),
    ],
)
def test_torch_is_the_build_of_the_machine(run, monkeypatch, offered, gpu, cpu, chosen):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(run.shutil, "which", lambda _: "/bin/nvidia-smi" if gpu else None)

    def is_offered(wanted: list[str]) -> bool:
        return any(wanted[-1 if "--index-url" not in wanted else 2].endswith(o) for o in offered)

    arguments = run.choose_torch(cpu=cpu, is_offered=is_offered)
    assert " ".join(arguments[:2]) == chosen.format(f"torch=={run.TORCH}")


def test_a_mac_takes_the_build_of_the_default_index(run, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    arguments = run.choose_torch(cpu=False, is_offered=lambda _: True)
    assert arguments == [f"torch=={run.TORCH}"]


def test_a_command_gets_its_words_its_folder_and_our_packages_first(run, tmp_path):
    run.prepare("runtime", cpu=False)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ended = subprocess.run(
        [sys.executable, tmp_path / "run", "send", "a head", "--site", "north"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": "/theirs"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == [
        "-m preread send a head --site north",
        str(elsewhere),
        f"{tmp_path}:/theirs",
    ]


def test_an_evaluation_gets_the_plots_of_the_tests_environment_and_its_own_words(run, tmp_path):
    run.prepare("dev", cpu=False)
    ended = subprocess.run(
        [sys.executable, tmp_path / "run", "evaluate", "a folder", "--limit", "3"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[0] == "-m ml.evaluation run a folder --limit 3"


def test_a_simulation_gets_the_plots_of_the_tests_environment_and_its_own_words(run, tmp_path):
    run.prepare("dev", cpu=False)
    ended = subprocess.run(
        [sys.executable, tmp_path / "run", "simulate", "--scenario", "busy"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[0] == "-m preread.simulation --scenario busy"


# The locks


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions a lock holds by distribution; several where markers differ."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, flags=re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def wanted(*extras: str) -> list[Requirement]:
    """Return the requirements of pyproject.toml, torch left out."""
    lines = [*PROJECT["dependencies"]]
    lines += [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != "torch"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_satisfies_the_project(run, lock):
    held = pins(lock)
    unmet = [
        str(requirement)
        for requirement in wanted(*run.EXTRAS[lock])
        if not held.get(requirement.name.lower())
        or not all(requirement.specifier.contains(v) for v in held[requirement.name.lower()])
    ]
    assert unmet == [], "run ./run lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_each_line_of_a_lock_has_hashes_and_no_address(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[\w-])", text)[1:]
    assert blocks != []
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert re.search(r"://|--index|--find-links", text) is None


@pytest.mark.parametrize("lock", LOCKS)
def test_torch_and_its_cuda_libraries_are_in_no_lock(lock):
    assert [name for name in pins(lock) if re.match(r"torch$|nvidia|cuda|triton", name)] == []


def test_the_tests_run_on_the_versions_that_the_service_runs_on():
    held, tested = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: tested.get(name) for name in held} == held


def test_one_release_of_torch_is_meant_everywhere(run):
    ml = PROJECT["optional-dependencies"]["ml"]
    assert [line for line in ml if line.startswith("torch")] == [
        f"torch=={run.TORCH.rpartition('.')[0]}.*"
    ]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"torch==(\d[\d.]*\d)", dockerfile)) == {run.TORCH}
    uv = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    assert [torch["version"] for torch in uv["dependency-metadata"]] == [run.TORCH]
