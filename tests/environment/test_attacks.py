"""Downloads from hostile addresses: no request arrives in a private network.

The run has network and mount namespaces of its own, in which this machine has every address, with
its own name server. Where a container forbids namespaces, the event loop stands in for both.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

#: Route all addresses to this machine, and replace the files that say how names are resolved.
SETUP = """
set -e
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo
for name in resolv.conf hosts nsswitch.conf; do
  if [ -e "/etc/$name" ]; then mount --bind "$1/$name" "/etc/$name"; fi
done
if [ -d /var/run/nscd ]; then mount -t tmpfs none /var/run/nscd; fi
"""
FILES = {
    "resolv.conf": "nameserver 127.0.0.1\noptions attempts:1 timeout:5\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "hosts: files dns\n",
}


def enter_namespaces(folder):
    """Return the beginning of a command that runs in namespaces; empty if there are none."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    command = ["unshare", *(["-r"] if os.geteuid() else []), "-n", "-m", "sh", "-c"]
    try:
        subprocess.run([*command, SETUP, "sh", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print("No namespaces:", error, getattr(error, "stderr", b"").decode())
        return []
    return [*command, f'{SETUP}\nshift\nexec "$@" --namespaces', "sh", folder]


@pytest.mark.parametrize("network", ["namespaces", "simulated"])
def test_no_request_arrives_in_a_private_network(tmp_path, show_line, network):
    prefix = enter_namespaces(tmp_path) if network == "namespaces" else []
    run = subprocess.run(
        [*prefix, sys.executable, "-m", "tests.environment.attack_run", tmp_path],
        check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    report = json.loads(run.stdout)
    assert report["private"] == []
    assert [row for row in report["rows"] if row[2] != row[3]] == []
    names = {target for target in report["targets"] if target.endswith(".example")}
    assert names == {urlsplit(url).hostname for url in report["by_name"]}
    fetched = [address for *_, address, _ in report["rows"] if address]
    show_line(
        "networks",
        f"attack run, {'in namespaces' if prefix else 'simulated'}",
        f"{len(fetched)} files from public addresses, {len(report['rows']) - len(fetched)} "
        f"rejected, {len(report['private'])} requests in private networks",
    )
    shown = set()
    for way, url, _, address, line in report["rows"]:
        if network == "namespaces" and url not in shown:
            show_line("networks", f"{way}: {url}"[:56], line or f"(fetched from {address})")
        shown.add(url)
