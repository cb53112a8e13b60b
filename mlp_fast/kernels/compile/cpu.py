"""What the CPU that Numba compiles for has room for; it changes speed, never a bit of a result."""

from numba.core.registry import cpu_target

_WITH_AVX512 = (  # where Numba is told a name and no features
    *("skylake-avx512", "cascadelake", "cooperlake", "icelake", "tigerlake", "rocketlake"),
    *("sapphirerapids", "emeraldrapids", "graniterapids", "znver4", "znver5", "x86-64-v4"),
)


def _is_wide() -> bool:
    _, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    return "+avx512f" in features.split(",") or (not features and cpu.startswith(_WITH_AVX512))


WIDE = _is_wide()
"""Whether there are 32 registers of a whole vector each, or some that hold half of one or less."""
