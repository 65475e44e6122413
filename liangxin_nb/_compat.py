"""Private or undocumented attributes of other libraries, one function each.

Everything here can break with a new version of a library. ``tests/test_compat.py`` checks each
function, and ``make matrix`` runs it with the lowest supported and the newest versions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = [
    "close_listeners",
    "connection_transport",
    "connections_without_request",
    "is_viewed",
    "on_view_change",
    "process_events_while_busy",
    "set_css_classes",
    "track_views",
]


def process_events_while_busy(comm: Any) -> None:
    """Let the frontend choose the subshell that handles the next message of a comm.

    Since 7.4, ipykernel sends messages of a widget to the thread that last updated it. While a
    cell blocks that thread, they would have to wait.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None


def set_css_classes(widget: Any, classes: tuple[str, ...]) -> None:
    """Replace the CSS classes of an ipywidgets widget, with one message instead of one each."""
    widget._dom_classes = classes


def track_views(widget: Any) -> None:
    """Let pages count how often they show a widget; call it before the widget is shown."""
    widget._view_count = 0


def is_viewed(widget: Any) -> bool:
    """Return whether a page shows a widget; a page that was reloaded is counted twice."""
    return int(widget._view_count) > 0  # below 0 if it was removed before it was drawn


def on_view_change(widget: Any, function: Callable[[], object]) -> None:
    """Call a function when a page shows a widget or shows it no longer."""
    widget.observe(lambda _: function(), "_view_count")


def connection_transport(server: Any, client: tuple[str, int]) -> Any:
    """Return the asyncio transport of a uvicorn connection, or None if it is closed.

    Args:
        server: The ``uvicorn.Server``.
        client: Address and port of the client, as in the ASGI scope.
    """
    connections = list(server.server_state.connections)
    return next((c.transport for c in connections if c.client == client), None)


def connections_without_request(server: Any) -> dict[Any, Any]:
    """Return the connections of a ``uvicorn.Server`` that wait for the head of a request.

    Returns:
        The protocol of each connection, and its last request, None before the first one.
    """
    requests = {protocol: protocol.cycle for protocol in server.server_state.connections}
    return {p: last for p, last in requests.items() if last is None or last.response_complete}


def close_listeners(server: Any) -> None:
    """Stop a ``uvicorn.Server`` from accepting connections; open ones are still served."""
    for listener in server.servers:
        listener.close()
