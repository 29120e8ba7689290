"""An HTTPS server in front of the approval service, for what the service itself would never do: the page from another origin, and answers that
somebody has changed on the way."""

import http.client
import http.server
import json
import pathlib
import ssl
import threading

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGE = SOURCE / "approval_page"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
         ".txt": "text/plain; charset=utf-8", ".svg": "image/svg+xml"}


def content_security_policy(api=""):
    """The header of docs/approval_page.md, which the tests read from there: what is documented is what is tested."""
    text = (SOURCE / "docs" / "approval_page.md").read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("Content-Security-Policy: "))
    return line.strip().removeprefix("Content-Security-Policy: ").replace("https://tegata.example.com:8443", api or "'self'")


class Front:
    """files: what to serve; service: a Service to forward /v1/ to, or None; change: a function (method, target, status, body) -> (status, body)."""

    def __init__(self, certificate, key, service=None, api="", headers=True):
        self.service, self.api, self.change, self.extra, self.config = service, api, None, {}, None
        self.calls = []
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self, status, kind, body, **more):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if headers:
                    self.send_header("Content-Security-Policy", content_security_policy(front.api))
                    self.send_header("X-Content-Type-Options", "nosniff")
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                sent = {name: value for name, value in self.headers.items() if name in ("Authorization", "Content-Type")}
                front.calls.append((self.command, self.path, body))
                connection = front.service.connection()
                try:
                    connection.request(self.command, self.path, body=body or None, headers=sent)
                    got = connection.getresponse()
                    status, kind, text = got.status, got.getheader("content-type", "application/json"), got.read()
                finally:
                    connection.close()
                if front.change:
                    status, text = front.change(self.command, self.path, status, text)
                self.answer(status, kind, text)

            def file(self):
                name = self.path.split("?")[0].lstrip("/") or "index.html"
                if name in front.extra:
                    return self.answer(200, "text/html; charset=utf-8", front.extra[name].encode())
                if name == "config.json":
                    return self.answer(200, "application/json", (front.config or json.dumps({"api": front.api})).encode())
                path = PAGE / name
                if "/" in name or not path.is_file():
                    return self.answer(404, "text/plain", b"")
                return self.answer(200, TYPES.get(path.suffix, "application/octet-stream"), path.read_bytes())

            def do_GET(self):
                try:
                    self.forward() if self.path.startswith("/v1/") and front.service else self.file()
                except (OSError, http.client.HTTPException):
                    self.close_connection = True

            do_POST = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
