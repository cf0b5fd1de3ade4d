"""Whether this processor computes in half precision; elsewhere bfloat16 is emulated, ten times slower."""

from functools import cache
from pathlib import Path
from typing import Final

BFLOAT16_FLAGS: Final = frozenset({"avx512_bf16", "amx_bf16"})


@cache
def has_bfloat16() -> bool:
    """Return whether the processor's flags name a bfloat16 unit; False where none can be read."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return bool(BFLOAT16_FLAGS & frozenset(flags.split()))
