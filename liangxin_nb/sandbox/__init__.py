"""A local server of the same API, for trying everything without a key and without cost."""
