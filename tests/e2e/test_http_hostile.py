"""Bytes that no honest client sends, straight over TLS. What could be read in two ways is refused, and nothing behind it is taken for a
request."""

import socket
import ssl

import pytest

from service_client import World, find_program


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(find_program(), tmp_path_factory.mktemp("hostile"))
    yield made
    made.service.stop()


def exchange(world, data):
    """All that comes back until the service closes."""
    raw = socket.create_connection(("127.0.0.1", world.service.port), timeout=30)
    answer = b""
    with world.service.context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
        try:
            connection.sendall(data)
            while more := connection.recv(65536):
                answer += more
        except (ConnectionError, ssl.SSLEOFError):  # closed in the middle of what we say
            pass
    return answer


SMUGGLED = b"GET /v1/page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HEAD = b"POST /v1/sign-ins HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_the_harness_sees_a_second_answer(world):
    """So that the tests below can fail: two honest requests in one piece get two answers."""
    answer = exchange(world, HEAD + b"Content-Length: 2\r\n\r\n{}" + SMUGGLED)
    assert answer.count(b"HTTP/1.1 ") == 2 and b'"rp_id"' in answer


@pytest.mark.parametrize("headers", [
    b"Content-Length: 2\r\nContent-Length: 2\r\n",
    b"Content-Length: 2\r\nContent-Length: 7\r\n",
    b"Content-Length: 2, 2\r\n",
    b"Content-Length: +2\r\n",
    b"Content-Length: 0x2\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Host: y\r\nContent-Length: 2\r\n",
    b"Origin: https://a.example\r\nOrigin: https://b.example\r\nContent-Length: 2\r\n",
    b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 2\r\n",
])
def test_two_readings_are_refused(world, headers):
    answer = exchange(world, HEAD + headers + b"\r\n{}" + SMUGGLED)
    assert b'"rp_id"' not in answer and answer.count(b"application/") <= 1  # libmicrohttpd's own refusals say their headers twice, and close
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("body", [
    b"zz\r\n{}\r\n0\r\n\r\n",
    b"-2\r\n{}\r\n0\r\n\r\n",
    b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    b"2\r\n{}XX0\r\n\r\n",
])
def test_bad_chunks_are_refused(world, body):
    answer = exchange(world, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + SMUGGLED)
    assert b'"rp_id"' not in answer and answer.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("data", [
    b"GET /v1/page HTTP/1.1\r\n\r\n",  # no Host
    b"GET /v1/page HTTP/3.7\r\nHost: x\r\n\r\n",
    b"GET  /v1/page nonsense HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
    b"GET /v1/page HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
    b"GET /v1/page?" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/page HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: a\r\n" % i for i in range(5000)) + b"\r\n",
], ids=["no host", "unknown version", "no request line", "no text", "long header", "long target", "many headers"])
def test_nonsense_and_too_much_of_it(world, data):
    answer = exchange(world, data)
    assert b'"rp_id"' not in answer and (answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 5", b"HTTP/1.0 5")))


def test_no_header_is_made_of_what_was_sent(world):
    for target in (b"/v1/page%0d%0aSet-Cookie:%20a=b", b"/app.js%0d%0aX-Injected:%20b"):
        answer = exchange(world, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = answer.partition(b"\r\n\r\n")[0].lower()
        assert answer.startswith(b"HTTP/1.1 404") and b"set-cookie" not in head and b"x-injected" not in head
    origin = b"Origin: https://a.example%0d%0aX-Injected: b\r\n"
    answer = exchange(world, b"GET /v1/page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + origin + b"\r\n")
    assert b"x-injected" not in answer.partition(b"\r\n\r\n")[0].lower()


def test_bodies_that_are_too_large(world):
    world.service.call("POST", "/v1/sign-ins", b'{"person":"' + b"x" * 70000 + b'","password":""}').refused(413, "request_too_large")
    world.service.call("POST", "/v1/sign-ins", b'{"person":"bob","password":"' + b"x" * 513 + b'"}').refused(400, "request_malformed")


def test_the_service_is_still_there(world):
    assert world.service.call("GET", "/healthz").ok() == {"status": "ok"}
