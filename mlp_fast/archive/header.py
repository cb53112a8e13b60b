"""The JSON in `header.json`: what is written reads back equal, what is read is checked."""

import json
import math
from collections.abc import Mapping
from typing import Any

from mlp_fast.archive.errors import ContentError
from mlp_fast.boundary.values import shown

HEADER = "header.json"  # the member
FORMAT = "mlp_fast"
VERSION = 1
OWN = ("format", "version", "arrays")  # the entries that are not the caller's
LONGEST = 16 * 2**20  # bytes: a bound on what parsing may need
DIGITS = 100  # of an integer: time to parse grows with their square


def encode(header: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """Return the JSON of the caller's entries and ours, or raise the error of what it cannot keep.

    JSON would make lists of tuples and strings of integer keys without a word.
    """
    if not isinstance(header, Mapping):
        raise TypeError(f"header must be a mapping; got {shown(header)}")
    for key in OWN:
        if key in header:
            raise ValueError(f"header must not have the entries {', '.join(OWN)}; it has {key!r}")
    entries = {**header, "format": FORMAT, "version": VERSION, "arrays": arrays}
    try:
        text = json.dumps(entries, sort_keys=True, allow_nan=False).encode("ascii")
        if len(text) > LONGEST:
            raise ContentError(
                f"header.json would have {len(text):,} bytes; at most {LONGEST:,} are read"
            )
        kept = decode(text) == entries
    except RecursionError:
        raise ValueError("header must not be nested so deeply, or in itself") from None
    except TypeError as error:
        raise TypeError(f"header must hold what JSON can keep: {error}") from None
    except ValueError as error:  # a ContentError is one
        raise ValueError(f"header must hold what JSON can keep: {error}") from None
    if not kept:
        raise TypeError(
            "header must hold what JSON can keep: None, booleans, numbers, strings, "
            "lists (no tuples), and dicts whose keys are strings"
        )
    return text


def decode(text: bytes) -> dict[str, Any]:
    """Return all entries of a header of this version, or raise the fault of it."""
    try:
        entries = json.loads(
            text.decode("utf-8"),
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_real,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ContentError("its header.json is nested too deeply") from None
    except ValueError as error:  # of JSON, of UTF-8, or of those below
        raise ContentError(f"its header.json cannot be parsed: {error}") from None
    if not isinstance(entries, dict):
        raise ContentError(f"its header.json must hold an object; it holds {_brief(entries)}")
    if entries.get("format") != FORMAT:
        raise ContentError(
            f"its header.json must have the format {FORMAT!r}; "
            f"it has {_brief(entries.get('format'))}"
        )
    version = entries.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ContentError(f"its version must be a positive integer; it is {_brief(version)}")
    if version != VERSION:
        raise ContentError(
            f"version {version} was written by a newer mlp_fast; this one reads version {VERSION}"
        )
    return entries


def _brief(value: Any) -> str:
    """Return a value as an error shows it, though to write it all may take too much."""
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else shown(value)


def _integer(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"an integer has {len(digits):,} digits; at most {DIGITS} are read")
    return int(digits)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("an object has two entries of the same name")
    return entries
