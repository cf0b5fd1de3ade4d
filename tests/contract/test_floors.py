"""What a process really loads: the floors hold at run time too, where strings stand for imports."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "worker", "ml", "preread")
# Names in code that look like modules but end like files: "preread.sqlite".
FILE_ENDINGS = {"conf", "css", "html", "js", "json", "log", "sock", "sqlite", "toml"}


def loaded_by(*modules: str) -> set[str]:
    """Return the top-level names a fresh process has loaded after importing the modules."""
    code = (
        "import importlib, json, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *modules], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def modules_of(package: str) -> list[str]:
    """Return every module of a package of the tree, entry points left out."""
    found = pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}.")
    return [package, *(module.name for module in found if not module.name.endswith("__main__"))]


def test_the_web_process_loads_no_model_and_no_worker():
    assert loaded_by(*modules_of("api")) & {"torch", "ml", "worker"} == set()


def test_the_worker_process_loads_no_web_framework():
    assert loaded_by(*modules_of("worker")) & {"fastapi", "starlette", "uvicorn", "api"} == set()


def test_the_command_line_starts_without_torch_and_the_web_framework():
    assert loaded_by("preread.__main__") & {"torch", "fastapi", "ml", "api", "worker"} == set()


def test_the_way_of_a_volume_is_arrays_only():
    assert loaded_by("ml.pipeline") & {"torch", "sqlalchemy", "redis", "rq"} == set()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_the_one_of_this_tree_and_no_namesake(name):
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file).parent == ROOT / name


def dotted_strings() -> list[tuple[str, str]]:
    """Return (file, text) of each string in the code that reads like a module or a callable."""
    pattern = re.compile(rf"({'|'.join(PACKAGES)})(\.[A-Za-z_]\w*)+")
    return sorted(
        {
            (str(path.relative_to(ROOT)), node.value)
            for package in PACKAGES
            for path in (ROOT / package).rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and pattern.fullmatch(node.value)
            and node.value.rpartition(".")[2] not in FILE_ENDINGS
        }
    )


def test_the_job_is_named_by_a_string():
    assert "preread/queue.py" in {file for file, _ in dotted_strings()}


@pytest.mark.parametrize(
    "dotted", [pytest.param(text, id=f"{file}:{text}") for file, text in dotted_strings()]
)
def test_a_dotted_name_in_a_string_leads_somewhere(dotted):
    assert pkgutil.resolve_name(dotted) is not None
