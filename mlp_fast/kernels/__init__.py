"""Everything that is compiled: bare loops over buffers that the caller allocates."""
