"""Unsafe Reddit addresses and proxies are refused at the start, with the name of the setting."""

import pytest

from crawljobs import errors, settings
from crawljobs.settings import RedditSettings

CLIENT = {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "hush"}


def read(**variables: str) -> RedditSettings:
    return settings.read_reddit_settings({**CLIENT, **variables})


@pytest.mark.parametrize("name", ["REDDIT_API_URL", "REDDIT_AUTH_URL"])
@pytest.mark.parametrize(
    "address",
    [
        "https://oauth.reddit.com@evil.example",
        "https://ada:pass1word@oauth.reddit.com",
        "https://oauth.reddit.com:pass1word@evil.example/",
        "http://oauth.reddit.com",
        "http://sandbox:8090",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://[fd00::1]:80",
        "http://0.0.0.0",
        "HTTP://oauth.reddit.com",
        "https://oauth.reddit.com?pass1word",
        "https://oauth.reddit.com#pass1word",
        "https://oauth.reddit.com\\@evil.example",
        "https:\\\\evil.example",
        "https://oauth.red\tdit.com",
        "https://oauth.reddit.com/a b",
        "https://oauth.reddit.com:0",
        "https://oauth.reddit.com:65536",
        "https://oauth.reddit.com:",
        "https://",
        "https:///evil.example",
        "//oauth.reddit.com",
        "oauth.reddit.com",
        "ftp://oauth.reddit.com",
        "https://\u0131.example",
        "https://" + "a" * 300,
    ],
)
def test_an_address_that_could_betray_secrets_is_refused_by_name(name: str, address: str) -> None:
    with pytest.raises(errors.SettingsError) as refused:
        read(**{name: address})
    assert str(refused.value).startswith(name)
    assert "pass1word" not in str(refused.value)
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://oauth.reddit.com",
        "https://mirror.example:8443/reddit/",
        "https://[2001:db8::1]:443",
        "http://127.0.0.1:8090",
        "http://127.9.9.9",
        "http://localhost:8090",
        "http://LocalHost.:8090",
        "http://[::1]:8090",
    ],
)
def test_https_and_this_machine_are_safe(address: str) -> None:
    read_back = read(REDDIT_API_URL=address, REDDIT_AUTH_URL=address)
    assert read_back.api_url == read_back.auth_url == address.rstrip("/")


def test_http_to_another_machine_needs_an_explicit_word() -> None:
    sandbox = {"REDDIT_API_URL": "http://sandbox:8090", "REDDIT_AUTH_URL": "http://sandbox:8090"}
    assert read(**sandbox, REDDIT_ALLOW_HTTP="true").api_url == "http://sandbox:8090"
    for word in ("false", ""):
        with pytest.raises(errors.SettingsError, match="REDDIT_ALLOW_HTTP=true allows it"):
            read(**sandbox, REDDIT_ALLOW_HTTP=word)
    with pytest.raises(errors.SettingsError, match="without a user or password"):
        read(REDDIT_API_URL="http://a:b@sandbox", REDDIT_ALLOW_HTTP="true")


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128", "HTTPS_PROXY": "http://other:1"}, "http://proxy:3128"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://other:1"}, None),
        ({"ALL_PROXY": "https://ada:p%40ss@proxy/"}, "https://ada:p%40ss@proxy"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://p:1", "ALL_PROXY": "socks5://q:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "http://[fd00::1]:3128"),
    ],
)
def test_the_proxy_is_that_of_the_environment(variables: dict[str, str], proxy: str | None) -> None:
    found = read(**variables)
    assert found.api_proxy == found.auth_proxy == proxy
    assert "p%40ss" not in repr(found)


@pytest.mark.parametrize(
    "proxy",
    ["socks5://ada:pass1word@proxy:1080", "socks5h://proxy", "ftp://proxy", "http://", "http://a b",
     "http://proxy:99999", "http://proxy:0", "http://ada:pass1word@proxy/path", "http://[::1",
     "http://proxy\r\nX-A: pass1word"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_another_kind_of_proxy_is_refused_by_the_name_of_its_variable(
    name: str, proxy: str
) -> None:
    with pytest.raises(errors.SettingsError) as refused:
        read(**{name: proxy})
    assert str(refused.value).startswith(f"{name}: expected the address of an HTTP proxy")
    assert "pass1word" not in str(refused.value)


HOST, V4, V6 = "https://oauth.reddit.com", "https://10.1.2.3:8443", "https://[fd00::5]"


@pytest.mark.parametrize(
    ("excepted", "address", "is_direct"),
    [
        ("localhost,127.0.0.0/8,fd00::/8", HOST, False),
        ("localhost,127.0.0.0/8,fd00::/8", V6, True),
        ("[fd00::5]", V6, True),
        ("[fd00::5]:443", V6, True),
        ("[fd00::5]:444", V6, False),
        ("fe80::/10", V6, False),
        ("10.0.0.0/8", V4, True),
        ("10.1.2.3:8443 , x", V4, True),
        ("10.1.2.3:443", V4, False),
        ("11.0.0.0/8", V4, False),
        ("reddit.com", HOST, True),
        (".REDDIT.com", HOST, True),
        ("*.reddit.com", HOST, True),
        ("oauth.reddit.com:443", HOST, True),
        ("oauth.reddit.com:80", HOST, False),
        ("a.oauth.reddit.com", HOST, False),
        ("eddit.com", HOST, False),
        ("com.", HOST, True),
        ("*", HOST, True),
        ("", HOST, False),
        (",,  ,.,*.,:,[],/,::/,1/99,fd00::/999,%zz,[::1", HOST, False),
    ],
)
def test_what_no_proxy_excepts_is_reached_directly(
    excepted: str, address: str, *, is_direct: bool
) -> None:
    found = read(REDDIT_API_URL=address, HTTPS_PROXY="http://proxy:3128", NO_PROXY=excepted)
    assert (found.api_proxy is None) == is_direct


def test_nothing_on_this_machine_is_behind_a_proxy() -> None:
    for address in ("http://127.0.0.1:8090", "http://localhost", "http://[::1]:1"):
        found = read(REDDIT_API_URL=address, REDDIT_AUTH_URL=address, ALL_PROXY="socks5://proxy")
        assert (found.api_proxy, found.auth_proxy) == (None, None)


def test_certificates_that_cannot_be_read_are_refused_by_name(tmp_path: object) -> None:
    with pytest.raises(errors.SettingsError, match=r"SSL_CERT_FILE=.*No such file"):
        read(SSL_CERT_FILE=f"{tmp_path}/none.pem")
    with pytest.raises(errors.SettingsError, match="SSL_CERT_DIR="):
        read(SSL_CERT_DIR=f"{tmp_path}/none")
    assert read(SSL_CERT_DIR=str(tmp_path)).trust.folder == str(tmp_path)
    here = {"REDDIT_API_URL": "http://127.0.0.1", "REDDIT_AUTH_URL": "http://127.0.0.1"}
    assert read(**here, SSL_CERT_FILE=f"{tmp_path}/none.pem").api_proxy is None
