"""Rooms of kernels: imports go downwards, no edit goes unnoticed, no two kernels share a name."""

import ast
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

import mlp_fast.warming  # which imports all that is compiled
from mlp_fast.kernels.compile import cache
from mlp_fast.kernels.compile.jit import KERNELS, kernel

FOLDER = Path(mlp_fast.__file__).parent / "kernels"
ROOMS = ["compile", "simd", "linalg", "network", "train"]
"""From the lowest up."""
FILES = {room: sorted((FOLDER / room).glob("[!_]*.py")) for room in ROOMS}


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Return a copy of the kernels, whose digest is told."""
    folder = tmp_path / "kernels"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "_KERNELS", folder)
    assert cache._digest_of_sources() == cache.SOURCES
    return folder


def test_every_folder_is_a_room_with_files():
    folders = {path.parent.name for path in FOLDER.rglob("*.py")} - {FOLDER.name}
    assert folders == {*ROOMS}
    assert all(FILES.values())


def imported(path):
    """Return the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0  # relative imports have no names to look at
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_downwards(room):
    lower = ROOMS[: ROOMS.index(room) + 1]
    ours = [
        (path.name, name.split("."))
        for path in FILES[room]
        for name in imported(path)
        if name.split(".")[0] == "mlp_fast"
    ]
    assert ours
    for file, parts in ours:
        assert parts[1] == "kernels", file
        assert parts[2] in lower, file


def test_imports_inside_a_room_go_round_in_no_circle():
    graph = {
        f"mlp_fast.kernels.{room}.{path.stem}": {*imported(path)}
        for room, paths in FILES.items()
        for path in paths
    }
    done = set()
    while len(done) < len(graph):
        ready = {name for name in graph.keys() - done if not (graph[name] & graph.keys()) - done}
        assert ready, sorted(graph.keys() - done)
        done |= ready


@pytest.mark.parametrize("room", ROOMS)
def test_an_edit_in_any_file_of_a_room_changes_the_digest(copied, room):
    digests = {cache.SOURCES}
    for path in FILES[room]:
        own = copied / room / path.name
        own.write_bytes(own.read_bytes() + b"#")
        digests.add(cache._digest_of_sources())
    assert len(digests) == 1 + len(FILES[room])


def test_a_file_that_moves_to_another_room_changes_the_digest(copied):
    digests = {cache.SOURCES}
    for room, above in pairwise(ROOMS):
        name = FILES[room][0].name
        (copied / room / name).rename(copied / above / name)
        digests.add(cache._digest_of_sources())
    assert len(digests) == len(ROOMS)


def test_a_new_file_or_a_file_that_is_gone_changes_the_digest(copied):
    (copied / "train" / "new.py").touch()
    grown = cache._digest_of_sources()
    (copied / "train" / "new.py").unlink()
    assert cache._digest_of_sources() == cache.SOURCES != grown
    (copied / "train" / FILES["train"][0].name).unlink()
    assert cache._digest_of_sources() not in (cache.SOURCES, grown)


def doubled(kernels):
    """Return the names under which machine code of two kernels would be kept."""
    counts = Counter(k._cache._name for k in kernels)
    return [name for name, count in counts.items() if count > 1]


def test_no_two_kernels_share_a_name():
    assert len(KERNELS) > 20
    assert doubled(KERNELS) == []


def test_kernels_of_one_name_in_two_rooms_are_told_apart():
    def named_alike(module):
        def gather():
            return 0

        gather.__module__ = module
        return gather

    before = [*KERNELS]
    try:
        low, up = (kernel(named_alike(f"mlp_fast.kernels.{room}.rows")) for room in ROOMS[-2:])
        twin = kernel(named_alike("mlp_fast.kernels.train.rows"))
    finally:
        KERNELS[:] = before
    assert doubled([low, up]) == []
    assert doubled([low, up, twin]) == [up._cache._name]
