# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proxy lets through, and what a client reads where it does not."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.authority import addresses
from ansible_collections.tidegate.nftables.tests.support.proxy import BEYOND, INSIDE, PORT, PROXY, SERVER, Proxy
from ansible_collections.tidegate.nftables.tests.support.waiting import run, wait_for

from .conftest import APP, OBSERVED, STRANGER


def curl(world: Proxy, client: str, url: str, *options: str) -> tuple[int, str, str]:
    """Return curl's exit code, the status of its CONNECT and what it printed."""
    command = ["curl", "--silent", "--show-error", "--proxy", f"http://{PROXY}:{PORT}", "--interface", client]
    command += ["--cacert", str(world.certificate), "--write-out", "\nconnect=%{http_connect} status=%{http_code}"]
    done = run([*command, *options, url], check=False)
    return done.returncode, re.findall(r"connect=(\d+)", done.stdout)[0], done.stdout + done.stderr


def ask(client: str, lines: str) -> str:
    """Return the whole answer to a request."""
    with socket.create_connection((PROXY, PORT), source_address=(client, 0)) as connection:
        connection.sendall(lines.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read().decode("latin-1")


def connect(client: str, authority: str) -> str:
    """Return the whole answer to a CONNECT."""
    return ask(client, f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.pay.example/",
        "http://api.pay.example/",
        "https://a.wild.example/",
        "https://pay.corp.example/",
    ],
)
def test_a_name_of_an_entry_is_open(world: Proxy, url: str) -> None:
    code, _status, printed = curl(world, APP, url)
    assert (code, "hello" in printed) == (0, True), printed


def test_nothing_is_kept_for_the_next_client(world: Proxy) -> None:
    page = world.served / "page.txt"
    for text in ("first", "second"):
        page.write_text(f"{text}\n")
        # Long unchanged, so that a cache would keep it.
        os.utime(page, (1_000_000_000, 1_000_000_000))
        assert text in curl(world, APP, "http://api.pay.example/page.txt")[2]


@pytest.mark.parametrize(
    "authority",
    [
        "other.example:443",  # in no entry
        "wild.example:443",  # *. is what is below
        "sub.api.pay.example:443",
        "api.pay.example:8443",  # another port
        "a.wild.example:80",  # the port of another entry
        "50.0.0.1:443",  # open as an address, and so without the proxy
        "[2600::1]:443",
        "api.pay.example.evil.example:443",
        "evil-wild.example:443",
        "127.0.0.1:22",
        "localhost:443",
        "0x32000001:443",
        "843055105:443",
    ],
)
def test_a_rejected_connect_is_answered_with_403_and_whom_to_ask(world: Proxy, authority: str) -> None:
    answer = connect(APP, authority)
    assert answer.startswith("HTTP/1.1 403 "), answer
    assert "Ask netops@example.org." in answer
    assert curl(world, APP, f"https://{authority}/")[:2] == (56, "403")


@pytest.mark.parametrize("number", range(len(BEYOND)), ids=BEYOND)
def test_a_name_may_not_lead_inside(world: Proxy, number: int) -> None:
    for client in (APP, OBSERVED):
        for name in (f"beyond{number}.wild.example", f"mixed{number}.wild.example"):
            assert connect(client, f"{name}:443").startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize("client", [APP, OBSERVED])
def test_a_name_that_leads_inside_after_its_request_does_not_pass(world: Proxy, client: str) -> None:
    """Whoever runs a zone waits with its other answer until the request was judged; the client begins TLS then."""
    context = ssl.create_default_context(cafile=str(world.certificate))
    context.check_hostname = False
    name = f"moves{client.rpartition('.')[2]}.wild.example"
    world.names[name] = addresses(SERVER, ttl=1)
    with socket.create_connection((PROXY, PORT), source_address=(client, 0)) as connection:
        connection.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        world.names[name] = addresses(INSIDE, ttl=1)
        # Until Squid has forgotten the first answer.
        time.sleep(3)
        # Squid judges a second time, after it has read the server's name.
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_hostname=name)

    def logged() -> list[tuple[str, str, str]]:
        return [(line["decision"], line["status"], line["peer"]) for line in world.log() if line["name"] == name]

    wait_for(lambda: logged()[-1:] == [("rejected", "403", "-")], "the line of the rejection", instead=logged)
    assert INSIDE not in {peer for _decision, _status, peer in logged()}


def test_squid_says_nothing_against_its_configuration(world: Proxy) -> None:
    assert [line for line in world.parse().stderr.splitlines() if re.search("WARNING|ERROR|FATAL", line)] == []


def test_a_rejected_request_without_tls_says_the_same(world: Proxy) -> None:
    _code, _status, printed = curl(world, APP, "http://other.example/")
    assert "does not open other.example to 10.1.0.2. Ask netops@example.org." in printed
    assert "status=403" in printed


@pytest.mark.parametrize("client", [STRANGER, "127.0.0.1"])
def test_who_is_no_client_gets_nothing(world: Proxy, client: str) -> None:
    if client == STRANGER:
        run(["ip", "address", "replace", f"{STRANGER}/32", "dev", "lo"])
    assert connect(client, "api.pay.example:443").startswith("HTTP/1.1 403 ")
    assert ask(client, "GET http://api.pay.example/ HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize("client", [APP, OBSERVED])
@pytest.mark.parametrize(
    "url",
    [
        "/squid-internal-mgr/active_requests",
        f"http://proxy1:{PORT}/squid-internal-mgr/active_requests",
        "http://api.pay.example/squid-internal-mgr/ipcache",
        "cache_object://proxy1/info",
        "cache_object://localhost/info",
        "/squid-internal-dynamic/netdb",
        f"http://proxy1:{PORT}/squid-internal-static/icons/SN.png",
    ],
)
def test_the_proxy_tells_no_client_what_others_ask_for(world: Proxy, client: str, url: str) -> None:
    assert ask(client, f"GET {url} HTTP/1.1\r\nHost: proxy1\r\nConnection: close\r\n\r\n").startswith("HTTP/1.1 403 ")


def test_another_name_inside_of_tls_is_cut_off(world: Proxy) -> None:
    """The request of one name, with the name of another in it: both are at the same address."""
    lead = "other.example:443:api.pay.example:443"
    code, status, printed = curl(world, APP, "https://other.example/", "--connect-to", lead)
    assert (code, status) == (35, "200"), printed
    lead = "a.wild.example:443:api.pay.example:443"
    assert curl(world, APP, "https://a.wild.example/", "--connect-to", lead)[0] == 35


def test_a_client_that_sends_no_server_name_reaches_the_name_of_its_request(world: Proxy) -> None:
    """Squid connects to what it resolved itself, so it can be no other."""
    context = ssl.create_default_context(cafile=str(world.certificate))
    context.check_hostname = False
    with socket.create_connection((PROXY, PORT), source_address=(APP, 0)) as connection:
        connection.sendall(b"CONNECT api.pay.example:443 HTTP/1.1\r\nHost: api.pay.example:443\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        with context.wrap_socket(connection) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: api.pay.example\r\n\r\n")
            assert b"200 OK" in tls.recv(4096)


def test_what_is_not_tls_does_not_pass(world: Proxy) -> None:
    with socket.create_connection((PROXY, PORT), source_address=(APP, 0)) as connection:
        connection.sendall(b"CONNECT api.pay.example:80 HTTP/1.1\r\nHost: api.pay.example:80\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n")
        rest = b""
        while more := connection.recv(4096):
            rest += more
    assert b"hello" not in rest


@pytest.mark.parametrize("client", [APP, OBSERVED])
def test_a_name_that_leads_inside_by_the_time_tls_begins_is_cut_off(world: Proxy, client: str) -> None:
    """Who answers for the name chooses both answers, and the client how long it waits between them."""
    # A name of its own for each client: Squid keeps the last answer of another's for a while.
    name = f"turns-{client.replace('.', '-')}.wild.example"
    world.names[name] = addresses(SERVER, ttl=0)
    with socket.create_connection((PROXY, PORT), source_address=(client, 0)) as connection:
        connection.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        world.names[name] = addresses(INSIDE, ttl=0)
        time.sleep(2.5)  # Squid keeps an answer for the second of negative_dns_ttl
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(connection, server_hostname=name)
    assert INSIDE not in {line["peer"] for line in world.log() if line["name"] == name}


def test_observe_lets_through_and_notes_what_enforce_would_not(world: Proxy) -> None:
    assert curl(world, OBSERVED, "https://other.example/")[0] == 0
    assert curl(world, OBSERVED, "https://api.pay.example/")[0] == 0
    # Not the inside: without a proxy the host would not come from the proxy's address.
    assert connect(OBSERVED, "169.254.169.254:80").startswith("HTTP/1.1 403 ")
    assert connect(OBSERVED, "127.0.0.1:22").startswith("HTTP/1.1 403 ")
    noted = {("other.example", "would_reject"), ("api.pay.example", "allowed")}

    def seen() -> set[tuple[str, str]]:
        return {(line["name"], line["decision"]) for line in world.log() if line["client"] == OBSERVED}

    # A line comes with the end of its connection, which a client does not wait for.
    wait_for(lambda: noted <= seen(), "the lines of both", instead=seen)


def test_the_log_is_json_whatever_a_client_sends(world: Proxy) -> None:
    for name in ('a"b\\c.example', "x%22y.example", "<script>.example", "b\xfc.example"):
        ask(APP, f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}\r\n\r\n")
        ask(APP, f"GET http://{name}/ HTTP/1.0\r\n\r\n")
    ask(APP, 'FOO"\\ \x01\xff HTTP/1.1\r\n\r\n')
    lines: list[dict[str, Any]] = world.log()
    curl(world, APP, "https://api.pay.example/")
    assert all({"time", "client", "name", "port", "decision", "entry", "peer", "bytes"} <= set(line) for line in lines)
    last = wait_for(lambda: next((line for line in world.log()[len(lines) :] if line["peer"] == "50.0.0.1"), None))
    assert (last["name"], last["port"], last["entry"], last["peer"]) == ("api.pay.example", "443", "pay", "50.0.0.1")
    assert last["bytes"] > 0
