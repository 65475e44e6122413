"""Run the sandbox: a local service with the Market task API that draws pictures itself."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any

import uvicorn

from .._compat import close_listeners, connections_without_request
from ..config.private_files import replace_file
from ..config.schema import read_environment, read_variable
from ..errors import InvalidRequestError
from .access_key import sandbox_key
from .app import create_app
from .client import ADDRESS_FILE
from .faults import FaultError, Faults, list_faults
from .launcher import has_leases, startup_lock
from .state import SandboxState
from .webhooks import WebhookSender

_SLOW_AFTER_S = 20.0  # browsers connect up to ten seconds before they send a request
_UVICORN_OPTIONS: dict[str, Any] = {
    "http": "h11",
    "ws": "none",
    "log_level": "warning",
    "access_log": False,
    "lifespan": "off",
    "date_header": False,  # the application sets it from its own clock
    "timeout_graceful_shutdown": 1,  # a delayed answer does not delay the end
}
_FAULTS = """faults, each name*N for its first N occasions only, else for all:
{}

While it runs, PUT /sandbox/faults with {{"faults": ["create-lost", "busy:3*2"]}} replaces the
faults; GET /sandbox shows them and how often each was injected. Both need the key."""


def main() -> None:
    """Parse the command line and serve until stopped, or until a shared sandbox is unused."""
    parser = argparse.ArgumentParser(
        prog="python -m liangxin_nb.sandbox",
        description=__doc__,
        epilog=_FAULTS.format(list_faults()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="default 0: any free port")
    parser.add_argument("--profile", choices=("liangxin", "kie"), default="liangxin",
                        help="the service to imitate; default liangxin")  # fmt: skip
    parser.add_argument("--credits", type=float,
                        help="balance of the account; default unlimited")  # fmt: skip
    parser.add_argument("--any-model", action="store_true",
                        help="accept models outside the catalogue, inputs unchecked")  # fmt: skip
    parser.add_argument("--speed", type=float, default=1.0,
                        help="how many times faster than the service; default 1")  # fmt: skip
    parser.add_argument("--state", type=Path, help="save the tasks in this folder")
    parser.add_argument("--shared", action="store_true",
                        help="publish the address for other kernels, end when unused")  # fmt: skip
    parser.add_argument("--linger", type=float, metavar="SECONDS",
                        help="seconds until an unused shared sandbox ends; default 10")  # fmt: skip
    parser.add_argument("--allow-host", action="append", default=[], metavar="HOST:PORT",
                        help="accept requests for this host, as from a proxy")  # fmt: skip
    parser.add_argument("--faults", default="", help='faults to inject: "create-lost, busy:3*2"')
    options = parser.parse_args()
    if options.speed <= 0:
        parser.error(f"--speed {options.speed} is not above 0")
    if options.shared and options.state is None:
        parser.error("--shared needs --state")
    try:
        faults = Faults(text for text in options.faults.split(",") if text.strip())
        read_environment(os.environ)
        if options.linger is None:
            options.linger = read_variable("sandbox_linger")
    except (FaultError, InvalidRequestError) as error:
        parser.error(str(error))
    if os.name == "posix":
        os.umask(0o077)  # other users of this machine read no prompts
    asyncio.run(_serve(options, faults))


async def _serve(options: argparse.Namespace, faults: Faults) -> None:
    """Bind a port, print the address as JSON, and serve."""
    with _listen(options.port) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        key = sandbox_key(options.state)
        state = SandboxState(
            options.state,
            profile=options.profile,
            speed=options.speed,
            faults=faults,
            initial_credits=options.credits,
            any_model=options.any_model,
        )
        webhooks = WebhookSender(state, key, options.state)
        webhooks.resume(url)
        app = create_app(state, key, webhooks, options.allow_host)
        config = uvicorn.Config(app, **_UVICORN_OPTIONS)
        server = app.state.server = uvicorn.Server(config)
        if options.shared:
            replace_file(options.state / ADDRESS_FILE, json.dumps({"url": url}))
        address = {"url": url, "key": key, "pid": os.getpid()}
        # The socket listens already, so the reader of this line can connect.
        print(json.dumps(address), flush=True)
        watchers = [asyncio.create_task(_close_slow_connections(server, _SLOW_AFTER_S))]
        if options.shared:
            watcher = _stop_when_unused(options.state, server, options.linger)
            watchers.append(asyncio.create_task(watcher))
        await server.serve(sockets=[listener])
        for task in watchers:
            task.cancel()


def _listen(port: int) -> socket.socket:
    """Return a listening socket on the port, or on any free one if it is in use."""
    for candidate in (port, 0):
        # asyncio sets TCP_NODELAY only on sockets with an explicit protocol.
        listener = socket.socket(proto=socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
        except OSError:
            listener.close()
            continue
        listener.listen(128)
        return listener
    raise SystemExit("no free port on 127.0.0.1")


async def _close_slow_connections(server: uvicorn.Server, interval: float) -> None:
    """Close connections that wait for a complete request twice; uvicorn would keep them."""
    earlier: dict[Any, Any] = {}
    while True:
        await asyncio.sleep(interval)
        waiting = connections_without_request(server)
        for protocol in waiting.keys() & earlier.keys():
            if waiting[protocol] is earlier[protocol]:
                protocol.transport.close()
        earlier = waiting


async def _stop_when_unused(state: Path, server: uvicorn.Server, linger: float) -> None:
    """Stop the server when no process has held a lease for `linger` seconds."""
    idle, pause = 0.0, min(1.0, max(linger / 4, 0.05))
    while idle < max(linger, pause):
        await asyncio.sleep(pause)
        idle = 0.0 if await asyncio.to_thread(has_leases, state) else idle + pause
    # With the lock held no kernel can be about to use this sandbox; the next one starts another.
    with startup_lock(state):
        if not has_leases(state):
            server.should_exit = True
            # uvicorn would accept connections for another moment and then drop them.
            close_listeners(server)
            return
    await _stop_when_unused(state, server, linger)


if __name__ == "__main__":
    main()
