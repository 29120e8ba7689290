"""An approval service in the wrong hands: it has the real one's place, name and TLS key, and answers as a script tells it.

It stands on nothing but Python's library. Its standard input is the script: one JSON object a line, each in force until the next.
Its standard output tells what comes: one JSON object for each request, with the number of the script that answers it.
It ends with its standard input.

    {"number": 3,                 a script's own number
     "tls": "good",               good, old (TLS 1.2 at most), other (another certificate) or plain (no TLS)
     "poll": ACTION,              how to answer a host's long poll, and likewise "events" and "sessions"
     "queue": [TEXT, ...]}        answers to the polls that come first, one each

    {"update": {...}, "skew": 0}  ACTION: a host update, with the time of now and so many seconds more; at once if the host has
                                  another revision, otherwise when the next script comes
    {"status": 200, "headers": [[NAME, VALUE], ...], "text": "..."}
    {"way": NAME, ...}            a method play_NAME below

What is left out is answered well: events are acknowledged, sessions are counted."""

import argparse
import gzip
import hashlib
import http.server
import json
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

IDLE_SECONDS = 60
MEGABYTE = 1 << 20


class Script:
    """What is to be done now, and who waits for it to change."""

    def __init__(self):
        self.changed = threading.Condition()
        self.now = {"number": 0}
        self.held = []

    def play(self, script):
        with self.changed:
            self.now = script
            self.changed.notify_all()

    def wait_for_another(self, script, seconds):
        with self.changed:
            self.changed.wait_for(lambda: self.now is not script, seconds)
            return self.now

    def hold(self, script, count):
        """Returns when so many have come here, so that all of them are under way at once."""
        with self.changed:
            self.held.append(script)
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.held.count(script) >= count or self.now is not script, IDLE_SECONDS)


class Reports:
    def __init__(self):
        self.lock = threading.Lock()

    def send(self, **report):
        with self.lock:
            print(json.dumps(report), flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script = None
    reports = None
    contexts = {}

    def setup(self):
        tls = self.script.now.get("tls", "good")
        self.request.settimeout(IDLE_SECONDS)
        if tls != "plain":
            self.request = self.contexts[tls].wrap_socket(self.request, server_side=True)
        super().setup()

    def log_message(self, *_):
        pass

    # --- what comes -------------------------------------------------------------------------------------------------------

    def do_GET(self):
        self.answer("poll" if self.path.startswith("/v1/host/tickets") else "other", b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer("events" if self.path == "/v1/host/events" else "sessions", body)

    do_PATCH = do_POST

    def answer(self, kind, body):
        self.close_connection = True
        script = self.script.now
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        after = int(query.get("after", ["-1"])[0])
        self.reports.send(kind=kind, script=script["number"], after=after, method=self.command, path=self.path)
        if kind == "poll" and script.get("queue"):
            self.reply(200, [], script["queue"].pop(0).encode())
            return
        action = script.get(kind) or getattr(self, f"good_{kind}")(body)
        if "way" in action:
            getattr(self, f"play_{action['way']}")(action, script)
        elif "update" in action:
            self.reply_update(action, script, after, int(query.get("wait", ["0"])[0]))
        else:
            self.reply(action.get("status", 200), action.get("headers", []), action.get("text", "").encode())

    # --- what a good service would say ------------------------------------------------------------------------------------

    def good_poll(self, _body):
        return {"update": {"revision": 0, "tickets": []}}

    def good_events(self, body):
        events = json.loads(body)["events"] or ['{"number":0}']
        return {"text": json.dumps({"acknowledged": json.loads(events[-1])["number"],
                                    "digest": hashlib.sha256(events[-1].encode()).hexdigest()})}

    def good_sessions(self, body):
        return {"status": 201, "text": json.dumps({"session": json.loads(body).get("session", ""), "remaining": 1000000})}

    def good_other(self, _body):
        return {"status": 404}

    # --- how it is said ---------------------------------------------------------------------------------------------------

    def begin(self, status, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def reply(self, status, headers, body):
        self.begin(status, [["Content-Type", "application/json"], ["Content-Length", str(len(body))], ["Connection", "close"],
                            *headers])
        self.wfile.write(body)

    def reply_update(self, action, script, after, wait):
        if after == action["update"]["revision"]:
            following = self.script.wait_for_another(script, wait)
            if "update" in following.get("poll", {}) and following.get("tls", "good") == "good":
                action = following["poll"]
        update = {"time": int(time.time()) + action.get("skew", 0), **action["update"]}
        self.reply(200, [], json.dumps(update).encode())

    # --- ways to do worse -------------------------------------------------------------------------------------------------

    def play_hang_up(self, _action, _script):
        """Not a byte."""

    def play_endless(self, action, _script):
        """A gigabyte in one answer."""
        self.begin(200, [["Content-Length", str(1024 * MEGABYTE)]])
        block = action["block"].encode() * (MEGABYTE // len(action["block"]))
        for _ in range(1024):
            self.wfile.write(block)

    def play_large(self, action, _script):
        """A long answer made of one piece, again and again."""
        body = (action["begin"] + action["piece"] * action["count"] + action.get("end", "")).encode()
        self.reply(200, [], body)

    def play_drip(self, action, script):
        """A byte a second, for ever."""
        self.begin(200, [["Content-Length", "100000"]])
        while self.script.now is script:
            self.wfile.write(action["block"].encode())
            self.script.wait_for_another(script, 1)

    def play_header_drip(self, _action, script):
        """A header line a second, and never an end of them."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while self.script.now is script:
            self.wfile.write(b"X-More: more\r\n")
            self.script.wait_for_another(script, 0.3)

    def play_headers(self, _action, _script):
        """Headers without end, as fast as they go."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(2000000):
            self.wfile.write(b"X-%d: %s\r\n" % (number, b"y" * 200))

    def play_chunks(self, _action, script):
        """Chunks without end, small and at once."""
        self.begin(200, [["Transfer-Encoding", "chunked"]])
        while self.script.now is script:
            self.wfile.write(b"1\r\n[\r\n" * 10000)

    def play_continue(self, _action, script):
        """Interim answers without end."""
        while self.script.now is script:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    def play_short(self, action, _script):
        """Promises more than comes."""
        self.begin(200, [["Content-Length", str(len(action["text"]) + 1000)]])
        self.wfile.write(action["text"].encode())

    def play_packed(self, action, _script):
        """Compressed, though nobody asked for it."""
        body = gzip.compress(action["text"].encode() * action.get("times", 1))
        self.reply(200, [["Content-Encoding", "gzip"]], body)

    def play_twice(self, action, _script):
        """Two of each header."""
        text = action["text"].encode()
        self.begin(200, [["Content-Length", str(len(text))], ["Content-Length", "1"], ["Date", "Thu, 01 Jan 1970 00:00:01 GMT"],
                         ["Transfer-Encoding", "chunked"], ["Transfer-Encoding", "identity"]])
        self.wfile.write(text)

    def play_raw(self, action, _script):
        """Bytes that are no HTTP."""
        self.wfile.write(action["text"].encode("latin-1"))

    def play_hold(self, action, script):
        """Keeps requests back until so many wait, then answers all of them well."""
        self.script.hold(script, action["count"])
        self.reply(201, [], json.dumps({"session": "", "remaining": 1000000}).encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """The other end goes away in the middle of everything: that is what it is for."""


def make_context(certificate, key, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if newest is not None:
        context.minimum_version = context.maximum_version = newest
    return context


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--other-certificate", required=True)
    parser.add_argument("--other-key", required=True)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    Handler.script = Script()
    Handler.reports = Reports()
    Handler.contexts = {"good": make_context(arguments.certificate, arguments.key, ssl.TLSVersion.TLSv1_3),
                        "old": make_context(arguments.certificate, arguments.key, ssl.TLSVersion.TLSv1_2),
                        "other": make_context(arguments.other_certificate, arguments.other_key)}
    with Server((arguments.address, arguments.port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Handler.reports.send(kind="ready", script=0)
        for line in sys.stdin:
            Handler.script.play(json.loads(line))


if __name__ == "__main__":
    main()
