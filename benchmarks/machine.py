"""The machine and the software that a figure belongs to, in general words."""

import importlib.metadata
import os
import platform
import re
import sqlite3
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = (
    "fastapi", "numpy", "onnxruntime", "pydicom", "redis", "rq", "sqlalchemy", "torch", "uvicorn",
)  # fmt: skip
_TELLING_FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")


def describe_machine(folder: Path) -> dict[str, Any]:
    """Return what a figure must be quoted with.

    Parameters
    ----------
    folder
        Where the benchmarks write; its file system decides what an fsync costs.
    """
    cpu = _cpu()
    return {
        "cpu": cpu.get("model name", platform.processor() or platform.machine()),
        "cpu_family_model": f"{cpu.get('cpu family', '?')}/{cpu.get('model', '?')}",
        "cpu_flags": [flag for flag in _TELLING_FLAGS if flag in cpu.get("flags", "").split()],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_gib": _memory_gib(),
        "system": _system(),
        "kernel": platform.release().split("-")[0],
        "file_system": _file_system(folder),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: _version(name) for name in _PACKAGES},
        "threads": {name: os.environ.get(name) for name in ("OMP_NUM_THREADS",)},
    }


def load_average() -> tuple[float, float, float]:
    """Return the load of the last 1, 5 and 15 minutes; much more than 0 spoils a run."""
    return os.getloadavg()


def _cpu() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _memory_gib() -> int:
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)


def _system() -> str:
    path = Path("/etc/os-release")
    if not path.is_file():
        return platform.system()
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', path.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else platform.system()


def _file_system(folder: Path) -> str:
    """Return the type of the file system, of proc(5) mountinfo; the longest mount point wins."""
    path = Path("/proc/self/mounts")
    if not path.is_file():
        return "unknown"
    mounts = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    resolved = folder.resolve()
    holding = [words for words in mounts if resolved.is_relative_to(words[1])]
    return max(holding, key=lambda words: len(words[1]))[2] if holding else "unknown"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
