"""URLs that the guard of outbound requests must refuse, and resolvers that answer as scripted.

Tests of the creation of an endpoint and tests of a delivery use the same table.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.resolver import Resolver

PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

# Hosts that are addresses, in each notation that some resolver or parser accepts.
HOSTS = """
    127.0.0.1 127.1 127.0.1 127.255.255.254 0.0.0.0 0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1
    100.64.0.1 169.254.169.254 169.254.0.1 192.0.0.1 192.0.0.192 192.88.99.1 198.18.0.1
    198.19.255.254 192.0.2.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1
    255.255.255.255 168.63.129.16 100.100.100.200
    2130706433 0x7f000001 0x7f.0.0.1 0X7F.1 017700000001 0177.0.0.1 0177.0.0.01 127.0.0.1.
    127.0.0.0x1 0x0 00.00.00.00 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518
    4294967297 256.256.256.256 1.2.3.4.5 93.184.215.014 0x5db8d70e 127.0.0.1.0x
    \uff11\uff12\uff17.0.0.1 \u2460\u2461\u2466.0.0.1 127\u30020\u30020\u30021
    [::1] [::] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:169.254.169.254]
    [::ffff:93.184.215.14] [::ffff:0:127.0.0.1] [0:0:0:0:0:ffff:a00:1] [64:ff9b::a9fe:a9fe]
    [64:ff9b::127.0.0.1] [64:ff9b:1::a9fe:a9fe] [64:ff9b:1:a9fe:a9:fe00::] [2002:7f00:1::1]
    [2002:a9fe:a9fe::] [2001:0:4136:e378:8000:63bf:3fff:fdd2] [2001:db8::1] [2001:2::1]
    [2001:10::1] [3fff::1] [5f00::1] [100::1] [fc00::1] [fd00:ec2::254] [fd20:ce::254]
    [fd00:42::42] [fe80::1] [fe80::1%25eth0] [fe80::1%eth0] [fec0::1] [ff02::1] [ff0e::1] [4000::1]
    [2606:4700::1%eth0] [2606:4700::5efe:127.0.0.1] [2606:4700::200:5efe:10.0.0.1] [::1 [::1]x
    [127.0.0.1] [] [::g] [1:2:3]
"""

# Other URLs: schemes, users, ports, and texts that two parsers read differently.
URLS = [
    "http://hooks.example/",
    "ftp://hooks.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "//hooks.example/",
    "hooks.example/path",
    "https:hooks.example",
    "https:/hooks.example",
    "https:///hooks.example",
    "https://",
    "https://:443/",
    "",
    "https://user@hooks.example/",
    "https://user:password@hooks.example/",
    "https://hooks.example@127.0.0.1/",
    "https://127.0.0.1\\@hooks.example/",
    "https://hooks.example\\.127.0.0.1/",
    "https://hooks.example:22/",
    "https://hooks.example:80/",
    "https://hooks.example:5432/",
    "https://hooks.example:0/",
    "https://hooks.example:65536/",
    "https://hooks.example:99999999/",
    "https://hooks.example:/x:@127.0.0.1/",
    "https://hooks.example:443:80/",
    "https://hooks.example:+443/",
    "https://hooks.example#@127.0.0.1/",
    "https://hooks.example/#fragment",
    "https://hooks.example /",
    " https://hooks.example/",
    "https://hooks.example/\r\nHost: inner",
    "https://hooks.example/\x00",
    "https://hooks.example/\u202e",
    "https://hooks.example/%zz",
    "https://hooks.example/\u00e9",
    "https://hooks%2eexample/",
    "https://127%2e0%2e0%2e1/",
    "https://hooks..example/",
    "https://.example/",
    "https://-hooks.example/",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 127}example/",
    f"https://hooks.example/{'a' * 2048}",
    "https://stra\u00dfe.example/",
    "https://\u200dhooks.example/",
    "https://hooks.example,127.0.0.1/",
    "https://hooks.example;127.0.0.1/",
]

# Answers of a resolver. One address that is refused is enough to refuse the name.
ANSWERS: list[list[str]] = [
    ["127.0.0.1"],
    ["169.254.169.254"],
    ["::1"],
    ["fd00::1"],
    ["::ffff:10.0.0.1"],
    ["64:ff9b::a9fe:a9fe"],
    [PUBLIC, "127.0.0.1"],
    ["127.0.0.1", PUBLIC],
    [PUBLIC, PUBLIC_6, "10.0.0.1"],
    [PUBLIC, "::1"],
    [PUBLIC_6, "fe80::1"],
    [PUBLIC_6, "10.0.0.1"],
    [PUBLIC, "64:ff9b::7f00:1"],
    ["0.0.0.1", PUBLIC],
]


def refused() -> Iterator[tuple[str, list[str]]]:
    """Yield each URL that must be refused, with the addresses of its name (empty: a literal)."""
    for host in HOSTS.split():
        yield f"https://{host}/hook", []
    for url in URLS:
        yield url, [PUBLIC]
    for answer in ANSWERS:
        yield "https://hooks.example/hook", answer


class ScriptedNames:
    """Answers each lookup with the next list of addresses; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = [[ip_address(each) for each in answer] for answer in answers]
        self.lookups: list[str] = []

    def __call__(self, host: str) -> list[Address]:
        self.lookups.append(host)
        answer = self._answers[0]
        if len(self._answers) > 1:
            del self._answers[0]
        if not answer:
            raise OSError("Name or service not known")
        return answer

    def resolver(self) -> Resolver:
        return Resolver(self)
