"""The vector registers of the CPU that Numba compiles for; they change speed, never a result."""

from numba.core.registry import cpu_target

_WITH_AVX512 = (  # looked up where Numba is given a CPU's name but no features
    *("skylake-avx512", "cascadelake", "cooperlake", "icelake", "tigerlake", "rocketlake"),
    *("sapphirerapids", "emeraldrapids", "graniterapids", "znver4", "znver5", "x86-64-v4"),
)


def _is_wide() -> bool:
    _, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    return "+avx512f" in features.split(",") or (not features and cpu.startswith(_WITH_AVX512))


WIDE = _is_wide()
"""Whether there are 32 registers that hold a whole vector (AVX-512), or only narrower ones."""
