"""The command line: ``python -m benchmarks all|ingest|queue|…``."""

import argparse
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Report
from benchmarks.machine import describe_machine, load_average
from benchmarks.plan import Plan
from benchmarks.table import table

COMMANDS: Final = ("ingest", "queue", "study", "engines", "worklist", "policy", "ranking")
LONG: Final = ("million", "listeners", "answer")
"""Minutes each; not part of ``all``."""

_ONE_THREAD: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_ROUNDS: Final = 7


def main(words: Sequence[str]) -> int:
    """Run what was asked for, print tables and write JSON."""
    parser = _parser()
    asked = parser.parse_args(words)
    if asked.cuda_only and asked.command != "engines":
        parser.error("--cuda-only is for engines")
    # Read once, when the libraries are loaded; a worker child runs the same way.
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    bundle = _bundle(asked)
    with tempfile.TemporaryDirectory(prefix="preread-bench-") as folder:
        machine = describe_machine(Path(folder))
        print(_machine_line(machine))
        found = []
        for name in COMMANDS if asked.command == "all" else (asked.command,):
            place = Path(folder) / name
            place.mkdir()
            before = load_average()
            module = "cuda" if asked.cuda_only else name
            report = _benchmark(module)(Plan(asked.rounds, asked.quick, place, bundle))
            print(table(report))
            print(f"load average before {before[0]:.2f}, after {load_average()[0]:.2f}\n")
            loads = {"load_before": before, "load_after": load_average()}
            found.append({**report.as_json(), **loads})
    if asked.json is not None:
        content = {"machine": machine, "quick": asked.quick, "benchmarks": found}
        asked.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("command", choices=("all", *COMMANDS, *LONG))
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="measurements per variant")
    parser.add_argument("--json", type=Path, help="file for every sample")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only see that it runs")
    parser.add_argument("--bundle", type=Path, help="folder of the model")
    parser.add_argument(
        "--cuda-only",
        action="store_true",
        help="engines: torch on GPU and CPU, without the service",
    )
    return parser


def _bundle(asked: argparse.Namespace) -> Path:
    """Return the folder of the model, and quiet the service's logs where it will run.

    All of it is imported late: a machine for ``--cuda-only`` need not have what the service needs.
    """
    if asked.cuda_only:
        shipped: Path = asked.bundle or importlib.import_module("ml.bundle").DEFAULT_BUNDLE
        return shipped
    importlib.import_module("preread.logs").configure_logs("WARNING", sys.stderr)
    chosen: Path = asked.bundle or importlib.import_module("preread.settings").Settings().bundle_dir
    return chosen


def _benchmark(name: str) -> Callable[[Plan], Report]:
    """Return a benchmark; imported late, since only one of them needs torch."""
    measure: Callable[[Plan], Report] = importlib.import_module(f"benchmarks.{name}").measure
    return measure


def _machine_line(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cores']} cores of {machine['cpu']} "
        f"(family/model {machine['cpu_family_model']}; {' '.join(machine['cpu_flags'])}), "
        f"{machine['memory_gib']} GiB, {machine['system']}, {machine['file_system']}, "
        f"Python {machine['python']}, SQLite {machine['sqlite']}\n{versions}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
