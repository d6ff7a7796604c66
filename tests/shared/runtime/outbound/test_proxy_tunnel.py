"""Through a proxy, each address of a name is tried, within one deadline."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from crawljobs import settings
from crawljobs.runtime.outbound.exchange import Sender
from crawljobs.runtime.outbound.guard import Guard
from crawljobs.runtime.outbound.outbound_errors import DeadlineExceeded, ProxyFailed
from crawljobs.runtime.outbound.pinned_connection import TRIED_ADDRESSES, in_turns
from crawljobs.settings import ConnectionSettings, OutboundProxy
from support.plain_http import NO_CERTIFICATES
from support.proxy_script import Proxy
from support.refused_targets import PUBLIC, PUBLIC_6, ScriptedNames
from support.scripted_server import Exchange, serve

LOCAL = settings.read_outbound_settings(
    {
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/28",
        "WEBHOOK_ALLOWED_PORTS": "1-65535",
    }
)
NAMES = [f"127.0.0.{number}" for number in range(2, 15)]


class PartialProxy(Proxy):
    """Answers `status` for each host that is not in `works`, and nothing for `silent` hosts."""

    def __init__(self, *, works: Sequence[str] = (), silent: Sequence[str] = ()) -> None:
        super().__init__()
        self.works, self.silent = works, silent
        self.refusal = 502
        self.closing = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        host = exchange.path.rpartition(":")[0]
        if host in self.silent:
            self.tunnels.append((exchange.path, None))
            exchange.close_connection = True
            self.closing.wait(20)
            return
        self.status = 200 if host in self.works else self.refusal
        super().__call__(exchange)


@contextlib.contextmanager
def tunnelled(proxy: PartialProxy, addresses: Sequence[str]) -> Iterator[Sender]:
    """Yield a sender that uses the proxy. Each name has these addresses."""
    with serve(proxy) as url:
        chosen = OutboundProxy("127.0.0.1", int(url.rpartition(":")[2]))
        names = ScriptedNames([*addresses]).resolver()
        yield Sender(Guard(LOCAL, names), NO_CERTIFICATES, ConnectionSettings(proxy=chosen))
        proxy.closing.set()


def hosts(proxy: Proxy) -> list[str]:
    return [path.rpartition(":")[0] for path, _ in proxy.tunnels]


def test_each_address_is_tried_until_the_proxy_reaches_one() -> None:
    proxy = PartialProxy(works=["127.0.0.4"])
    with (
        serve(lambda exchange: exchange.send(204, b""), host="127.0.0.4") as url,
        tunnelled(proxy, NAMES) as sender,
    ):
        port = url.rpartition(":")[2]
        reply = sender.post(f"http://hooks.example:{port}/", headers={}, body=b"{}", seconds=20)
    assert reply.status == 204
    assert hosts(proxy) == NAMES[:3]


def test_a_proxy_that_reaches_no_address_is_asked_a_limited_number_of_times() -> None:
    proxy = PartialProxy()
    with tunnelled(proxy, NAMES) as sender:
        with pytest.raises(ProxyFailed, match="got '502'"):
            sender.post("http://hooks.example:9/", headers={}, body=b"{}")
        assert hosts(proxy) == NAMES[:TRIED_ADDRESSES]
        proxy.tunnels.clear()
        proxy.refusal = 407  # the proxy does not accept the password
        with pytest.raises(ProxyFailed, match="got '407'"):
            sender.post("http://hooks.example:9/", headers={}, body=b"{}")
        assert hosts(proxy) == NAMES[:1]


def test_the_addresses_share_the_time_until_the_deadline() -> None:
    proxy = PartialProxy(works=["127.0.0.3"], silent=["127.0.0.2"])
    with (
        serve(lambda exchange: exchange.send(204, b""), host="127.0.0.3") as url,
        tunnelled(proxy, NAMES[:2]) as sender,
    ):
        target = f"http://hooks.example:{url.rpartition(':')[2]}/"
        assert sender.post(target, headers={}, body=b"{}", seconds=2).status == 204
        proxy.silent = NAMES
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            sender.post(target, headers={}, body=b"{}", seconds=0.6)
        assert 0.5 < time.monotonic() - began < 2
    assert hosts(proxy) == NAMES[:2] * 2


def test_the_deadline_limits_the_lookup_of_the_proxy() -> None:
    silent = threading.Event()

    def lookup(host: str) -> list[object]:
        silent.wait(20)
        raise socket.gaierror

    names = ScriptedNames(["127.0.0.2"])
    guard = Guard(LOCAL, names.resolver())
    guard.resolver._lookup = lambda host: lookup(host) if host == "proxy" else names(host)  # type: ignore[assignment,return-value]
    sender = Sender(guard, NO_CERTIFICATES, ConnectionSettings(proxy=OutboundProxy("proxy", 9)))
    began = time.monotonic()
    try:
        with pytest.raises(ProxyFailed, match="cannot be reached"):
            sender.post("http://hooks.example:9/", headers={}, body=b"{}", seconds=0.3)
        assert time.monotonic() - began < 1.5
    finally:
        silent.set()


def test_ipv6_and_ipv4_take_turns() -> None:
    guard = Guard(
        LOCAL, ScriptedNames([PUBLIC_6, "2606:2800::1", "2606:2800::2", PUBLIC]).resolver()
    )
    found = guard.check("http://hooks.example:9/").addresses
    assert [each.version for each in in_turns(found)] == [6, 4, 6, 6]
    assert in_turns(found[:1]) == [*found[:1]]
    assert in_turns(found[::-1])[0] == found[-1]
    assert in_turns(()) == []
