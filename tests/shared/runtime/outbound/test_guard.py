"""The guard refuses inner addresses in every notation, and returns the addresses to connect to."""

import contextlib
import ipaddress
import re
import threading
import time

import pytest
import structlog

from crawljobs import settings
from crawljobs.runtime.outbound import target_url
from crawljobs.runtime.outbound.guard import Guard
from crawljobs.runtime.outbound.outbound_errors import NameNotResolved, RefusedTarget
from crawljobs.runtime.outbound.resolver import ABANDONED_MAX, THREADS, Resolver
from crawljobs.settings import OutboundSettings
from support import growth, refused_targets
from support.refused_targets import PUBLIC, PUBLIC_6, ScriptedNames
from support.waiting import wait_until

DEFAULT = OutboundSettings()


def settings_of(**variables: str) -> OutboundSettings:
    return settings.read_outbound_settings(variables)


def guard(chosen: OutboundSettings = DEFAULT, *answers: list[str]) -> Guard:
    return Guard(chosen, ScriptedNames(*(answers or ([PUBLIC],))).resolver())


def test_each_refused_url_of_the_table_is_refused() -> None:
    table = list(refused_targets.refused())
    assert len(table) >= 80
    passed = []
    for url, answer in table:
        try:
            passed.append((url, answer, guard(DEFAULT, answer or [PUBLIC]).check(url)))
        except RefusedTarget as error:
            assert str(error)
            assert len(str(error)) < 300
    assert passed == []


def test_no_setting_allows_link_local_and_metadata_addresses() -> None:
    everything = settings_of(
        WEBHOOK_ALLOWED_NETWORKS="0.0.0.0/0,::/0", WEBHOOK_ALLOWED_PORTS="1-65535"
    )
    always = """169.254.169.254 169.254.1.1 168.63.129.16 100.100.100.200 192.0.0.192 0.0.0.0
        255.255.255.255 224.0.0.1 [::] [fe80::1] [fd00:ec2::254] [ff02::1] [::ffff:169.254.169.254]
        [64:ff9b::a9fe:a9fe] [64:ff9b:1::a9fe:a9fe] [2002:a9fe:a9fe::1] [::169.254.169.254]
        [2606:4700::5efe:169.254.169.254] [64:ff9b:1:a9fe:a9:fe00::]"""
    for host in always.split():
        with pytest.raises(RefusedTarget, match="always refused"):
            guard(everything).check(f"https://{host}/")
    for answer in (["10.0.0.1", "169.254.169.254"], ["fe80::1"]):
        with pytest.raises(RefusedTarget, match="always refused"):
            guard(everything, answer).check("https://inner.example/")


def test_an_allowed_network_opens_these_addresses_alone() -> None:
    inner = settings_of(WEBHOOK_ALLOWED_NETWORKS="10.1.0.0/16,fd00:1::/32,64:ff9b::/96,2002::/16")
    for host, used in {
        "10.1.2.3": "10.1.2.3",
        "[::ffff:10.1.2.3]": "10.1.2.3",
        "[fd00:1::5]": "fd00:1::5",
        f"[64:ff9b::{PUBLIC}]": "64:ff9b::5db8:d70e",
        "[64:ff9b::10.1.0.1]": "64:ff9b::a01:1",
    }.items():
        assert [str(each) for each in guard(inner).check(f"https://{host}/").addresses] == [used]
    for host in ("10.2.0.1", "[fd00:2::5]", "[64:ff9b::10.2.0.1]", "[2002:7f00:1::1]", "127.0.0.1"):
        with pytest.raises(RefusedTarget, match="WEBHOOK_ALLOWED_NETWORKS"):
            guard(inner).check(f"https://{host}/")
    with pytest.raises(RefusedTarget, match=r"an address of inner\.example"):
        guard(inner, ["10.1.0.1", "10.2.0.1"]).check("https://inner.example/")


def test_only_the_log_shows_the_refused_address_of_a_name() -> None:
    for address in ("10.2.0.1", "169.254.7.8", "fd12::7", "2002:a02:1::"):
        for answer in ([address], [PUBLIC, address]):
            with structlog.testing.capture_logs() as logged, pytest.raises(RefusedTarget) as found:
                guard(DEFAULT, answer).check("https://inner.example/")
            assert address not in str(found.value)
            assert re.search("not public|always refused", str(found.value))
            (line,) = logged
            assert (line["event"], line["host"]) == ("outbound.address_refused", "inner.example")
            assert line["address"] == address
    checked = guard(DEFAULT, ["10.2.0.1"])
    with structlog.testing.capture_logs() as logged:
        for _ in range(100):
            with pytest.raises(RefusedTarget):
                checked.check("https://inner.example/")
    assert len(logged) < 30, "a user must not fill the log"


def test_http_and_other_ports_need_a_setting() -> None:
    with pytest.raises(RefusedTarget, match="WEBHOOK_ALLOW_HTTP"):
        guard().check("http://hooks.example:8443/")
    open_ports = settings_of(WEBHOOK_ALLOW_HTTP="true", WEBHOOK_ALLOWED_PORTS="80, 8000-8002")
    for port in (80, 8000, 8001, 8002):
        guard(open_ports).check(f"http://hooks.example:{port}/")
    for port in (443, 7999, 8003):
        with pytest.raises(RefusedTarget, match=re.escape("(80,8000-8002)")):
            guard(open_ports).check(f"http://hooks.example:{port}/")


@pytest.mark.parametrize(
    ("url", "host", "header", "path"),
    [
        ("https://Hooks.Example", "hooks.example", "hooks.example", "/"),
        ("HTTPS://hooks.example.:8443/a?b=c&d", "hooks.example", "hooks.example:8443", "/a?b=c&d"),
        ("https://b\u00fccher.example/%C3%A9", "xn--bcher-kva.example", None, "/%C3%A9"),
        ("https://xn--bcher-kva.example?x=1", "xn--bcher-kva.example", None, "/?x=1"),
        ("https://b\uff55cher.example/", "bucher.example", None, "/"),
        (f"https://{PUBLIC}/", PUBLIC, PUBLIC, "/"),
        (f"https://[{PUBLIC_6.upper()}]:8443/", PUBLIC_6, f"[{PUBLIC_6}]:8443", "/"),
        ("https://a_b.example:0443/", "a_b.example", "a_b.example", "/"),
    ],
)
def test_a_public_target_passes(url: str, host: str, header: str | None, path: str) -> None:
    found = guard(DEFAULT, [PUBLIC, PUBLIC_6, PUBLIC]).check(url)
    assert (found.url.host, found.url.path) == (host, path)
    assert found.url.host_header == (header or host)
    expected = [host] if found.url.address else [PUBLIC, PUBLIC_6]
    assert [str(each) for each in found.addresses] == expected


def test_every_address_of_the_special_registries_is_refused() -> None:
    """Each network of the lists is refused at its ends, as a literal and as an answer."""
    lists = """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
        192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24
        203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32 ::/96 ::ffff:0:0/96 64:ff9b::/96
        64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7
        fe80::/10 fec0::/10 ff00::/8"""
    for network in map(ipaddress.ip_network, lists.split()):
        for address in (network[0], network[-1], network[network.num_addresses // 2]):
            with pytest.raises(RefusedTarget, match=r"refused|not public"):
                guard(DEFAULT, [str(address)]).check("https://hooks.example/")


def test_a_rebinding_resolver_is_asked_once_for_each_check() -> None:
    names = ScriptedNames([PUBLIC], ["127.0.0.1"])
    checked = Guard(DEFAULT, names.resolver())
    assert [str(each) for each in checked.check("https://hooks.example/").addresses] == [PUBLIC]
    with pytest.raises(RefusedTarget):
        checked.check("https://hooks.example/")
    assert names.lookups == ["hooks.example"] * 2


def test_a_name_without_addresses_is_refused() -> None:
    for answer in ([], [f"93.184.{number}.14" for number in range(65)]):
        with pytest.raises(NameNotResolved):
            guard(DEFAULT, answer).check("https://hooks.example/")
    with pytest.raises(NameNotResolved, match="not resolved: "):
        Guard(DEFAULT).check("https://no-such-name.invalid/")
    local = Guard(settings_of(WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8,::1/128"))
    assert local.check("https://localhost/").addresses


def test_names_whose_server_never_answers_do_not_delay_others() -> None:
    silent, started = threading.Event(), threading.Semaphore(0)

    def lookup(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        if host.startswith("silent"):
            started.release()
            silent.wait(30)
        return [ipaddress.ip_address(PUBLIC)]

    resolver = Resolver(lookup)
    before = threading.active_count()
    try:
        for number in range(3 * THREADS):
            for _ in range(2):  # the second caller shares the first one's lookup
                with pytest.raises(NameNotResolved, match="within"):
                    resolver.addresses(f"silent-{number}", seconds=0.01)
        began = time.monotonic()
        assert resolver.addresses("hooks.example") == (ipaddress.ip_address(PUBLIC),)
        assert time.monotonic() - began < 1
        assert threading.active_count() - before <= 3 * THREADS + THREADS < ABANDONED_MAX
    finally:
        silent.set()
    wait_until(
        lambda: threading.active_count() - before <= THREADS,
        timeout=5,
        describe="abandoned threads end with their lookup",
    )


def test_many_silent_names_at_once_do_not_delay_a_good_one() -> None:
    silent = threading.Event()

    def lookup(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        if host.startswith("silent"):
            silent.wait(60)
        return [ipaddress.ip_address(PUBLIC)]

    resolver = Resolver(lookup)
    before = threading.active_count()

    def resolved(number: int) -> None:
        with contextlib.suppress(NameNotResolved):
            resolver.addresses(f"silent-{number}", seconds=1.2)

    waiting = [
        threading.Thread(target=resolved, args=(number,), daemon=True) for number in range(32)
    ]
    try:
        for thread in waiting:
            thread.start()
        for number in range(4):
            began = time.monotonic()
            resolver.addresses(f"hooks-{number}.example")
            assert time.monotonic() - began < 2.5
            for thread in waiting[number * 8 : number * 8 + 8]:
                thread.join(20)
        began = time.monotonic()
        resolver.addresses("later.example")
        assert time.monotonic() - began < 1, "no lookup without a caller occupies a thread"
        assert threading.active_count() - before <= 32 + THREADS
    finally:
        silent.set()


def test_lookups_go_on_after_threads_could_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = threading.Event()
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        if refused.is_set():
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", started)
    resolver = ScriptedNames([PUBLIC]).resolver()
    refused.set()
    for _ in range(2 * THREADS):
        with pytest.raises(NameNotResolved, match="no thread"):
            resolver.addresses("hooks.example")
    refused.clear()
    assert resolver.addresses("hooks.example") == (ipaddress.ip_address(PUBLIC),)
    refused.set()  # the first thread goes on
    assert resolver.addresses("other.example") == (ipaddress.ip_address(PUBLIC),)


@pytest.mark.parametrize(
    "piece", ["a.", "a", "%41", "[", ":", "@", "1.", "-", "\u00fc", "0x", "?", "/"]
)
def test_a_hostile_url_costs_linear_time(piece: str) -> None:
    def parse(url: str) -> None:
        with contextlib.suppress(RefusedTarget):
            target_url.parse(url)

    growth.check(parse, growth.repeated(piece, before="https://"))
    growth.check(parse, growth.repeated(piece, before="https://hooks.example/"))
