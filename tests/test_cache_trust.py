"""A cache file is code: whose are run, whose are refused, and what is written passes the check."""

import functools
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from processes import NO_COMPILER, PACKAGE, QUICK, SMALL, completed

from mlp_fast.kernels.compile import trust

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no uids, no check")
only_root = pytest.mark.skipif(
    getattr(os, "geteuid", int)() != 0, reason="only root can give files to another user"
)

OTHER = 65534
COMPLAINT = "mlp_fast neither reads nor writes compiled kernels in "

NO_HIT = """
from mlp_fast.kernels.compile.jit import KERNELS
assert not any(sum(kernel.stats.cache_hits.values()) for kernel in KERNELS)
"""


def copy_of_package(site, mode):
    """Copy the package without anything compiled; give kernels/ this mode."""
    shutil.copytree(PACKAGE, site / "mlp_fast", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "mlp_fast" / "kernels").chmod(mode)
    return site


def folder_of(cache):
    """Return the one folder of the package in a chosen cache folder."""
    (folder,) = cache.iterdir()
    return folder


def rights(path):
    return path.stat().st_mode & 0o777


def everything(folder):
    """Return all there is to know of the files in a folder."""
    kept = {}
    for path in folder.iterdir():
        status = path.stat()
        kept[path.name] = path.read_bytes(), status.st_uid, status.st_mode, status.st_mtime_ns
    return kept


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return where a package lies whose kernels/ only its owner can write."""
    return copy_of_package(tmp_path_factory.mktemp("site"), 0o755)


@pytest.fixture(scope="module")
def warm(site, tmp_path_factory):
    """Return a cache folder that holds one kernel, of the package at that site."""
    cache = tmp_path_factory.mktemp("warm") / "cache"
    completed(QUICK, cache, site, options={"umask": 0o022})
    done = completed(NO_COMPILER + QUICK, cache, site)
    assert float(done.stdout) == 3.0
    assert done.stderr == ""
    return cache


@pytest.fixture
def cache(warm, tmp_path):
    """Return a copy of that cache folder, to be tampered with."""
    shutil.copytree(warm, tmp_path / "cache")
    return tmp_path / "cache"


def give_away(path):
    os.chown(path, OTHER, OTHER)


def link_to_a_foreign_one(path):
    target = path.rename(path.with_name(f"{path.name}.target"))
    give_away(target)
    path.symlink_to(target)


TAMPERINGS = [
    pytest.param(give_away, f"which belongs to user {OTHER}", marks=only_root),
    pytest.param(link_to_a_foreign_one, f"which belongs to user {OTHER}", marks=only_root),
    (lambda path: path.chmod(rights(path) | 0o020), "which can be written by its group"),
    (lambda path: path.chmod(rights(path) | 0o002), "which can be written by everybody"),
]


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS)
def test_a_file_that_others_could_have_written_is_neither_read_nor_written(
    cache, site, tamper, reason
):
    folder = folder_of(cache)
    for path in [*folder.iterdir()]:
        tamper(path)
    before = everything(folder)
    done = completed(QUICK + NO_HIT, cache, site)
    assert float(done.stdout) == 3.0
    assert everything(folder) == before
    assert done.stderr.startswith(f"{COMPLAINT}{folder}{os.sep}")
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS)
@pytest.mark.parametrize("filled", [True, False])
def test_a_folder_that_others_could_write_is_neither_read_nor_written(
    cache, site, tamper, reason, filled
):
    folder = folder_of(cache)
    if not filled:  # nothing to be read, then, but it could be written
        for path in folder.iterdir():
            path.unlink()
    before = everything(folder)
    tamper(folder)
    done = completed(QUICK + NO_HIT, cache, site)
    assert float(done.stdout) == 3.0
    assert everything(folder) == before
    assert done.stderr.startswith(f"{COMPLAINT}{folder}, {reason}")
    assert len(done.stderr.splitlines()) == 1


class Planted:
    """What runs when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("trusted", [True, False])
def test_what_is_planted_in_a_refused_file_does_not_run(cache, site, tmp_path, trusted):
    marker = tmp_path / "marker"
    payload = pickle.dumps(Planted(marker))
    for path in folder_of(cache).iterdir():
        path.write_bytes(hashlib.sha256(path.name.encode() + b"\0" + payload).digest() + payload)
        path.chmod(0o644 if trusted else 0o666)
    if trusted:  # which shows that it would run
        with pytest.raises(AssertionError):
            completed(QUICK, cache, site)
    else:
        completed(QUICK, cache, site)
    assert marker.exists() == trusted


def test_a_link_to_a_folder_that_is_trusted_is_followed(warm, site, tmp_path):
    cache, elsewhere = tmp_path / "cache", tmp_path / "elsewhere"
    cache.mkdir()
    elsewhere.mkdir(0o755)
    (cache / folder_of(warm).name).symlink_to(elsewhere)
    for code in (QUICK, NO_COMPILER + QUICK):
        done = completed(code, cache, site)
        assert float(done.stdout) == 3.0
        assert done.stderr == ""
    assert [*elsewhere.glob("*.nbc")]


@only_root
def test_what_the_owner_of_the_kernels_wrote_is_trusted(cache, tmp_path):
    site = copy_of_package(tmp_path / "site", 0o755)
    give_away(site / "mlp_fast" / "kernels")
    completed(QUICK, cache, site)
    for folder in cache.iterdir():
        for path in [folder, *folder.iterdir()]:
            give_away(path)
    done = completed(NO_COMPILER + QUICK, cache, site)
    assert float(done.stdout) == 3.0
    assert done.stderr == ""


@pytest.mark.parametrize("mode", [0o755, 0o775])
def test_umask_002_works(tmp_path, mode):
    site, cache = copy_of_package(tmp_path / "site", mode), tmp_path / "cache"
    for code in (QUICK, NO_COMPILER + QUICK):
        done = completed(code, cache, site, options={"umask": 0o002})
        assert float(done.stdout) == 3.0
        assert done.stderr == ""
    folder = folder_of(cache)
    assert rights(folder) == mode
    assert {rights(path) for path in folder.iterdir()} == {mode & 0o666}


@pytest.mark.parametrize("mode", [0o755, 0o775])
def test_the_interpreters_own_folder_is_used_as_far_as_kernels_is_trusted(tmp_path, mode):
    site, home = copy_of_package(tmp_path / "site", mode), tmp_path / "home"
    own = site / "mlp_fast" / "kernels" / "__pycache__"
    told = []
    for code in (QUICK, NO_COMPILER + QUICK):
        done = completed(
            code,
            tmp_path / "unused",
            site,
            options={"umask": 0o002},
            MLP_FAST_CACHE_DIR="",
            NUMBA_CACHE_DIR="",
            PYTHONDONTWRITEBYTECODE="",
            HOME=str(home),
            XDG_CACHE_HOME=str(home / ".cache"),
        )
        assert float(done.stdout) == 3.0
        told.append(done.stderr)
    assert rights(own) == 0o775
    if mode == 0o775:
        assert [*own.glob("*.nbc")]
        assert not home.exists()
        assert told == ["", ""]
    else:
        assert not [*own.glob("*.nbc")]
        assert [*home.rglob("*.nbc")]
        assert told[0].startswith(f"{COMPLAINT}{own}, which can be written by its group")
        assert len(told[0].splitlines()) == 1
        assert told[1] == ""  # nothing that could have been read was refused


@functools.cache
def as_other():
    """Return a command that starts the interpreter as another user, and options, or skip.

    Where only root can reach the interpreter, that user is given the right to read any file.
    """
    mighty = ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups"]
    mighty += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", sys.executable]
    ways = [
        ([sys.executable], {"user": OTHER, "group": OTHER, "extra_groups": []}),
        (mighty, {}),
    ]
    told = []
    for command, options in ways:
        try:
            probe = [*command, "-c", "import numba"]
            subprocess.run(probe, cwd="/", check=True, capture_output=True, text=True, **options)
        except (OSError, subprocess.CalledProcessError) as error:
            told.append(str(error))
        else:
            return command, options
    pytest.skip(f"user {OTHER} cannot import numba: {'; '.join(told)}")


@pytest.fixture
def open_place():
    """Return a folder that others can reach, which they cannot tmp_path."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


IMAGE = {
    "MLP_FAST_CACHE_DIR": "",
    "NUMBA_CACHE_DIR": "",
    "HOME": "/nonexistent",
    "XDG_CACHE_HOME": "",
}


@only_root
def test_an_image_warmed_up_as_root_is_run_by_another_user(open_place):
    command, options = as_other()
    site = copy_of_package(open_place / "site", 0o755)
    unused = open_place / "unused"
    completed(SMALL, unused, site, options={"umask": 0o022}, **IMAGE)
    is_other = f"import os\nassert os.geteuid() == {OTHER}\n"
    is_other += f"assert not os.access({str(site / 'mlp_fast' / 'kernels')!r}, os.W_OK)\n"
    code = NO_COMPILER + is_other + SMALL
    done = completed(code, unused, site, command, options, **IMAGE)
    assert float(done.stdout) == 3.0
    assert done.stderr == ""


@only_root
def test_another_user_does_not_trust_a_third_ones_files(open_place):
    command, options = as_other()
    site, cache = copy_of_package(open_place / "site", 0o755), open_place / "cache"
    completed(QUICK, cache, site, options={"umask": 0o022})
    for path in folder_of(cache).iterdir():
        os.chown(path, OTHER - 1, OTHER)
    done = completed(QUICK + NO_HIT, cache, site, command, options)
    assert float(done.stdout) == 3.0
    assert f"which belongs to user {OTHER - 1}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@only_root
def test_without_uids_nothing_is_checked(cache, site):
    for path in folder_of(cache).iterdir():
        give_away(path)
    done = completed("import os\ndel os.geteuid\n" + NO_COMPILER + QUICK, cache, site)
    assert float(done.stdout) == 3.0
    assert done.stderr == ""


THIS, OWNER, STRANGER = 4000, 4001, 4002  # who runs, whose kernels/ is, and anybody else


@pytest.mark.parametrize(
    ("uid", "mode", "mode_of_kernels", "expected"),
    [
        (OWNER, 0o644, 0o755, ""),
        (0, 0o644, 0o755, ""),
        (THIS, 0o644, 0o755, ""),
        (STRANGER, 0o600, 0o777, f"belongs to user {STRANGER}"),
        (OWNER, 0o664, 0o755, "can be written by its group"),
        (OWNER, 0o664, 0o775, ""),
        (OWNER, 0o646, 0o775, "can be written by everybody"),
        (OWNER, 0o646, 0o777, ""),
        (OWNER, 0o666, 0o777, ""),
        (OWNER, 0o666, 0o757, "can be written by its group"),
    ],
)
def test_the_rule(monkeypatch, uid, mode, mode_of_kernels, expected):
    monkeypatch.setattr(os, "geteuid", lambda: THIS)
    monkeypatch.setattr(trust, "_owner_and_mode", lambda: (OWNER, 0o040000 | mode_of_kernels))
    status = os.stat_result((0o100000 | mode, 0, 0, 1, uid, uid, 0, 0, 0, 0))
    assert trust.fault(status) == expected
