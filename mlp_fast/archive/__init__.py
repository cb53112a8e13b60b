"""Files of named arrays with a header: written whole or not at all, never trusted when read.

A file is a ZIP archive that `numpy.load(path, allow_pickle=False)` opens, too. Its members are
stored uncompressed, one after the other, with nothing before, between or after them:

- `header.json`: JSON in UTF-8, an object. Besides the caller's entries it has "format", which is
  "mlp_fast", "version", which is 1, and "arrays", which gives each array's dtype and shape.
- `<name>.npy` for each array, in the order they were given in, in C order and little-endian.

The comment of the archive is "sha256:" and the hexadecimal digest of all bytes before the comment.
The same content gives the same bytes. A later version has to keep where `header.json` is, so that
this one can tell that it is later.
"""

from mlp_fast.archive.places import check_writable
from mlp_fast.archive.read import read_archive
from mlp_fast.archive.write import write_archive, write_bytes

__all__ = ["check_writable", "read_archive", "write_archive", "write_bytes"]
