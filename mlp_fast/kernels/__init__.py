"""Everything compiled: bare loops over buffers that the caller brings."""
