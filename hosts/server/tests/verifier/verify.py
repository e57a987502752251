"""Receives what a running server sends to a webhook endpoint, and verifies it with the library that the authors of
Standard Webhooks publish: `VERIFIER_URL=http://127.0.0.1:8080 python verify.py`.

What the library says is compared with what must be; the first difference ends the program with an error.
"""

import base64
import http.server
import os
import queue
import secrets
import threading

import requests
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PASSWORD = "correct horse battery"
# Letters of several bytes, and what JSON escapes.
NAME = 'Žofie "葉" \\ O’Brien'
# Seconds in which a message must come.
WAIT = 300


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes every message and keeps it as it came."""

    got = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.put((dict(self.headers.items()), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Product:
    """The server, as a new workspace's admin asks it."""

    def __init__(self, url):
        self.url, self.token = url, None
        body = {"workspace_name": "Acme", "email": "grace@acme.example", "password": PASSWORD, "name": "Grace"}
        self.token = self.send("POST", "/auth/register", body)["access_token"]

    def send(self, method, path, body=None, version=None):
        """The answer to a request that must succeed."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        reply = requests.request(method, f"{self.url}/api/v1{path}", headers=headers, json=body, timeout=WAIT)
        if not reply.ok:
            raise RuntimeError(f"{method} {path}: {reply.status_code} {reply.text}")
        return reply.json() if reply.content else None


class Verifier:
    """Says of messages what the library says, and counts."""

    def __init__(self):
        self.accepted = self.refused = 0

    def accepts(self, secret, headers, body):
        """What a genuine message holds."""
        self.accepted += 1
        return Webhook(secret).verify(body, headers)

    def refuses(self, why, secret, headers, body):
        """Makes sure that a message is not taken for genuine."""
        try:
            Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
        else:
            raise AssertionError(f"was accepted: {why}")

    def refuses_every_change(self, secret, headers, body):
        """Makes sure that nothing of a genuine message can be another."""
        names = {name.lower(): name for name in headers}

        def changed(name, value):
            return headers | {names[name]: value}

        later = str(int(headers[names["webhook-timestamp"]]) + 1)
        other = "msg_" + secrets.token_hex(16)
        self.refuses("another body", secret, headers, body.replace(b"contact.created", b"contact.deleted"))
        self.refuses("a longer body", secret, headers, body + b" ")
        self.refuses("another id", secret, changed("webhook-id", other), body)
        self.refuses("another timestamp", secret, changed("webhook-timestamp", later), body)
        self.refuses("an old timestamp", secret, changed("webhook-timestamp", "1000000000"), body)
        self.refuses("another version of signatures", secret, changed("webhook-signature", "v2,AAAA"), body)
        self.refuses("another secret", "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), headers, body)
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            without = {key: value for key, value in headers.items() if key.lower() != name}
            self.refuses(f"no {name}", secret, without, body)


def check(holds, what):
    """Ends the program where something does not hold."""
    if not holds:
        raise AssertionError(what)


def header(headers, name):
    """The header of a name in small letters."""
    return next(value for key, value in headers.items() if key.lower() == name)


def main():
    """Runs every check."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    product, verifier = Product(os.environ["VERIFIER_URL"]), Verifier()
    settings = {"url": f"http://127.0.0.1:{server.server_port}/hook", "event_types": ["contact.created"]}
    made = product.send("POST", "/webhook-endpoints", settings)
    first, path = made["secret"], f"/webhook-endpoints/{made['endpoint']['id']}"

    def event():
        """The message of a new contact."""
        contact = product.send("POST", "/contacts", {"last_name": NAME})
        headers, body = Receiver.got.get(timeout=WAIT)
        return contact["id"], headers, body

    def rotate(overlap):
        """A new secret, beside which the former ones hold for so many seconds."""
        version = product.send("GET", path)["version"]
        change = settings | {"rotate_secret": {"overlap_seconds": overlap}}
        return product.send("PUT", path, change, version)["secret"]

    contact, headers, body = event()
    told = verifier.accepts(first, headers, body)
    check(told["type"] == "contact.created" and told["data"]["record_id"] == contact, told)
    check(told["data"]["after"]["last_name"] == NAME, told)
    verifier.refuses_every_change(first, headers, body)
    message_id = header(headers, "webhook-id")

    # Sent again, it is the same message, signed anew.
    delivery = product.send("GET", f"{path}/deliveries")["data"][0]["id"]
    product.send("POST", f"{path}/replay", {"delivery_id": delivery})
    headers, body = Receiver.got.get(timeout=WAIT)
    check(verifier.accepts(first, headers, body) == told, "another body was sent again")
    check(header(headers, "webhook-id") == message_id, "another id was sent again")

    second = rotate(3600)
    _, headers, body = event()
    check(len(header(headers, "webhook-signature").split(" ")) == 2, "not signed with both secrets")
    for secret in (first, second):
        verifier.accepts(secret, headers, body)
        verifier.refuses_every_change(secret, headers, body)

    third = rotate(0)
    _, headers, body = event()
    verifier.accepts(third, headers, body)
    for over in (first, second):
        verifier.refuses("a secret that is over", over, headers, body)

    product.send("POST", f"{path}/test")
    headers, body = Receiver.got.get(timeout=WAIT)
    check(verifier.accepts(third, headers, body)["type"] == "webhook.test", body)
    print(f"the library accepted {verifier.accepted} messages and refused {verifier.refused} that were changed")


main()
