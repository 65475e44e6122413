"""Private attributes of other libraries, checked on the installed versions.

The matrix runs this file in other environments, too: it uses nothing of the other tests.
"""

import asyncio
from importlib.metadata import version

import ipywidgets
import pytest
import uvicorn

from liangxin_nb import _compat


def test_comm_does_not_route_messages_to_its_last_subshell():
    ipykernel = tuple(int(number) for number in version("ipykernel").split(".")[:2])
    comm = pytest.importorskip("ipykernel.comm.comm" if ipykernel >= (6, 20) else "ipykernel.comm")
    widget_comm = (comm.BaseComm if hasattr(comm, "BaseComm") else comm.Comm)()
    routes = hasattr(widget_comm, "_reply_subshell_for")
    assert routes == (ipykernel >= (7, 4)), "the private attribute has another name now"
    _compat.process_events_while_busy(widget_comm)
    assert getattr(widget_comm, "_reply_subshell_for", None) is None
    assert hasattr(widget_comm, "_reply_subshell_for") == routes


def test_widget_without_comm_is_ignored():
    _compat.process_events_while_busy(None)


def test_css_classes_are_replaced():
    widget = ipywidgets.HTML()
    widget.add_class("old")
    _compat.set_css_classes(widget, ("lx-card", "lx-good"))
    assert list(widget.get_state()["_dom_classes"]) == ["lx-card", "lx-good"]
    widget.remove_class("lx-good")
    assert list(widget._dom_classes) == ["lx-card"]


def test_views_are_counted():
    widget, calls = ipywidgets.HTML(), []
    _compat.track_views(widget)
    _compat.on_view_change(widget, lambda: calls.append(_compat.is_viewed(widget)))
    for count in (1, 2, 0, -1):  # removed before it was drawn
        widget._view_count = count
    assert calls == [True, True, False, False]


def start_server(app):
    """Return a server on a free port, and the task that runs it."""
    config = uvicorn.Config(app, port=0, http="h11", lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    return server, asyncio.create_task(server.serve())


async def wait_for_start(server):
    """Return the address of a server once it accepts connections."""
    while not server.started:
        await asyncio.sleep(0)
    return server.servers[0].sockets[0].getsockname()


def test_transport_of_a_connection_is_available_until_it_is_closed():
    async def check():
        transports = []

        async def app(scope, receive, send):
            client = tuple(scope["client"])
            transports.append(_compat.connection_transport(server, client))
            transports[0].close()
            while (await receive())["type"] != "http.disconnect":
                pass
            transports.append(_compat.connection_transport(server, client))

        server, serving = start_server(app)
        reader, writer = await asyncio.open_connection(*await wait_for_start(server))
        client = writer.get_extra_info("sockname")
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert await reader.read() == b""
        assert transports[0].get_extra_info("peername") == client
        writer.close()
        server.should_exit = True
        await serving
        assert transports[1:] == [None]

    asyncio.run(check())


def test_server_without_listeners_serves_open_connections_only():
    async def check():
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        server, serving = start_server(app)
        address = await wait_for_start(server)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        _compat.close_listeners(server)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        writer.close()
        server.should_exit = True
        await serving

    asyncio.run(check())
