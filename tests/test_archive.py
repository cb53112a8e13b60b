"""Files of arrays: they come back, and what was forged or damaged is refused."""

import errno
import hashlib
import io
import itertools
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays_of

from mlp_fast.archive import read_archive, write_archive, zipped
from mlp_fast.archive.members import Layout

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has these files and permissions")
linux = pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux has files without name")
not_root = pytest.mark.skipif(
    getattr(os, "geteuid", int)() == 0, reason="root may write whatever the permissions say"
)

HEADER = {"sizes": [2, 3, 1], "rate": 0.1, "name": "η", "nothing": None, "nested": {"a": [True]}}
ARRAYS = {
    "w_1": np.arange(6.0).reshape(2, 3),
    "w_0": np.array([[1.5, -0.0]], np.float32),
    "count": np.array(7),
    "none": np.empty((0, 3)),
}
READABLE = r"^path must name a file that this mlp_fast can read; "


def run(program, *arguments):
    """Return what a program prints that runs in its own process, where warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    root = str(Path(zipped.__file__).parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def same(given_, found):
    """Whether arrays are the same, in the same order, bit by bit, and the reader's own."""
    assert [*found] == [*given_]
    for name, array in given_.items():
        other = found[name]
        assert type(other) is np.ndarray
        assert other.shape == array.shape
        assert other.dtype == array.dtype.newbyteorder("=")
        assert other.dtype.isnative
        assert other.tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()
        flags = other.flags
        assert flags.c_contiguous
        assert flags.writeable
        assert flags.aligned
        assert flags.owndata
    return True


def content_of(header=HEADER, arrays=ARRAYS, folder=None):
    path = folder / "honest"
    write_archive(path, header, arrays)
    return path.read_bytes()


def refused(path, content, reason=""):
    """Write content to a file; check that it is refused, for this reason, with the path."""
    path.write_bytes(content)
    with pytest.raises(ValueError, match=READABLE) as caught:
        read_archive(path)
    assert type(caught.value) is ValueError
    assert caught.value.__cause__ is None
    assert repr(str(path)) in str(caught.value)
    assert re.search(reason, str(caught.value)), str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(path))


# What is written


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "model.of.mine"
    write_archive(path, HEADER, ARRAYS)
    header, arrays = read_archive(str(path))
    assert header == HEADER
    assert same(ARRAYS, arrays)
    assert os.listdir(tmp_path) == ["model.of.mine"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ARRAY = arrays_of.arrays(
    st.sampled_from(["<f8", "<f4", "<i8", ">f8", ">f4", ">i8"]),
    arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(
    st.dictionaries(st.text().filter(lambda key: key not in ("format", "version", "arrays")), JSON),
    st.dictionaries(st.from_regex(r"[a-z0-9_]{1,9}", fullmatch=True), ARRAY, max_size=4),
)
def test_any_content_comes_back_and_gives_the_same_bytes_again(tmp_path_factory, header, arrays):
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    content = content_of(header, arrays, folder)
    found_header, found = read_archive(folder / "honest")
    assert found_header == header
    assert same(arrays, found)
    assert content_of(found_header, found, folder) == content
    with np.load(folder / "honest", allow_pickle=False) as loaded:
        assert loaded.files == ["header.json", *arrays]
        for name, array in arrays.items():
            assert loaded[name].tobytes() == found[name].tobytes()
            assert loaded[name].shape == array.shape


def test_the_bytes_are_those_of_version_1(tmp_path):
    """If this fails, files of version 1 are written otherwise than they were."""
    content = content_of(folder=tmp_path)
    assert hashlib.sha256(content).hexdigest() == (
        "9d4ea1773cb78af8ff8c6e3b340e03159e3ef7eaeb09bba3f81778abf886926f"
    )


def test_others_read_it(tmp_path):
    content = content_of(folder=tmp_path)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.comment == b"sha256:" + hashlib.sha256(content[:-71]).hexdigest().encode()
        members = archive.infolist()
        assert [m.filename for m in members] == ["header.json", *(f"{n}.npy" for n in ARRAYS)]
        assert {(m.compress_type, m.date_time) for m in members} == {(0, (1980, 1, 1, 0, 0, 0))}
        text = json.loads(archive.read("header.json"))
    layouts = {"w_1": ["<f8", [2, 3]], "w_0": ["<f4", [1, 2]], "count": ["<i8", []]}
    layouts["none"] = ["<f8", [0, 3]]
    assert text == {**HEADER, "format": "mlp_fast", "version": 1, "arrays": layouts}


def test_not_finite_numbers_in_arrays_are_kept(tmp_path):
    arrays = {"x": np.array([np.nan, np.inf, -np.inf]), "y": np.array([np.nan], np.float32)}
    write_archive(tmp_path / "m", {}, arrays)
    assert same(arrays, read_archive(tmp_path / "m")[1])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(4, 6).T,
        np.arange(24.0)[::-3],
        np.asfortranarray(np.ones((3, 4), np.float32)),
        np.frombuffer(b"\0" + np.arange(3.0).tobytes(), np.uint8)[1:].view("<f8"),
        np.broadcast_to(np.int64(3), (2, 5)),
        np.ma.array([1.0, 2.0], mask=[True, False]),
    ],
    ids=["transposed", "reversed", "fortran", "unaligned", "broadcast", "subclass"],
)
def test_any_memory_layout_is_written(tmp_path, array):
    write_archive(tmp_path / "m", {}, {"x": array})
    assert same({"x": np.asarray(array)}, read_archive(tmp_path / "m")[1])


LOOP = []
LOOP.append(LOOP)
DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("header", "arrays", "error", "reason"),
    [
        ([], {}, TypeError, r"^header must be a mapping; got \[\]"),
        ({}, [], TypeError, r"^arrays must be a mapping; got \[\]"),
        ({"version": 1}, {}, ValueError, "^header must not have .*'version'"),
        ({"x": float("nan")}, {}, ValueError, "^header must hold what JSON can keep"),
        ({"x": float("inf")}, {}, ValueError, "^header must hold what JSON can keep"),
        ({"x": 10**100}, {}, ValueError, "^header must hold .* 101 digits; at most 100"),
        ({"x": 10**5000}, {}, ValueError, "^header must hold what JSON can keep"),
        ({"x": (1, 2)}, {}, TypeError, "^header must hold what JSON can keep.*no tuples"),
        ({"x": {1: 2}}, {}, TypeError, "^header must hold what JSON can keep.*are strings"),
        ({1: 2}, {}, TypeError, "^header must hold what JSON can keep"),
        ({"x": np.ones(1)}, {}, TypeError, "^header must hold what JSON can keep"),
        ({"x": b""}, {}, TypeError, "^header must hold what JSON can keep"),
        ({"x": LOOP}, {}, ValueError, "^header must"),
        ({"x": DEEP}, {}, ValueError, "^header must not be nested so deeply"),
        ({"x": "a" * 2**24}, {}, ValueError, "^header must .* at most 16,777,216 are read"),
        ({}, {"W": np.ones(1)}, ValueError, "^names of arrays must match .*; got 'W'"),
        ({}, {"": np.ones(1)}, ValueError, "^names of arrays must match"),
        ({}, {"a\n": np.ones(1)}, ValueError, "^names of arrays must match"),
        ({}, {"../a": np.ones(1)}, ValueError, "^names of arrays must match"),
        ({}, {"a" * 201: np.ones(1)}, ValueError, "^names of arrays must match"),
        ({}, {"é": np.ones(1)}, ValueError, "^names of arrays must match"),
        ({}, {1: np.ones(1)}, ValueError, "^names of arrays must match"),
        ({}, {"x": [1.0]}, TypeError, r"^arrays must hold NumPy arrays; x is \[1.0\]"),
        ({}, {"x": np.ones(1, object)}, TypeError, "^arrays must be of .*; x is of object"),
        ({}, {"x": np.ones(1, np.int32)}, TypeError, "^arrays must be of .*; x is of int32"),
        ({}, {"x": np.ones(1, bool)}, TypeError, "^arrays must be of .*; x is of bool"),
        ({}, {"x": np.ones(1, "f8,f8")}, TypeError, "^arrays must be of"),
    ],
    ids=itertools.count(),
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    tmp_path, header, arrays, error, reason
):
    with pytest.raises(error, match=reason):
        write_archive(tmp_path / "m", header, arrays)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 1 has 32 axes")
def test_more_axes_than_every_numpy_has_are_refused(tmp_path):
    write_archive(tmp_path / "m", {}, {"x": np.ones((1,) * 32)})
    with pytest.raises(ValueError, match=r"^arrays must have at most 32 axes; x has 33"):
        write_archive(tmp_path / "m", {}, {"x": np.ones((1,) * 33)})


# What is read


def sealed(content):
    """Return an archive with the digest in its comment computed anew."""
    body = content[:-71]
    return body + b"sha256:" + hashlib.sha256(body).hexdigest().encode()


def forged(text, members, listed=None, n_listed=None):
    """Return a sealed archive of any members, given as pairs of a name and content."""
    content, directory = b"", []
    for name, member in [("header.json", text), *members]:
        crc = zlib.crc32(member)
        # Only ASCII names have records: others are put in place of one as long.
        plain = name if name.isascii() else "x" * len(name.encode())
        place = len(content)
        local = zipped.local(plain, len(member), crc)
        central = zipped.central(plain, len(member), crc, place)
        content += local.replace(plain.encode(), name.encode()) + member
        directory.append(central.replace(plain.encode(), name.encode()))
    listed = b"".join(directory) if listed is None else listed
    n_listed = len(directory) if n_listed is None else n_listed
    return sealed(content + listed + zipped.end(n_listed, len(content), len(listed)) + b"-" * 71)


def text_of(arrays=None, **entries):
    """Return the text of a header, with what it declares."""
    own = {"format": "mlp_fast", "version": 1, "arrays": arrays}
    if arrays is None:
        own["arrays"] = {"a": ["<f8", [2]], "b": ["<f8", [2]]}
    return json.dumps({**own, **entries}, sort_keys=True).encode()


def npy(array):
    """Return an array as a .npy file."""
    return Layout(array.dtype.str, array.shape).preamble() + array.tobytes()


A, B = npy(np.array([1.0, 2.0])), npy(np.array([3.0, 4.0]))
HONEST = [("a.npy", A), ("b.npy", B)]


def test_forging_is_done_right(tmp_path):
    """Else all that is forged would be refused for a reason that is not meant."""
    arrays = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
    assert forged(text_of(), HONEST) == content_of({}, arrays, tmp_path)
    assert listing(("a.npy", A, 0), ("b.npy", B, 1)) == forged(text_of(), HONEST)


def declaring(arrays):
    return forged(text_of(arrays), HONEST)


def instead(name, b=B):
    """Return an archive with this member in the place of b."""
    return forged(text_of(), [HONEST[0], (name, b)])


def patched(old, new, count=1):
    """Return an archive with these bytes altered, at all places or at one, and sealed anew."""
    content = forged(text_of(), HONEST)
    assert len(old) == len(new)
    assert old in content
    return sealed(content.replace(old, new, count))


def second(old, new):
    """Return an archive with the second of these altered, that of array a, and sealed anew."""
    return sealed(patched(old, new, 2).replace(new, old, 1))


def listing(*members):
    """Return an archive whose directory lists members so: name, content, and of which place."""
    places = [len(zipped.local("header.json", 0, 0) + text_of())]
    places.append(places[0] + len(zipped.local("a.npy", 0, 0) + A))
    listed = zipped.central("header.json", len(text_of()), zlib.crc32(text_of()), 0)
    for name, content, i in members:
        listed += zipped.central(name, len(content), zlib.crc32(content), places[i])
    return forged(text_of(), HONEST, listed)


def at(position, new):
    """Return an archive with these bytes at a position, and sealed anew."""
    content = forged(text_of(), HONEST)
    position %= len(content)
    return sealed(content[:position] + new + content[position + len(new) :])


def bare(text):
    return forged(text, [])


def saved(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def zipped_by_python(method, text=None, encrypted=False):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("header.json", text_of() if text is None else text)
        archive.writestr("a.npy", A)
    content = bytearray(file.getvalue())
    if encrypted:
        content[6] |= 1
    return bytes(content)


def sized(size):
    """Return an archive of 1 kB whose header says that it is as large as this."""
    content = bytearray(forged(text_of(), HONEST))
    at_extra = zipped.N_LOCAL + len("header.json") + 4
    content[at_extra : at_extra + 16] = struct.pack("<2Q", size, size)
    return sealed(bytes(content))


class Planted:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return os._exit, (3,)


OBJECTS = np.array([Planted()], object)
MANY = [(f"a{i}.npy", npy(np.ones(0))) for i in range(3000)]
TABLE = b"".join(zipped.central("a.npy", len(A), zlib.crc32(A), 300) for _ in range(100_000))
N_END = len(zipped.end(0, 0, 0)) + 71

HOSTILE = {
    # other kinds of files
    "empty": (b"", "it is empty"),
    "text": (b"layer_sizes = 3\n", "starts with b'laye', not with .* no .npz file"),
    "short": (b"PK", "starts with b'PK'"),
    "start only": (b"PK\x03\x04", "it is cut off"),
    "pickle": (pickle.dumps(Planted()), "no .npz file"),
    "npy": (saved(np.save, np.ones(3)), r"starts with b'\\x93NUM'"),
    "npy of objects": (saved(np.save, OBJECTS), r"starts with b'\\x93NUM'"),
    "savez": (saved(np.savez, np.ones(3)), "first member must be header.json; it is 'arr_0.npy'"),
    "savez of objects": (saved(np.savez, OBJECTS), "first member must be header.json"),
    "savez_compressed": (saved(np.savez_compressed, w=np.ones(3)), "it is 'w.npy'"),
    "empty zip": (b"PK\x05\x06" + b"\0" * 18, "no .npz file"),
    # the archive
    "compressed": (zipped_by_python(zipfile.ZIP_DEFLATED), "header.json must be"),
    "a bomb": (zipped_by_python(zipfile.ZIP_DEFLATED, b" " * 2**24), "header.json must be"),
    "stored by another": (zipped_by_python(zipfile.ZIP_STORED), "version of ZIP of header.json"),
    "encrypted": (patched(b"PK\3\4\x2d\0\0\0", b"PK\3\4\x2d\0\1\0"), "encryption.* must be 0"),
    "encrypted array": (
        second(b"PK\3\4\x2d\0\0", b"PK\3\4\x2d\0\1"),
        "encryption.* of a.npy must be 0; it is 1",
    ),
    "method": (patched(b"PK\3\4\x2d\0\0\0\0", b"PK\3\4\x2d\0\0\0\x08"), "method .* be 0; it is 8"),
    "method of an array": (
        second(b"PK\3\4\x2d\0\0\0\0", b"PK\3\4\x2d\0\0\0\x08"),
        "compression method of a.npy must be 0; it is 8",
    ),
    "junk before": (b"junk" + forged(text_of(), HONEST), "no .npz file"),
    "junk before, sealed": (sealed(b"junk" + forged(text_of(), HONEST)), "no .npz file"),
    "junk after": (forged(text_of(), HONEST) + b"\0", "something was added"),
    "junk after, sealed": (sealed(forged(text_of(), HONEST) + b"\0"), "something was added"),
    "another archive after": (forged(text_of(), HONEST) * 2, "something was added"),
    "4 GB in 1 kB": (sized(2**32), "header.json has 4,294,967,296 bytes; at most 16,777,216"),
    "16 EB in 1 kB": (sized(2**64 - 1), "at most 16,777,216 are read"),
    "16 MB in 1 kB": (sized(2**24), "it is cut off"),
    "giant header": (bare(text_of({}, x="a" * 2**24)), "at most 16,777,216 are read"),
    "header of another size": (sized(len(text_of()) + 1), "cannot be parsed"),
    "first of other name": (patched(b"header.json", b"header.jsoN"), "it is 'header.jsoN'"),
    "zip64 sizes of an array": (
        patched(struct.pack("<2Q", len(A), len(A)), struct.pack("<2Q", len(A), 2**40)),
        "the size that its archive gives for a.npy",
    ),
    "many listed": (forged(text_of(), HONEST, TABLE), "something was added"),
    "many counted": (forged(text_of(), HONEST, n_listed=2**40), "the end of its archive"),
    "locator": (at(-N_END + 56, b"PK\x06\x08"), "the end of its archive"),
    "place of the directory": (at(-N_END + 48, b"\0"), "the end of its archive"),
    "length of comment": (at(-73, b"\0\0"), "the end of its archive"),
    "digest": (forged(text_of(), HONEST)[:-1] + b"-", "it was altered: .* SHA-256"),
    "no digest": (forged(text_of(), HONEST)[:-71] + b"-" * 71, "it was altered: .* SHA-256"),
    "listed twice": (listing(("a.npy", A, 0), ("a.npy", A, 0)), "directory does not list"),
    "listed in another order": (listing(("b.npy", B, 1), ("a.npy", A, 0)), "does not list"),
    "overlapping": (listing(("a.npy", A, 0), ("b.npy", B, 0)), "directory does not list"),
    "path listed": (listing(("a.npy", A, 0), ("../.n", B, 1)), "directory does not list"),
    # members
    "no members": (forged(text_of(), []), "it is cut off"),
    "a member too few": (forged(text_of(), HONEST[:1]), "it is cut off"),
    "a member too many": (forged(text_of(), [*HONEST, ("c.npy", A)]), "something was added"),
    "thousands too many": (forged(text_of(), MANY), "something was added"),
    "twice": (instead("a.npy"), "two members a.npy"),
    "undeclared": (instead("c.npy"), "declares no member 'c.npy'"),
    "../": (instead("../../etc/passwd", B[: len(B) - 22]), "declares no member '../../etc/passwd'"),
    "..": (instead("../.n"), "declares no member '../.n'"),
    "absolute": (instead("/b.np"), "declares no member '/b.np'"),
    "backslash": (instead("..\\b\\"), "declares no member"),
    "NUL": (instead("b\0npy"), "declares no member"),
    "NUL after": (instead("b.np\0"), "declares no member"),
    "no suffix": (instead("bbbbb"), "declares no member"),
    "not ASCII": (instead("é.np"), "declares no member"),
    "no member there": (second(b"PK\3\4", b"PK\3\5"), "there is no member at byte"),
    "fortran": (instead("b.npy", B.replace(b"False", b"True ")), "must start as .* in C order"),
    "objects": (instead("b.npy", B.replace(b"'<f8'", b"'|O8'")), "must start as .npy files"),
    "big-endian": (instead("b.npy", B.replace(b"<f8", b">f8")), "must start as .npy files"),
    "dtype": (declaring({"a": ["<f8", [2]], "b": ["<i8", [2]]}), "must start as .npy files"),
    "shape": (declaring({"a": ["<f8", [2]], "b": ["<f8", [1, 2]]}), "must start as .npy files"),
    "npy version": (instead("b.npy", B.replace(b"NUMPY\1", b"NUMPY\2")), "must start as .npy"),
    "larger shape": (declaring({"a": ["<f8", [2]], "b": ["<f8", [3]]}), "it is cut off"),
    "smaller shape": (declaring({"a": ["<f8", [2]], "b": ["<f8", [1]]}), "something was added"),
    "CRC": (patched(np.array([3.0]).tobytes(), np.array([5.0]).tobytes()), "b.npy does not have"),
    "CRC of header": (patched(b'"version": 1', b'"version":1 '), "header.json does not have its C"),
    # the header
    "version 2": (bare(text_of({}, version=2)), "version 2 was written by a newer mlp_fast; this "),
    "version 2, altered": (
        forged(text_of(), HONEST).replace(b'"version": 1', b'"version": 2'),
        "version 2 was written by a newer mlp_fast; this one reads version 1",
    ),
    "version 2, cut": (
        forged(text_of(), HONEST)[:300].replace(b'"version": 1', b'"version": 2'),
        "version 2 was written by a newer mlp_fast; this one reads version 1",
    ),
    "version 0": (bare(text_of({}, version=0)), "version must be a positive integer; it is 0"),
    "version true": (bare(text_of({}, version=True)), "positive integer; it is True"),
    "version 1.0": (bare(text_of({}, version=1.0)), "positive integer; it is 1.0"),
    "version of text": (bare(text_of({}, version="1" * 999)), "positive integer; it is '1"),
    "no version": (bare(b'{"format": "mlp_fast"}'), "positive integer; it is None"),
    "other format": (bare(text_of({}, format="other")), "the format 'mlp_fast'; it has 'other'"),
    "format list": (bare(text_of({}, format=[1])), "the format 'mlp_fast'; it has a list"),
    "no format": (bare(b"{}"), "must have the format 'mlp_fast'; it has None"),
    "not an object": (bare(b"[1]"), "must hold an object; it holds a list"),
    "null": (bare(b"null"), "must hold an object; it holds None"),
    "no JSON": (bare(b"{"), "header.json cannot be parsed"),
    "no text": (bare(b""), "header.json cannot be parsed"),
    "not UTF-8": (bare(b'{"a": "\xff"}'), "header.json cannot be parsed: 'utf-8' codec"),
    "UTF-16": (bare("{}".encode("utf-16")), "header.json cannot be parsed"),
    "BOM": (bare(b"\xef\xbb\xbf" + text_of({})), "header.json cannot be parsed"),
    "NaN": (bare(text_of({}, x=float("nan"))), "NaN is no finite number"),
    "Infinity": (bare(text_of({}, x=-float("inf"))), "-Infinity is no finite number"),
    "1e999": (bare(b'{"x": 1e999}'), "1e999 is no finite number"),
    "huge integer": (bare(b'{"x": ' + b"9" * 10**6 + b"}"), "an integer has 1,000,000 digits"),
    "huge float": (bare(b'{"x": ' + b"9" * 10**6 + b".0}"), "is no finite number"),
    "the same key twice": (bare(b'{"x": 1, "x": 2}'), "two entries of the same name"),
    "deep list": (bare(b"[" * 10**6), "nested too deeply"),
    "deep object": (bare(b'{"a":' * 10**6), "nested too deeply"),
    "deep and closed": (bare(b"[" * 10**6 + b"]" * 10**6), "nested too deeply"),
    "deep entry": (bare(b'{"x": ' + b"[" * 10**5 + b"]" * 10**5 + b"}"), "nested too deeply"),
    "no arrays": (bare(b'{"format": "mlp_fast", "version": 1}'), '"arrays" .* must be an object'),
    "arrays list": (bare(text_of([])), '"arrays" in its header.json must be an object'),
    "name": (declaring({"A": ["<f8", [2]]}), "names of arrays must match .*; it has 'A'"),
    "name ../": (declaring({"../a": ["<f8", [2]]}), "names of arrays must match"),
    "name NUL": (declaring({"a\0": ["<f8", [2]]}), "names of arrays must match"),
    "name newline": (declaring({"a\n": ["<f8", [2]]}), "names of arrays must match"),
    "long name": (declaring({"a" * 10**6: ["<f8", [2]]}), "names of arrays must match"),
    "no name": (declaring({"": ["<f8", [2]]}), "names of arrays must match"),
    "10**15": (declaring({"a": ["<f8", [10**15]]}), r"declared .* \(1000000000000000,\)"),
    "10**99": (declaring({"a": ["<f8", [10**90] * 32]}), "is declared to have the shape"),
    "10**99 and 0": (declaring({"a": ["<f8", [10**90, 0]]}), "is declared to have the shape"),
    "2**62 and 0": (declaring({"a": ["<f8", [2**62, 2**62, 0]]}), "is declared to have"),
    "just too large": (declaring({"a": ["<f8", [2**33]]}), "is declared to have the shape"),
    "wraps round": (declaring({"a": ["<f8", [2**32, 2**32]]}), "is declared to have the shape"),
    **{
        f"entry {entry}": (declaring({"a": entry}), "a must be declared by one of the dtypes")
        for entry in [
            None, 1, "<f8", [], ["<f8"], ["<f8", [2], 0], ["<f8", 2], ["<f8", [-1]],
            ["<f8", [True]], ["<f8", [2.0]], ["<f8", ["2"]], ["<f8", [[2]]], ["<f8", [1] * 33],
            ["<f8", {}], [">f8", [2]], ["|O", [2]], ["O", [2]], ["<i4", [2]], ["f8", [2]],
            ["|V8", [2]], [["<f8"], [2]], {"0": "<f8"},
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_was_not_written_here_is_refused(tmp_path, content, reason):
    refused(tmp_path / "m.npz", content, reason)


@pytest.fixture(scope="module")
def small():
    return forged(text_of(), HONEST)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
@pytest.mark.parametrize("seal", [sealed, bytes], ids=["sealed", "not sealed"])
def test_every_altered_byte_is_noticed(tmp_path, small, mask, seal):
    """Even if the digest is computed anew: each byte has a second reason to be as it is."""
    for i in range(len(small) - (71 if seal is sealed else 0)):
        altered = bytearray(small)
        altered[i] ^= mask
        refused(tmp_path / "m", seal(bytes(altered)))


@pytest.mark.parametrize("seal", [sealed, bytes], ids=["sealed", "not sealed"])
def test_every_truncation_and_every_gap_is_noticed(tmp_path, small, seal):
    for i in range(len(small)):
        refused(tmp_path / "m", seal(small[:i]) if i > 71 else small[:i])
        if i:
            refused(tmp_path / "m", small[i:])
        refused(tmp_path / "m", seal(small[:i] + small[i + 1 :]))
        refused(tmp_path / "m", seal(small[:i] + b"\0" + small[i:]))


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda rest: b"PK\3\4" + rest))
def test_any_bytes_are_refused(tmp_path_factory, content):
    refused(tmp_path_factory.getbasetemp() / "bytes", content)


@given(JSON)
def test_any_json_is_read_or_refused(tmp_path_factory, entry):
    path = tmp_path_factory.getbasetemp() / "json"
    refused(path, bare(text_of({"a": entry})))
    refused(path, forged(text_of({"a": ["<f8", entry], "b": ["<f8", [2]]}), HONEST))


@pytest.mark.parametrize(
    "name", ["4 GB in 1 kB", "16 EB in 1 kB", "a bomb", "10**15", "many listed"]
)
def test_refusing_needs_little_memory(tmp_path, name):
    tracemalloc.start()
    try:
        refused(tmp_path / "m", *HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@posix
def test_a_file_with_a_hole_that_memory_cannot_hold_is_refused(tmp_path):
    """It has the size that its header declares, and takes a few kB on disk."""
    for power in range(43, 33, -1):  # what the file system can have, but more than the limit
        size = 2**power
        start = zipped.local("header.json", 0, 0), text_of({"a": ["<f8", [size // 8]]})
        whole = len(start[0] + start[1]) + len(zipped.central("header.json", 0, 0, 0))
        whole += len(zipped.local("a.npy", 0, 0)) + len(zipped.central("a.npy", 0, 0, 0))
        whole += len(Layout("<f8", (size // 8,)).preamble()) + size + N_END
        with open(tmp_path / "m", "wb") as file:
            file.write(zipped.local("header.json", len(start[1]), zlib.crc32(start[1])) + start[1])
            try:
                file.truncate(whole)
            except OSError:  # of this file system
                continue
        break
    program = """
import resource, sys
from mlp_fast.archive import read_archive
resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
try:
    read_archive(sys.argv[1])
except ValueError as error:
    print(error)
"""
    assert "memory cannot hold what is in it" in run(program, tmp_path / "m")


def test_neither_writing_nor_reading_copies_large_arrays(tmp_path):
    arrays = {"a": np.ones(2**21), "b": np.ones(2**22, np.float32)}  # 16 MB each
    total = sum(array.nbytes for array in arrays.values())
    tracemalloc.start()
    try:
        write_archive(tmp_path / "m", {}, arrays)
        assert tracemalloc.get_traced_memory()[1] < 2**21
        tracemalloc.reset_peak()
        read_archive(tmp_path / "m")
        assert tracemalloc.get_traced_memory()[1] < total + 2**21
    finally:
        tracemalloc.stop()


def test_a_file_that_is_cut_while_it_is_read_is_refused(tmp_path, monkeypatch, small):
    read, n_calls = os.read, itertools.count()
    monkeypatch.setattr(os, "read", lambda *a: read(*a) if next(n_calls) < 8 else b"")
    refused(tmp_path / "m", small, "cut off while it was read")


def test_short_reads_are_continued(tmp_path, monkeypatch, small):
    (tmp_path / "m").write_bytes(small)
    read = os.read
    monkeypatch.setattr(os, "read", lambda file, n: read(file, min(n, 3)))
    assert read_archive(tmp_path / "m")[1]["b"].tolist() == [3.0, 4.0]


def test_an_error_of_the_disk_names_the_path(tmp_path, monkeypatch, small):
    (tmp_path / "m").write_bytes(small)

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(OSError, match=r"m'$") as caught:
        read_archive(tmp_path / "m")
    assert caught.value.errno == errno.EIO
