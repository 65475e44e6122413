"""`python -m liangxin_nb.sandbox`: serves until it is stopped, or until no one uses it any more."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import socket
from pathlib import Path

import uvicorn

from .app import create_app
from .broken_connections import TrackingProtocol
from .config import ADDRESS, gate, in_use, key
from .faults import FaultError, Faults, list_faults
from .state import SandboxState
from .webhooks import WebhookSender

_LINGER = "10"  # seconds without any user before a shared one ends
_FAULTS = """faults, each name*N for its first N occasions only, else for all:
{}

While it runs, PUT /sandbox/faults with {{"faults": ["create-lost", "busy:3*2"]}} puts another set
in force; GET /sandbox tells the set and how often each has struck."""


def main() -> None:
    """Reads the command line, binds a port of this machine, says where, and serves."""
    parser = argparse.ArgumentParser(
        prog="python -m liangxin_nb.sandbox",
        description=__doc__,
        epilog=_FAULTS.format(list_faults()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default: any free port")
    parser.add_argument("--profile", choices=("liangxin", "kie"), default="liangxin",
                        help="whose models and words; default liangxin")  # fmt: skip
    parser.add_argument("--credits", type=float,
                        help="what the account has; default: it never runs out")  # fmt: skip
    parser.add_argument("--any-model", action="store_true",
                        help="take models that nobody listed, their inputs unchecked")  # fmt: skip
    parser.add_argument("--speed", type=float, default=1.0, help="times faster than life")
    parser.add_argument("--state", type=Path, help="keep the tasks in this folder")
    parser.add_argument("--shared", action="store_true",
                        help="tell other kernels, and end when none uses it")  # fmt: skip
    parser.add_argument("--linger", type=float, metavar="SECONDS",
                        default=os.environ.get("LIANGXIN_SANDBOX_LINGER") or _LINGER,
                        help="without a user, until a shared one ends; default 10")  # fmt: skip
    parser.add_argument("--faults", default="", help='what goes wrong: "create-lost, busy:3*2"')
    given = parser.parse_args()
    if given.speed <= 0:
        parser.error(f"--speed {given.speed} is not above 0")
    if given.shared and given.state is None:
        parser.error("--shared needs --state")
    try:
        faults = Faults(text for text in given.faults.split(",") if text.strip())
    except FaultError as error:
        parser.error(str(error))
    asyncio.run(_serve(given, faults))


async def _serve(given: argparse.Namespace, faults: Faults) -> None:
    with _bound(given.port) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        identity = hashlib.sha256(f"{given.state}-{os.getpid()}".encode()).hexdigest()[:16]
        state = SandboxState(
            given.state,
            profile=given.profile,
            speed=given.speed,
            faults=faults,
            credits=given.credits,
            any_model=given.any_model,
        )
        caller = WebhookSender(state, key(), given.state)
        caller.resume(url)
        app = create_app(state, key(), identity, caller)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=TrackingProtocol,
                log_level="warning",
                access_log=False,
                lifespan="off",
                date_header=False,  # the application tells the time itself
                timeout_graceful_shutdown=1,  # a slow answer does not keep it from ending
            )
        )
        ready = {"url": url, "key": key(), "pid": os.getpid(), "identity": identity}
        if given.shared:
            _publish(given.state, {name: ready[name] for name in ("url", "identity")})
        # The socket listens already: whoever reads this line can connect.
        print(json.dumps(ready), flush=True)
        watching = None
        if given.shared:
            watching = asyncio.create_task(_watch(given.state, server, given.linger))
        await server.serve(sockets=[listening])
        if watching:
            watching.cancel()


def _bound(port: int) -> socket.socket:
    """A listening socket on the wished port, or on any free one where that is taken."""
    for wish in (port, 0):
        # By its protocol asyncio knows that it may send small answers at once (TCP_NODELAY).
        listening = socket.socket(proto=socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", wish))
        except OSError:
            listening.close()
            continue
        listening.listen(128)
        return listening
    raise SystemExit("no free port on 127.0.0.1")


def _publish(state: Path, address: dict[str, object]) -> None:
    fresh = state / f"{ADDRESS}.{os.getpid()}"
    fresh.write_text(json.dumps(address), encoding="utf-8")
    fresh.replace(state / ADDRESS)


async def _watch(state: Path, server: uvicorn.Server, linger: float) -> None:
    """Ends the server when no process has held a lease for `linger` seconds."""
    idle, pause = 0.0, min(1.0, linger / 4)
    while idle < linger:
        await asyncio.sleep(pause)
        idle = 0.0 if await asyncio.to_thread(in_use, state) else idle + pause
    # Under the gate no one can be about to use it, and the next one starts another.
    with gate(state):
        if not in_use(state):
            server.should_exit = True
            # It would go on listening for a moment: whoever came then would soon stand alone.
            for listening in server.servers:
                listening.close()
            return
    await _watch(state, server, linger)


if __name__ == "__main__":
    main()
