"""HTTP client of the Market task API: create tasks, read their records, download their outputs.

The API key is sent to the API's own address, and to the service's documented upload address,
and nowhere else: API requests follow no redirects, and downloads use separate connections
without the key.
"""

from __future__ import annotations

from .client import Client

__all__ = ["Client"]
