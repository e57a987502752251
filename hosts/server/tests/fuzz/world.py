"""A workspace with a record of every kind, made over HTTP as any client would make it."""

import datetime
import itertools
import secrets
import time

import requests

PASSWORD = "correct horse battery"
CSV = {"Content-Type": "text/csv"}
# An account may try to sign in ten times in a quarter of an hour.
SIGN_INS = 8
# Seconds in which whatever comes at all has come, on a machine that stands still in between.
PATIENCE = 300
# So many rows take a while, in which a job can be stopped.
ROWS = 4000


class World:
    """What the requests are about, and who sends them."""

    def __init__(self, url):
        self.url = url
        self.http = requests.Session()
        self.count = itertools.count(1)
        # Names differ between runs on one database.
        self.run = secrets.token_hex(4)
        admin = self.register()
        self.admin, self.workspace, self.token = admin["user"]["id"], admin["workspace"]["id"], admin["access_token"]
        self.refresh_token = admin["refresh_token"]
        pipeline = self.send("GET", "/pipelines")["data"][0]
        self.ids = {room: self.fresh(room) for room in MAKERS}
        self.ids |= {"pipelines": pipeline["id"], "stages": pipeline["stages"][1]["id"]}
        self.login, self.sign_ins = None, 0
        self.deliveries = {}

    def address(self):
        """An address that nobody had before: attempts to sign in are counted by address."""
        number = next(self.count)
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def send(self, method, path, token=None, **more):
        """The answer to a request that must succeed."""
        headers = {"Authorization": f"Bearer {token or self.token}"} if path != "/auth/register" else {}
        headers |= {"X-Forwarded-For": self.address()} | more.pop("headers", {})
        until = time.monotonic() + PATIENCE
        while True:
            reply = self.http.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=PATIENCE, **more)
            if reply.status_code != 503 or time.monotonic() > until:
                break
            # A store that is late asks to be asked again.
            time.sleep(1)
        if not reply.ok:
            raise RuntimeError(f"{method} {path}: {reply.status_code} {reply.text}")
        return reply.json() if reply.content else None

    def operations(self):
        """Every operation of the document, as in `GET /api/v1/contacts`."""
        paths = self.send("GET", "/openapi.json")["paths"]
        return [f"{method.upper()} {path}" for path, item in paths.items() for method in item]

    def register(self):
        """A new workspace with its admin, as the answer has it."""
        name = f"admin{next(self.count)}x{self.run}"
        body = {"workspace_name": "Acme", "email": f"{name}@acme.example", "password": PASSWORD, "name": "Grace"}
        return self.send("POST", "/auth/register", json=body)

    def credentials(self):
        """What somebody signs in with who has not done so too often."""
        if self.sign_ins % SIGN_INS == 0:
            self.login = {"email": self.register()["user"]["email"], "password": PASSWORD}
        self.sign_ins += 1
        return self.login

    def fresh(self, room):
        """The id of a new record."""
        return MAKERS[room](self)

    def renew(self, room):
        """Makes sure of a record that nobody has deleted."""
        # Requests speak of the default pipeline, which nobody can delete.
        if room not in ("custom-fields", "pipelines"):
            self.ids[room] = self.fresh(room)

    def retire(self, field):
        """Ends a custom field."""
        self.send("DELETE", f"/custom-fields/{field}")
        if self.ids["custom-fields"] == field:
            self.ids["custom-fields"] = self.fresh("custom-fields")

    def make(self, room, body):
        return self.send("POST", f"/{room}", json=body)["id"]

    def template(self):
        """The name of a template of the workspace's own."""
        self.send("PUT", "/email/templates/own", json={"subject": "Hello", "text": "Hello {{ name }}"})
        return "own"

    def suppression(self):
        """The id of a suppression of an address that nobody has."""
        return self.make("email/suppressions", {"email": f"nobody{next(self.count)}@{self.run}.example"})

    def rate(self):
        """A rate of a day that has none yet."""
        day = datetime.date(2000, 1, 1) + datetime.timedelta(days=next(self.count))
        pair = {"base_currency": "EUR", "quote_currency": "USD"}
        return pair | {"rate": "1.0842", "valid_from": day.isoformat()}

    def hook(self):
        """A webhook endpoint at an address that never is."""
        # A workspace has fifty at most.
        known = [old["id"] for old in self.send("GET", "/webhook-endpoints")["data"]]
        for old in [id for id in known if id != getattr(self, "ids", {}).get("webhook-endpoints")][40:]:
            self.send("DELETE", f"/webhook-endpoints/{old}")
        body = {"url": "https://hooks.example/crm", "event_types": ["user.role_changed"]}
        return self.send("POST", "/webhook-endpoints", json=body)["endpoint"]["id"]

    def delivery(self):
        """The id of a delivery to the endpoint that requests are about: that of the job which sends it."""
        endpoint = self.ids["webhook-endpoints"]
        if endpoint not in self.deliveries:
            self.deliveries[endpoint] = self.send("POST", f"/webhook-endpoints/{endpoint}/test")["id"]
        return self.deliveries[endpoint]

    def import_contacts(self, rows):
        """The job of an import."""
        names = "".join(f"Row {number} {next(self.count)}x{self.run}\n" for number in range(rows))
        return self.send("POST", "/contacts/import/csv", headers=CSV, data="Last Name\n" + names)

    def ended(self, job):
        """The job, once it has ended."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = self.send("GET", f"/jobs/{job['id']}")
            if found["finished_at"]:
                return found
            time.sleep(0.05)
        raise RuntimeError(f"job {job['id']} has not ended: {found}")

    def running_job(self):
        """A job that can still be cancelled."""
        return self.import_contacts(ROWS)["id"]

    def cancelled_job(self):
        """A job that can be taken up again."""
        for _ in range(10):
            try:
                return self.send("POST", f"/jobs/{self.running_job()}/cancel")["id"]
            except RuntimeError:
                # It was done before it could be cancelled.
                continue
        raise RuntimeError("no job could be cancelled")

    def done_bulk(self):
        """The batch of bulk work that can be reverted."""
        items = [{"last_name": f"Bulk {next(self.count)}"}]
        return self.send("POST", "/contacts/bulk", json={"items": items})["batch_id"]

    def done_import(self):
        """An import that can be reverted."""
        return self.ended(self.import_contacts(1))["import_id"]

    def done_export(self):
        """An export whose file is there. Tasks have no custom fields: a file with a column that is gone is refused."""
        return self.ended(self.send("POST", "/tasks/export/csv", json={"q": "ada"}))["id"]


MAKERS = {
    "email": World.suppression,
    "batches": lambda world: world.done_bulk(),
    "companies": lambda world: world.make("companies", {"name": "Babbage Engines", "tags": ["customer"]}),
    "contacts": lambda world: world.make("contacts", {"last_name": "Lovelace", "tags": ["vip"]}),
    "deals": lambda world: world.make("deals", {"title": "Difference engine"}),
    "tasks": lambda world: world.make("tasks", {"title": "Call Ada", "tags": ["may"]}),
    "notes": lambda world: world.make("notes", {"body": "Met at the fair.", "contact_id": world.fresh("contacts")}),
    "custom-fields": lambda world: world.make(
        "custom-fields",
        {
            "entity": "contact",
            "key": f"key_{next(world.count)}",
            "label": "Region",
            "kind": "choice",
            "choices": ["north", "south"],
        },
    ),
    "users": lambda world: world.make("users", {"name": "Charles Babbage", "role": "closer"}),
    "teams": lambda world: world.make("teams", {"name": "North"}),
    "pipelines": lambda world: world.make(
        "pipelines", {"name": "Partners", "stages": [{"name": "Contacted", "kind": "open"}]}
    ),
    "exchange-rates": lambda world: world.make("exchange-rates", world.rate()),
    "webhook-endpoints": lambda world: world.hook(),
    "exports": lambda world: world.done_export(),
    "imports": lambda world: world.done_import(),
    "jobs": lambda world: world.ended(world.import_contacts(1))["id"],
}
