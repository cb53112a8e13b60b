"""Files of arrays: where they may be, and failures that leave the old file as it was."""

import errno
import io
import itertools
import os
import socket
import stat

import numpy as np
import pytest
from test_archive import ARRAYS, HEADER, content_of, linux, not_root, posix, run

from mlp_fast.archive import check_writable, read_archive, replacing, write_archive, write_bytes

# Paths


ALL = {
    "read": read_archive,
    "write": lambda path: write_archive(path, HEADER, ARRAYS),
    "write bytes": lambda path: write_bytes(path, b"any"),
    "check": check_writable,
}
all_of_them = pytest.mark.parametrize("use", ALL.values(), ids=ALL.keys())


class BytesPath:
    def __fspath__(self):
        return b"m"


@all_of_them
@pytest.mark.parametrize("path", [b"m", 1, None, 2.0, BytesPath(), ["m"], io.BytesIO()])
def test_a_path_is_a_string_or_a_path(use, path):
    with pytest.raises(TypeError, match=r"^path must be a str or os\.PathLike; got "):
        use(path)


@all_of_them
def test_a_path_with_NUL_is_refused(use):
    with pytest.raises(ValueError, match=r"^path must have no null character; got 'a\\x00b'"):
        use("a\0b")


@all_of_them
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", FileNotFoundError),
        ("{}/absent/m", FileNotFoundError),
        ("{}/absent/more/m", FileNotFoundError),
        ("{}", IsADirectoryError),
        ("{}/", IsADirectoryError),
        ("{}/folder", IsADirectoryError),
        ("{}/folder/..", IsADirectoryError),
        ("{}/link", IsADirectoryError),
        ("{}/file/m", NotADirectoryError),
        ("{}/file/more/m", NotADirectoryError),
    ],
)
@posix
def test_errors_of_paths_have_the_class_and_the_path(tmp_path, use, name, error):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "file").touch()
    name = name.format(tmp_path)
    with pytest.raises(error) as caught:
        use(name)
    assert caught.value.filename == name
    assert repr(name) in str(caught.value)


@all_of_them
@posix
def test_links_that_go_round_are_an_error(tmp_path, use):
    (tmp_path / "m").symlink_to("m")
    with pytest.raises(OSError, match=r"m'$") as caught:
        use(tmp_path / "m")
    assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "m").is_symlink()


def test_a_new_file_cannot_have_the_name_of_a_folder(tmp_path):
    for name in ("new/", "new/."):
        with pytest.raises(IsADirectoryError):
            check_writable(f"{tmp_path}/{name}")
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "new")


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


@all_of_them
@pytest.mark.parametrize(
    "make", [os.mkfifo, make_socket, lambda path: os.symlink(os.devnull, path)]
)
@posix
def test_what_is_no_regular_file_is_refused_at_once_and_stays(tmp_path, monkeypatch, use, make):
    monkeypatch.chdir(tmp_path)  # names of sockets must be short
    make("m")
    before = os.lstat("m")
    with pytest.raises(ValueError, match=r"^path must name a regular file.*'m'"):
        use("m")
    assert os.lstat("m").st_ino == before.st_ino
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@posix
def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(tmp_path, monkeypatch):
    write_archive(tmp_path / "m", HEADER, ARRAYS)
    regular, opened = os.stat(tmp_path / "m"), os.open

    def spy(name, flags):
        assert flags & os.O_NONBLOCK
        return opened(name, flags)

    (tmp_path / "m").unlink()
    os.mkfifo(tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda *_, **__: regular)
        patch.setattr(os, "open", spy)
        with pytest.raises(ValueError, match=r"^path must name a regular file"):
            read_archive(tmp_path / "m")


def test_a_good_path_is_checked_without_a_trace(tmp_path):
    check_writable(tmp_path / "new")
    assert not os.listdir(tmp_path)
    (tmp_path / "old").write_bytes(b"old")
    check_writable(str(tmp_path / "old"))
    assert (tmp_path / "old").read_bytes() == b"old"


@pytest.mark.parametrize("use", [ALL["write"], ALL["write bytes"], check_writable])
@pytest.mark.parametrize("locked", ["", "m"])
def test_what_may_not_be_written_is_told(tmp_path, monkeypatch, use, locked):
    (tmp_path / "m").write_bytes(b"old")
    refuse, access = str(tmp_path / locked).rstrip(os.sep), os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: os.fspath(path) != refuse and access(path, mode)
    )
    with pytest.raises(PermissionError, match=r"that may be written: '.*m'$"):
        use(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == b"old"


@not_root
@posix
def test_permissions_are_respected(tmp_path):
    path = tmp_path / "m"
    write_archive(path, HEADER, ARRAYS)
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_archive(path, {}, {})
    path.chmod(0)
    with pytest.raises(PermissionError):
        read_archive(path)
    path.unlink()
    tmp_path.chmod(0o555)
    with pytest.raises(PermissionError):
        write_archive(path, {}, {})
    tmp_path.chmod(0o755)


# Replacing


def fail_to_link(*_, **__):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


WAYS = {
    "unnamed": lambda monkeypatch: None,
    "no O_TMPFILE": lambda monkeypatch: monkeypatch.delattr(os, "O_TMPFILE", raising=False),
    "no proc": lambda monkeypatch: monkeypatch.setattr(replacing, "OPEN_FILES", "/nonexistent"),
    "no links": lambda monkeypatch: monkeypatch.setattr(os, "link", fail_to_link, raising=False),
}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Have files replaced in each way that there is."""
    WAYS[request.param](monkeypatch)
    return request.param


@linux
def test_a_file_has_no_name_before_it_is_whole_where_that_can_be(tmp_path, monkeypatch, way):
    seen, sync = [], os.fsync

    def spy(descriptor):
        seen.append(os.listdir(tmp_path))
        return sync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    write_archive(tmp_path / "m", HEADER, ARRAYS)
    unnamed = {"unnamed": [True], "no links": [True, False]}.get(way, [False])
    assert [names == [] for names in seen[:-1]] == unnamed
    assert seen[-1] == os.listdir(tmp_path) == ["m"]  # and the folder is synchronised


def test_a_file_is_replaced(tmp_path, way):
    path = tmp_path / "m"
    write_archive(path, {"n": 1}, ARRAYS)
    write_archive(path, {"n": 2}, {})
    assert read_archive(path) == ({"n": 2}, {})
    assert os.listdir(tmp_path) == ["m"]


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_are_by_umask_and_then_kept(tmp_path, way, umask):
    path = tmp_path / "m"
    before = os.umask(umask)
    try:
        write_archive(path, {}, {})
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
        for mode in (0o600, 0o664, 0o755):
            path.chmod(mode)
            write_archive(path, {}, {})
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)


@posix
@pytest.mark.skipif(getattr(os, "geteuid", int)() != 0, reason="only root can give files away")
def test_root_does_not_take_a_file_from_its_owner(tmp_path, way):
    path = tmp_path / "m"
    write_archive(path, {}, {})
    os.chown(path, 65534, 65534)
    write_archive(path, {"n": 2}, {})
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


@posix
def test_a_link_stays_and_its_target_is_replaced(tmp_path, way):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link"
    link.symlink_to("folder/m")
    for n in (1, 2):  # first it points to nothing
        write_archive(link, {"n": n}, ARRAYS)
        assert link.is_symlink()
        assert not (tmp_path / "folder" / "m").is_symlink()
        assert read_archive(tmp_path / "folder" / "m")[0] == {"n": n}
    assert sorted(os.listdir(tmp_path)) == ["folder", "link"]
    assert os.listdir(tmp_path / "folder") == ["m"]


def test_a_relative_path_is_written_where_it_is(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    write_archive("m", HEADER, ARRAYS)
    assert os.listdir() == ["m"]


@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize(
    ("name", "nth"), [("write", 0), ("write", 5), ("fsync", 0), ("replace", 0)]
)
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt(), OSError("odd")]
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, way, existed, name, nth, error
):
    path = tmp_path / "m"
    if existed:
        write_archive(path, {"old": True}, ARRAYS)
    before = path.read_bytes() if existed else None
    calls, call = itertools.count(), getattr(os, name)

    def fail(*arguments, **named):
        if next(calls) < nth:
            return call(*arguments, **named)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with pytest.raises(type(error)) as caught:
            write_archive(path, HEADER, ARRAYS)
    if getattr(error, "errno", None):
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
        assert caught.value.filename2 is None
        assert str(caught.value).endswith(f"No space left on device: {str(path)!r}")
    assert os.listdir(tmp_path) == (["m"] if existed else [])
    assert not existed or path.read_bytes() == before


def test_a_folder_that_cannot_be_synchronised_is_no_failure(tmp_path, monkeypatch):
    sync = os.fsync

    def fail(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no folders")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    write_archive(tmp_path / "m", HEADER, ARRAYS)
    assert read_archive(tmp_path / "m")[0] == HEADER


def test_short_writes_are_continued(tmp_path, monkeypatch):
    content = content_of(folder=tmp_path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, piece: write(file, piece[:7]))
    assert content_of(folder=tmp_path) == content
    write_bytes(tmp_path / "any", content)
    assert (tmp_path / "any").read_bytes() == content


def test_arrays_that_change_meanwhile_do_not_replace_a_good_file(tmp_path, monkeypatch):
    path, array, write = tmp_path / "m", np.ones(1000), os.write
    write_archive(path, HEADER, ARRAYS)

    def change(*arguments):
        array[-1] += 1
        return write(*arguments)

    monkeypatch.setattr(os, "write", change)
    with pytest.raises(RuntimeError, match=r"^arrays must not change .*; x\.npy did"):
        write_archive(path, {}, {"x": array})
    assert read_archive(path)[0] == HEADER
    assert os.listdir(tmp_path) == ["m"]


LIMITED = """
import errno, os, resource, sys
import numpy as np
from mlp_fast.archive import read_archive, write_archive

folder = sys.argv[1]
path = os.path.join(folder, "m")
write_archive(path, {"old": True}, {})
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    write_archive(path, {}, {"x": np.ones(10_000)})
except OSError as error:
    assert (error.errno, error.filename) == (errno.EFBIG, path)
    assert read_archive(path) == ({"old": True}, {})
    print(os.listdir(folder))
"""


@posix
def test_a_limit_on_the_size_of_files_leaves_the_old_one(tmp_path):
    assert run(LIMITED, tmp_path) == "['m']\n"


KILLED = """
import os, signal, sys
import numpy as np
from mlp_fast.archive import read_archive, write_archive

folder = sys.argv[1]
path = os.path.join(folder, "m")
OLD, NEW = {"n": 1}, {"n": 2}
outcomes = set()

def killed_at(n, unnamed):
    # Kill a child at its nth call of the system that changes anything; tell if there was one.
    write_archive(path, OLD, {"x": np.ones(100_000)})
    child = os.fork()
    if not child:
        if not unnamed:
            del os.O_TMPFILE
        calls = 0
        for name in ("open", "write", "fsync", "link", "replace", "unlink", "fchmod", "fchown"):
            def call(*arguments, _call=getattr(os, name), **named):
                nonlocal calls
                calls += 1
                if calls == n:
                    os.kill(os.getpid(), signal.SIGKILL)
                return _call(*arguments, **named)
            setattr(os, name, call)
        write_archive(path, NEW, {"x": np.zeros(100_000)})
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    header, arrays = read_archive(path)
    assert header in (OLD, NEW)
    assert (arrays["x"] == (header == OLD)).all()
    strays = [name for name in os.listdir(folder) if name != "m"]
    for name in strays:
        os.unlink(os.path.join(folder, name))
    outcomes.add((header["n"], len(strays)))
    return os.WIFSIGNALED(status)

for unnamed in (True, False):
    outcomes.clear()
    n = 1
    while killed_at(n, unnamed):
        n += 1
    assert n > 10
    print(sorted(outcomes))
"""


@linux
def test_a_process_that_is_killed_leaves_the_old_file_or_the_new_one(tmp_path):
    """A stray file may be left beside it, of those with a name from the start on."""
    assert run(KILLED, tmp_path).splitlines() == ["[(1, 0), (1, 1), (2, 0)]"] * 2
