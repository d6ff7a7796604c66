from ipaddress import ip_network

import pytest

from admin_api.http.client_address import client_address, parsed_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7:8080 ", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_an_address_is_read_as_proxies_write_it(text: str, address: str) -> None:
    assert str(parsed_address(text)) == address


@pytest.mark.parametrize(
    "text", [None, "", "unknown", "_hidden", "192.0.2.7.", "1.2.3", "[", "\0", "١٢.0.2.7", "a:b"]
)
def test_what_is_no_address_is_none(text: str | None) -> None:
    assert parsed_address(text) is None


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        # The server ignores the header X-Forwarded-For of an untrusted peer.
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        # A client can invent the left address. Only the right one comes from the trusted proxy.
        ("10.0.0.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "198.51.100.9, 10.0.0.2,10.0.0.3", "198.51.100.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("::ffff:10.0.0.1", "198.51.100.9:1234", "198.51.100.9"),
        ("fd00::1", "[2001:db8::7]:99", "2001:db8::7"),
        ("10.0.0.1", "198.51.100.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.9,", "10.0.0.1"),
        (None, "198.51.100.9", "None"),
    ],
)
def test_the_walk_goes_left_only_through_trusted_proxies(
    peer: str | None, forwarded_for: str | None, client: str
) -> None:
    assert str(client_address(peer, forwarded_for, PROXIES)) == client


def test_a_thousand_trusted_hops_end_the_walk() -> None:
    found = client_address("10.0.0.1", ",".join(["203.0.113.5", *["10.0.0.2"] * 1000]), PROXIES)
    assert str(found) == "10.0.0.2"


@pytest.mark.parametrize(("proxies", "client"), [(31, "203.0.113.5"), (32, "10.0.0.2")])
def test_the_walk_has_at_most_32_steps(proxies: int, client: str) -> None:
    forwarded_for = ",".join(["203.0.113.5", *["10.0.0.2"] * proxies])
    assert str(client_address("10.0.0.1", forwarded_for, PROXIES)) == client


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert str(client_address("127.0.0.1", "198.51.100.9", ())) == "127.0.0.1"
