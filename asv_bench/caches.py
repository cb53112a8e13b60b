"""The caches of this machine's first core."""

from pathlib import Path

FOLDER = Path("/sys/devices/system/cpu/cpu0/cache")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def capacities(folder: Path = FOLDER) -> dict[str, int]:
    """Return the bytes of each level that holds data; none where the system does not tell."""
    found = {}
    for index in sorted(folder.glob("index*")):
        level, kind, size = (
            (index / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found[f"L{level}"] = int(size[:-1]) * UNITS[size[-1]]
    return found


def named(name: str, capacity: int) -> str:
    """Return a level with its capacity."""
    unit = "MiB" if capacity >= UNITS["M"] else "KiB"
    return f"{name} {capacity / UNITS[unit[0]]:g} {unit}"
