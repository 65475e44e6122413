"""Download from addresses that lead, or seem to lead, into a private network; print what happened.

python -m tests.environment.attack_run FOLDER [--namespaces]
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import stamina

from liangxin_nb.api.downloads import Downloader
from liangxin_nb.errors import LiangxinError

from .attack_network import NAT64, PUBLIC, V4, V6, Network

#: Hosts of URLs, and the address at which the request should arrive, if any.
HOSTS = {
    "public.example": V4,
    "six.example": V6,
    "nat64.example": NAT64,
    "mixed.example": V4,
    V4: V4,
    "93.12113678": V4,  # in two parts
    f"[{V6}]": V6,
    f"[{NAT64}]": NAT64,
    f"[::ffff:{V4}]": V4,
    # names
    "intranet.example": None,
    "metadata.example": None,
    "nat64-intranet.example": None,
    "localhost": None,
    "LOCALHOST.": None,
    "nas": None,
    "nas.local": None,
    "metadata.google.internal": None,
    # IPv4 in every spelling
    **dict.fromkeys(
        (
            *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
            *("100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1"),
            *("255.255.255.255", "0177.0.0.1", "0x7f000001", "0x7f.1", "2130706433", "127.1", "0"),
            *("127.0.0.1.", "１２７.０.０.１", "127。0。0。1", "127%2e0%2e0%2e1", "①②⑦.⓪.⓪.①"),
            *(f"{V4}@127.0.0.1", f"{V4}\\@127.0.0.1", f"127.0.0.1\\.{V4}", "127.0.0.1%20"),
        )
    ),
    # IPv6, with embedded IPv4
    **dict.fromkeys(
        f"[{address}]"
        for address in (
            *("::", "::1", "::7f00:1", "::10.1.2.3", "::ffff:127.0.0.1", "::ffff:a01:203"),
            *("::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a01:203", "64:ff9b:1::a01:203"),
            *("64:ff9b:1:a01:2:300::", "2002:7f00:1::", "2002:a01:203::1", "fec0::1", "ff02::1"),
            *("2001:0:4136:e378:8000:63bf:f5fe:fdfc", "fc00::1", "fd00:ec2::254", "fe80::1"),
            *("fe80::1%25lo", "fe80::5efe:a01:203", f"{V6[:18]}:0:5efe:10.1.2.3", "2001:db8::1"),
        )
    ),
}
URLS = {f"http://{host}/": address for host, address in HOSTS.items()} | {
    "https://public.example/": V4,
    "https://intranet.example/": None,
    "https://10.1.2.3/": None,
    "ftp://public.example/": None,
    "http://public.example:22/": None,
    "http://user:password@public.example/": None,
}
REDIRECTS = {
    f"http://public.example/?to={target}": address
    for target, address in {
        "https://public.example/moved": V4,
        "//six.example/moved": V6,
        "http://10.1.2.3/moved": None,
        "//127.1/moved": None,
        "http://[::ffff:a01:203]/moved": None,
        "http://WAY-1.rebound.example/moved": V4,
        # the second connection finds the private address
        "http://WAY-2.rebound.example/?to=http://WAY-2.rebound.example/moved": None,
        "http://public.example/%0d%0aHost:10.1.2.3": V4,
        "http://public.example\\@10.1.2.3/": None,
        "file:///etc/passwd": None,
        "https://public.example/?to=http://public.example/": None,
    }.items()
}


#: Each way has names of its own, since the answers for a name change with each question.
REBOUND = {"http://WAY-3.rebound.example/": V4, "https://WAY-4.rebound.example/": V4}
BY_PROXY_ONLY = {
    "https://WAY-5.late.example/": V4,
    # without TLS it is unknown where the proxy connects to
    "http://WAY-6.late.example/": None,
    "https://WAY-11.poisoned.example/": V4,
    "https://WAY-7.late-intranet.example/": None,
    "http://WAY-8.late-intranet.example/": None,
}
#: The proxy rejects addresses in place of names.
BY_NAME_ONLY = {
    "https://public.example/": V4,
    "http://public.example/": None,
    "http://WAY-9.rebound.example/": None,
    # the third answer is for the proxy
    "https://WAY-10.rebound-later.example/": None,
}
EVERYWHERE = URLS | REDIRECTS | REBOUND
FOR_IPV4 = {"http://both.example/": V4, "http://six.example/": None}
CASES = {
    "direct": EVERYWHERE,
    "HTTP proxy": EVERYWHERE | BY_PROXY_ONLY,
    "SOCKS5 proxy": EVERYWHERE | BY_PROXY_ONLY,
    "HTTP proxy for names": BY_NAME_ONLY,
    "SOCKS5 proxy for names": BY_NAME_ONLY,
    "HTTP proxy for IPv4": FOR_IPV4,
}


async def main(folder, has_namespaces):
    """Print a JSON object: rows of the table, and the requests that arrived elsewhere."""
    network = Network(has_namespaces, folder)
    await network.start()
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    os.environ["SSL_CERT_FILE"] = str(network.ca_file)
    stamina.set_testing(True, attempts=1)
    rows = []
    for way, cases in CASES.items():
        kind = way.partition(" ")[0].lower()
        if way != "direct":
            port = network.http_port if kind == "http" else network.socks_port
            os.environ["ALL_PROXY"] = f"{kind}://127.0.0.1:{port}"
        network.forbids_addresses = way.endswith("names")
        network.forbids_ipv6 = way.endswith("IPv4")
        for url, expected in cases.items():
            rows.append([way, url, expected, *await download(network, folder, url, kind)])
    private = [fetch for fetch in network.fetches if fetch[0] not in PUBLIC]
    # a proxy gets names only for TLS, if it rejects addresses or alone can resolve the name
    by_name = [
        url.replace("WAY", kind)
        for url in (*BY_PROXY_ONLY, *BY_NAME_ONLY)
        for kind in ("http", "socks5")
        if url.startswith("https:")
    ]
    report = {"rows": rows, "private": private, "targets": network.targets, "by_name": by_name}
    print(json.dumps(report))


async def download(network, folder, url, kind):
    """Return where the file was fetched, and what the user reads if it was not."""
    downloader = Downloader("https://api.example", 5)
    try:
        await downloader.fetch(url.replace("WAY", kind), folder / "file")
        return network.fetches[-1][0], ""
    except LiangxinError as error:
        return None, str(error)
    finally:
        await downloader.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), "--namespaces" in sys.argv))
