"""The records of a ZIP archive, of which each has one form: whatever else is read is a fault.

All have the fields of ZIP64, needed or not, so that their lengths depend on names only.
"""

import struct

from mlp_fast.archive.errors import ContentError

COMMENT = "sha256:"
N_COMMENT = len(COMMENT) + 64

START = b"PK\x03\x04"
_LOCAL = struct.Struct("<4s5H3L2H")
_FIELDS = (
    "signature",
    "version of ZIP",
    "flags (encryption and others)",
    "compression method",
    "time",
    "date",
    "CRC-32",
    "compressed size",
    "size",
    "length of its name",
    "length of its extra field",
)
N_LOCAL = _LOCAL.size
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")

_ZIP = 45  # version 4.5, the first with ZIP64
_UNIX = 3 << 8  # whose permissions follow
_PERMISSIONS = 0o100644 << 16
_DATE = 1 << 5 | 1  # 1 January 1980
_IN_EXTRA = 0xFFFFFFFF  # in place of a value that the extra field has
_SIZES = struct.Struct("<2H2Q")
N_EXTRA = _SIZES.size
_SIZES_AND_OFFSET = struct.Struct("<2H3Q")


def local(name: str, size: int, crc: int) -> bytes:
    """Return the record before a member's content."""
    extra = _SIZES.pack(1, 16, size, size)
    fixed = _LOCAL.pack(
        START, _ZIP, 0, 0, 0, _DATE, crc, _IN_EXTRA, _IN_EXTRA, len(name), len(extra)
    )
    return fixed + name.encode("ascii") + extra


def central(name: str, size: int, crc: int, offset: int) -> bytes:
    """Return a member's record in the directory, given where the one before its content is."""
    extra = _SIZES_AND_OFFSET.pack(1, 24, size, size, offset)
    kind = (b"PK\x01\x02", _UNIX | _ZIP, _ZIP, 0, 0, 0, _DATE)
    lengths = (len(name), len(extra), 0, 0, 0)
    fixed = _CENTRAL.pack(*kind, crc, _IN_EXTRA, _IN_EXTRA, *lengths, _PERMISSIONS, _IN_EXTRA)
    return fixed + name.encode("ascii") + extra


def end(n_members: int, start: int, size: int) -> bytes:
    """Return what is between the directory, which has this start and size, and the comment."""
    return (
        _END_64.pack(
            b"PK\x06\x06",
            _END_64.size - 12,
            _UNIX | _ZIP,
            _ZIP,
            0,
            0,
            n_members,
            n_members,
            size,
            start,
        )
        + _LOCATOR.pack(b"PK\x06\x07", 0, start + size, 1)
        + _END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, _IN_EXTRA, _IN_EXTRA, N_COMMENT)
    )


def name_length(fixed: bytes) -> int:
    """Return how long the name is that follows the fixed part of a local record."""
    return int(_LOCAL.unpack(fixed)[_FIELDS.index("length of its name")])


def checked_local(
    name: str, fixed: bytes, extra: bytes, size: int | None = None
) -> tuple[int, int]:
    """Return the size and CRC-32 that a local record gives; raise the fault of it.

    It must be just as `local` makes it, for content of this size if one is given.
    """
    crc = int(_LOCAL.unpack(fixed)[_FIELDS.index("CRC-32")])
    told = int(_SIZES.unpack(extra)[2])
    expected = local(name, told if size is None else size, crc)
    pairs = zip(_FIELDS, _LOCAL.unpack(fixed), _LOCAL.unpack(expected[:N_LOCAL]), strict=True)
    for field, found, wanted in pairs:
        if found != wanted:
            raise ContentError(f"the {field} of {name} must be {wanted}; it is {found}")
    if fixed + name.encode("ascii") + extra != expected:
        raise ContentError(f"the size that its archive gives for {name} is not that of its content")
    return told, crc
