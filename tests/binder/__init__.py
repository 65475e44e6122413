"""The steps of a Binder without Docker."""
