"""What the fuzzer cannot know of the server: who signs in, which ids there are, what a request ends.

The fuzzer makes up requests from the OpenAPI document. Here a part of them get ids of records that
exist in place of those made up, so that they come further than "not found"; the fuzzer judges a
request as it is sent. Findings are excused for the reasons below alone, and counted by them.
"""

import atexit
import collections
import json
import os
import pathlib
import re
import threading
import tomllib
import zlib

import schemathesis

from world import World

WORLD = World(os.environ["FUZZ_URL"])
LOCK = threading.Lock()
CONFIG = tomllib.loads(pathlib.Path(__file__).with_name("schemathesis.toml").read_text(encoding="utf-8"))
LEFT_OUT = {operation["include-name"] for operation in CONFIG["operations"]}
# How often each operation of the document answered with each status.
TALLY = {operation: collections.Counter() for operation in WORLD.operations() if operation not in LEFT_OUT}

# What an operation ends or uses up: it gets a record of its own, as often as that is worth the time.
ENDS = {
    "DELETE /api/v1/companies/{id}": lambda: WORLD.fresh("companies"),
    "DELETE /api/v1/contacts/{id}": lambda: WORLD.fresh("contacts"),
    "DELETE /api/v1/custom-fields/{id}": lambda: WORLD.fresh("custom-fields"),
    "DELETE /api/v1/deals/{id}": lambda: WORLD.fresh("deals"),
    "DELETE /api/v1/email/suppressions/{id}": lambda: WORLD.fresh("email"),
    "DELETE /api/v1/exchange-rates/{id}": lambda: WORLD.fresh("exchange-rates"),
    "DELETE /api/v1/exports/{id}/file.csv": lambda: WORLD.fresh("exports"),
    "DELETE /api/v1/notes/{id}": lambda: WORLD.fresh("notes"),
    "DELETE /api/v1/pipelines/{id}": lambda: WORLD.fresh("pipelines"),
    "DELETE /api/v1/tasks/{id}": lambda: WORLD.fresh("tasks"),
    "DELETE /api/v1/teams/{id}": lambda: WORLD.fresh("teams"),
    "DELETE /api/v1/users/{id}": lambda: WORLD.fresh("users"),
    "DELETE /api/v1/webhook-endpoints/{id}": lambda: WORLD.fresh("webhook-endpoints"),
    "POST /api/v1/batches/{id}/revert": lambda: WORLD.fresh("batches"),
    "POST /api/v1/imports/{id}/revert": lambda: WORLD.done_import(),
    "POST /api/v1/jobs/{id}/cancel": lambda: WORLD.running_job(),
    "POST /api/v1/jobs/{id}/retry": lambda: WORLD.cancelled_job(),
    # Another one keeps the stages that deals are in.
    "PUT /api/v1/pipelines/{id}": lambda: WORLD.fresh("pipelines"),
}
USED = collections.Counter()
MOST_USES = 10
# The first requests of every operation, the documented examples among them, are about records
# that exist, so that no operation depends on chance for an answer that is no refusal.
ASKED = collections.Counter()
FIRST_ONES = 5
# Rules that a JSON Schema cannot say, or not without hiding what it is about: requests that keep
# the schema and break one of them are refused with 422, and no other refusal is excused. Codes that
# stand in PLACES too are excused there alone.
RULES = {
    "another_pair": "which fields go together",
    "choices": "which fields go together",
    "control_character": "which characters are no text",
    "cursor": "which cursors belong to a list",
    "delimiter": "which characters part the columns of a file",
    "duplicate": "which names are taken",
    "empty": "a text of nothing but spaces",
    "exclusive": "which fields go together",
    "filter": "what a filter in a query holds",
    "https": "which addresses webhooks are sent to",
    "idempotency_key_reused": "what a key was used for before",
    "json": "what a filter in a query holds",
    "misplaced": "which files belong to which import",
    "needs_due": "which fields go together",
    "needs_time": "which fields go together",
    "never": "by which rules tasks recur",
    "not_ascii": "which addresses mail is sent to",
    "not_found": "which records there are",
    "not_lost": "what state a record is in",
    "no_address": "which contacts have an address",
    "no_header": "what a CSV file holds",
    "out_of_order": "which times come before which",
    "out_of_range": "which values a field takes",
    "recipient": "which fields go together",
    "recurrence": "by which rules tasks recur",
    "reminder": "what a reminder says",
    "required": "which fields go together",
    "reserved": "which variables a template has by itself",
    "role": "what admins may do",
    "same_currency": "which fields go together",
    "scope": "which scopes a kind of record has",
    "stage": "which stages a pipeline has",
    "stage_in_use": "where deals are",
    "status": "what state a record is in",
    "subject": "which fields go together",
    "target": "which fields go together",
    "template": "what the language of templates is",
    "too_deep": "how deep a filter nests",
    "too_long": "how long a filter is",
    "too_many_terms": "how many words a search has",
    "too_many": "how many recipients a mail and endpoints a workspace has",
    "unknown_choice": "which names a list in a query holds",
    "unknown_event": "which events there are",
    "unknown_field": "which fields a kind of record has",
    "unknown_relation": "which fields a kind of record has",
    "unreachable": "which addresses webhooks are sent to",
    "unsupported": "by which rules tasks recur",
    "url": "which addresses webhooks are sent to",
    "value": "which values a field takes",
    "value_type": "which values a field takes",
}
# Codes that say little by themselves, with the fields at which a schema cannot say their rule: the
# last name in the path of a fault, or what holds names that callers give, as `custom`.
PLACES = {
    "too_deep": {"filter", "rules"},
    "too_long": {"filter", "rules"},
    "out_of_range": {
        "due_at",
        "due_date",
        "expected_close_date",
        "from",
        "price",
        "recurrence",
        "reminder",
        "stages.probability",
        "to",
        "valid_from",
        "value",
    },
    "required": {
        "add",
        "all",
        "any",
        "body",
        "changes",
        "choices",
        "compare",
        "custom",
        "delivery_id",
        "email",
        "file",
        "ids",
        "ids_after",
        "label",
        "last_name",
        "mapping",
        "member",
        "name",
        "none",
        "q",
        "refresh_token",
        "remove",
        "set",
        "subject",
        "tags",
        "text",
        "title",
        "value_estimated",
        "workspace_name",
    },
    "unknown_field": {"changes", "custom", "fields", "filter", "mapping", "rules", "sort", "values"},
    "value": {
        "base_currency",
        "changes",
        "currency",
        "due_at",
        "filter",
        "locale",
        "phone",
        "quote_currency",
        "rate",
        "rules",
        "time_zone",
    },
    "value_type": {"changes", "custom", "filter", "mapping", "values"},
}
HOLDERS = ("custom", "filter", "mapping", "rules", "values")
EXCUSED = collections.Counter()
# How often each check found something that nothing excuses.
FOUND = collections.Counter()
# What the id in a field of a body is of.
FIELDS = {
    "assignee_id": "users",
    "company_id": "companies",
    "contact_id": "contacts",
    "deal_id": "deals",
    "from_stage_id": "stages",
    "members": "users",
    "owner_id": "users",
    "pipeline_id": "pipelines",
    "stage_id": "stages",
}


@schemathesis.auth(refresh_interval=None)
class SignedIn:
    """Everybody is the workspace's admin."""

    def get(self, case, context):
        return WORLD.token

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def room(path):
    """The room of a path, as in `/api/v1/ROOM/{id}`."""
    parts = path.split("/")
    return parts[3] if len(parts) > 3 else ""


def is_id(value):
    return isinstance(value, str) and len(value) == 36 and value.count("-") == 4


def often(value):
    """Whether a value made up gives way to a real one: three times out of four, always the same."""
    return zlib.crc32(str(value).encode()) % 4 != 0


def with_ids(value, ids_of, wanted, key=None):
    """The value with ids of records that exist in place of those that are wanted so."""
    if isinstance(value, dict):
        return {name: with_ids(item, ids_of, wanted, name) for name, item in value.items()}
    if isinstance(value, list):
        return [with_ids(item, ids_of, wanted, key) for item in value]
    kind = ids_of if key in ("id", "ids") else FIELDS.get(key)
    if isinstance(value, float) and value.is_integer():
        # JSON Schema takes 7.0 for an integer, the API does not.
        return int(value)
    known = WORLD.ids.get(kind)
    return known if known and is_id(value) and wanted(value) else value


def record(operation, path, made_up):
    """The id of a record for a path."""
    maker = ENDS.get(operation)
    if maker and USED[operation] < MOST_USES:
        USED[operation] += 1
        return maker()
    known = WORLD.ids.get(room(path))
    if ASKED[operation] <= FIRST_ONES and known:
        return known
    # Whoever is asked for must not be the one who asks, or nobody could go on.
    return known if known and (often(made_up) or made_up == WORLD.admin) else made_up


@schemathesis.hook
def before_call(context, case, kwargs):
    with LOCK:
        prepare(case)


def prepare(case):
    operation, path = case.operation.label, case.operation.path
    ASKED[operation] += 1
    if case.path_parameters and is_id(case.path_parameters.get("id")):
        case.path_parameters["id"] = record(operation, path, case.path_parameters["id"])
    if "{delivery_id}" in path and (ASKED[operation] <= FIRST_ONES or often(case.path_parameters["delivery_id"])):
        if case.path_parameters["id"] == WORLD.ids["webhook-endpoints"]:
            case.path_parameters["delivery_id"] = WORLD.delivery()
    if room(path) == "queues" and (case.path_parameters or {}).get("name") in ("import", "bulk", "export"):
        # Whoever makes what the requests are about waits for the jobs of these.
        case.path_parameters["name"] = "email"
    if "/templates/{name}" in path and (ASKED[operation] <= FIRST_ONES or often(case.path_parameters["name"])):
        case.path_parameters["name"] = WORLD.template()
    if isinstance(case.body, (dict, list)):
        wanted = is_id if ASKED[operation] <= FIRST_ONES else often
        case.body = with_ids(case.body, room(path), wanted)
    if operation == "PUT /api/v1/pipelines/{id}" and USED[operation] < MOST_USES:
        # A new pipeline has none of the stages that are made up; without an id they are new ones.
        for stage in stages(case.body):
            stage.pop("id", None)
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key) and often(case.body):
        # A key of its own for most requests, or all would repeat the first.
        case.headers["Idempotency-Key"] = f"key-{next(WORLD.count)}"
    if "/auth/" in path:
        enter(case, operation.rsplit("/", 1)[1])


def stages(body):
    """The stages that a body holds, as far as it has the shape of one."""
    listed = body.get("stages") if isinstance(body, dict) else None
    return [stage for stage in listed if isinstance(stage, dict)] if isinstance(listed, list) else []


def enter(case, way):
    """Sign-ins are counted by account and address, and one that ends takes its token along."""
    case.headers = case.headers or {}
    case.headers["X-Forwarded-For"] = WORLD.address()
    if way == "logout" and case.headers.get("Authorization") == f"Bearer {WORLD.token}":
        case.headers["Authorization"] = f"Bearer {WORLD.register()['access_token']}"
    if way == "login" and isinstance(case.body, dict) and {"email", "password"} == case.body.keys():
        if all(isinstance(value, str) for value in case.body.values()) and often(case.body):
            case.body = WORLD.credentials()
    if way == "refresh" and isinstance(case.body, dict) and {"refresh_token"} == case.body.keys():
        if isinstance(case.body["refresh_token"], str) and often(case.body):
            case.body = {"refresh_token": WORLD.refresh_token}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether it is a finding."""
    check = type(failure).__name__
    why = excuse(check, case, response)
    with LOCK:
        if why:
            EXCUSED[why] += 1
        else:
            FOUND[check] += 1
    return not why


def excuse(failure, case, response):
    """Why the check does not apply, where it does not."""
    if failure == "RejectedPositiveData" and response.status_code == 422:
        reasons = [reason(case.operation.label, fault) for fault in response.json()["errors"]]
        return None if None in reasons else min(reasons)
    if failure == "AcceptedNegativeData" and response.status_code == 200:
        body = case.body if isinstance(case.body, dict) else {}
        if body.get("mode") == "partial" and response.json()["failed"]:
            return "faults of single items under mode partial are in the report"
    if failure == "AcceptedNegativeData" and case.media_type == "text/csv":
        return "JSON in place of a CSV file is a CSV file too"
    return None


def reason(operation, fault):
    """The rule that a fault is about, where a schema cannot say it."""
    places = PLACES.get(fault["code"])
    if places is not None and place(operation, fault["field"]) not in places:
        return None
    return RULES.get(fault["code"])


def place(operation, field):
    """The field of a fault as PLACES names it."""
    names = [name for name in field.split(".") if not name.isdigit()]
    if names[0] == "items" and operation.startswith("PUT "):
        # What single records get: an object of any fields, for the schema.
        return "changes"
    for holder in HOLDERS:
        if holder in names:
            return holder
    return ".".join(names[-2:]) if "stages" in names[:-1] and names[-1] == "probability" else names[-1]


@schemathesis.hook
def after_call(context, case, response):
    with LOCK:
        TALLY[case.operation.label][response.status_code] += 1
        if 200 <= response.status_code < 300:
            mend(case.operation, response)


def mend(operation, response):
    """Puts right what would be in the way of what follows."""
    way = operation.path.rsplit("/", 1)[1]
    if way == "refresh":
        WORLD.refresh_token = response.json()["refresh_token"]
    if room(operation.path) == "custom-fields" and operation.method.upper() != "GET" and response.content:
        # One that every record must have would refuse all others.
        WORLD.retire(response.json()["id"])
    if operation.method.upper() == "DELETE" or way == "revert":
        WORLD.renew(room(operation.path))


def write_tally():
    """Tells how often each operation answered with each status, what was found and what excused."""
    with open(os.environ["FUZZ_REPORT"], "w", encoding="utf-8") as file:
        counts = {"answers": TALLY, "found": FOUND, "excused": EXCUSED, "left_out": sorted(LEFT_OUT)}
        json.dump(counts, file)


atexit.register(write_tally)
