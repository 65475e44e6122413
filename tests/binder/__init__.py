"""The Binder set-up, replayed here: the same steps, no Docker."""
