"""Everything compiled: bare loops over buffers that the caller brings. Imports nothing of the rest."""
