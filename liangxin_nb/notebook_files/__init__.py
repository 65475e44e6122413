"""Notebooks as files: durable outputs for work that has ended, and where its results are."""
