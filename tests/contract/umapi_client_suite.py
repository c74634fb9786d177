"""Adobe's own Python client for the user management API, unmodified, against the sandbox.

    pip install -r requirements.txt && python umapi_client_suite.py SANDBOX

SANDBOX is the program, which is then started as `SANDBOX sandbox first_day` and stopped at the end, or the URL of a
sandbox that runs already and serves that scenario, as http://127.0.0.1:8080; the environment variable SANDBOX stands in
for a missing argument. Everything else is asked from the sandbox itself (`GET /sandbox/connection`).
"""

import contextlib
import datetime
import logging
import os
import re
import subprocess
import sys
import threading
import time

# The client honours proxies, which have no way to this machine's loopback.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import requests
from umapi_client import Connection, GroupsQuery, OAuthS2S, UserAction, UserQuery, UsersQuery

# Longest wait, in seconds, for the program to say where it listens.
START_DEADLINE = 30
DELIVERY = "Campaign - acme - delivery"
CONTENT = "Campaign - acme - content"

passed = 0


class OAuthOverHttp(OAuthS2S):
    """The client builds the address of its token call with https; nothing else differs."""

    def __init__(self, token_url, **credential):
        super().__init__(**credential)
        self.token_url = token_url

    def refresh_token(self):
        form = {"Content-Type": "application/x-www-form-urlencoded", "Cache-Control": "no-cache"}
        answer = requests.post(self.token_url, data=self.post_body(), headers=form, timeout=30)
        if answer.status_code != 200:
            raise RuntimeError(f"token: {answer.status_code} {answer.text}")
        self.set_expiry(answer.json()["expires_in"])
        self.token = answer.json()["access_token"]


class Sandbox:
    """The sandbox as the suite uses it: its own endpoints, and Adobe's client connected to it."""

    def __init__(self, url):
        self.url = url
        self.connection = self.ask("GET", "connection")

    def ask(self, method, what, body=None):
        answer = requests.request(method, f"{self.url}/sandbox/{what}", json=body, timeout=30)
        assert answer.status_code == 200, f"{method} {what}: {answer.status_code} {answer.text}"
        return answer.json()

    def behave(self, **sections):
        self.ask("POST", "world", {"changes": [{"op": "dial", **sections}]})

    def fault(self, call, effect, **matching):
        self.ask("POST", "faults", {"faults": [{"call": call, "effect": effect, **matching}]})

    def requests(self):
        return self.ask("GET", "requests")["requests"]

    def client(self, secret=None):
        connection = self.connection
        auth = OAuthOverHttp(
            f"{connection['ims_url']}/ims/token/v2/",
            client_id=connection["client_id"],
            client_secret=secret or connection["client_secret"],
        )
        client = Connection(org_id=connection["organization_id"], auth=auth, endpoint=connection["umapi_url"])
        # Waits without a Retry-After are 15 seconds and more in production.
        client.retry_first_delay, client.retry_random_delay = 1, 0
        return client


def check(what, holds, shown=None):
    global passed
    if not holds:
        sys.exit(f"umapi_client_suite.py: FAILED: {what}" + (f": {shown}" if shown is not None else ""))
    passed += 1


def emails(users):
    return {user["email"] for user in users}


def tokens(sandbox):
    client = sandbox.client()
    client.auth.refresh_token()
    check("a token is issued", client.auth.token)
    lifetime = (client.auth.expiry - datetime.datetime.now()).total_seconds()
    check("its life is in seconds", 86_000 < lifetime < 86_400, lifetime)
    try:
        UsersQuery(sandbox.client(secret="wrong")).all_results()
        check("a wrong secret is refused", False)
    except RuntimeError as error:
        check("a wrong secret is refused", "invalid client_secret parameter" in str(error), error)


def listings(sandbox):
    client = sandbox.client()
    world = sandbox.ask("GET", "world")["organization"]
    sandbox.behave(pages={"users": 5, "groups": 4})
    sandbox.ask("DELETE", "requests")
    query = UsersQuery(client)
    users = query.all_results()
    check("all users are listed", emails(users) == emails(world["users"]), emails(users))
    pages = [request["page"] for request in sandbox.requests() if request["call"] == "users"]
    check("over three pages", pages == [0, 1, 2], pages)
    total, page_count, _, _ = query.stats()
    technical = world["technical_accounts"]
    check("technical accounts are counted", total == len(users) + technical, total)
    check("pages are counted", page_count == 3, page_count)
    groups = GroupsQuery(client).all_results()
    check("all groups are listed", {g["groupName"] for g in groups} == {g["name"] for g in world["groups"]})
    profile = next(group for group in groups if group["groupName"] == DELIVERY)
    check("a profile has an id, a type and a quota in text", (profile["type"], profile["licenseQuota"]) == ("PRODUCT_PROFILE", "50"), profile)
    members = UsersQuery(client, in_group=DELIVERY, direct_only=False).all_results()
    check("members of a profile by name", len(members) == profile["memberCount"], emails(members))
    by_id = UsersQuery(client, in_group=str(profile["groupId"]), direct_only=False).all_results()
    check("members of a profile by id", emails(by_id) == emails(members))
    check("a group that does not exist has no members", UsersQuery(client, in_group="Group 1234").all_results() == [])
    in_domain = UsersQuery(client, in_domain="acme.com").all_results()
    check("users of a domain", len(in_domain) == len(users))
    check("the server lives", client.status(remote=True)[1].get("state") == "LIVE")


def single_user(sandbox):
    client = sandbox.client()
    ann = UserQuery(client, "ANN@acme.com").result()
    check("one user by address in any case", ann["email"] == "ann@acme.com", ann)
    check("with the groups", DELIVERY in ann["groups"], ann)
    check("nobody by another address", UserQuery(client, "nobody@acme.com").result() == {})


def throttle(sandbox):
    client = sandbox.client()
    sandbox.behave(pages={"users": 5})
    sandbox.ask("DELETE", "requests")
    sandbox.ask("DELETE", "faults")
    refusal = {
        "type": "status",
        "status": 429,
        "headers": [["Retry-After", "2"], ["Content-Type", "application/json"]],
        "body": '{"error_code" : "429050", "message" : "Too many requests"}',
    }
    sandbox.fault("users", refusal, page=1)
    users = UsersQuery(client).all_results()
    asked = [request for request in sandbox.requests() if request["call"] == "users"]
    check("the refused page is retried", [r["page"] for r in asked] == [0, 1, 1, 2], asked)
    check("the refusal was one", [r["status"] for r in asked] == [200, 429, 200, 200])
    check("no user is missing", len(users) == 12, len(users))
    waited = asked[2]["arrival_ms"] - asked[1]["arrival_ms"]
    check("the client waits as long as Retry-After says", waited >= 2000, waited)

    # The limit itself, on a clock that runs sixty times as fast: a minute is a second.
    sandbox.ask("DELETE", "requests")
    sandbox.behave(throttle={"users_per_minute": 2, "time_scale": 60})
    started = time.monotonic()
    check("a limited walk is whole", len(UsersQuery(client).all_results()) == 12)
    check("and took longer", time.monotonic() - started >= 0.9)
    statuses = [request["status"] for request in sandbox.requests() if request["call"] == "users"]
    check("because the limit was met", 429 in statuses, statuses)
    sandbox.behave(throttle={"users_per_minute": None, "time_scale": 1})


def actions(sandbox):
    client = sandbox.client()
    before = emails(UsersQuery(client, in_group=CONTENT).all_results())
    check("Ann is not in the profile", "ann@acme.com" not in before, before)
    move = UserAction("ann@acme.com").add_to_groups([CONTENT]).remove_from_groups([DELIVERY])
    queued, sent, completed = client.execute_single(move, immediate=True)
    check("the action is carried out", (queued, sent, completed) == (0, 1, 1), (queued, sent, completed))
    check("without an error", move.execution_errors() == [])
    check("Ann is in the one profile", "ann@acme.com" in emails(UsersQuery(client, in_group=CONTENT).all_results()))
    check("and not in the other", "ann@acme.com" not in emails(UsersQuery(client, in_group=DELIVERY).all_results()))
    newcomer = UserAction("zita@acme.com").create("zita@acme.com", firstname="Zita", country="DE")
    newcomer.add_to_groups([DELIVERY])
    nobody = UserAction("nobody@acme.com").add_to_groups([CONTENT])
    nowhere = UserAction("mona@acme.com").add_to_groups(["No such group"])
    outcome = client.execute_multiple([newcomer, nobody, nowhere])
    check("one of three succeeds", outcome == (0, 3, 1), outcome)
    check("the new user exists", UserQuery(client, "zita@acme.com").result().get("firstname") == "Zita")
    errors = [action.execution_errors()[0]["errorCode"] for action in (nobody, nowhere)]
    check("the others say why", errors == ["error.user.nonexistent", "error.group.not_found"], errors)
    back = UserAction("ann@acme.com").add_to_groups([DELIVERY]).remove_from_groups([CONTENT])
    leave = UserAction("zita@acme.com")
    leave.remove_from_organization()
    check("all is put back", client.execute_multiple([back, leave]) == (0, 2, 2))
    check("the new user is gone", UserQuery(client, "zita@acme.com").result() == {})


@contextlib.contextmanager
def running(sandbox):
    """The URL of a sandbox: the one given, or that of the program started for the time of the suite."""
    if sandbox.startswith("http://"):
        yield sandbox.rstrip("/")
        return
    program = subprocess.Popen([sandbox, "sandbox", "first_day"], stdout=subprocess.PIPE, text=True)
    late = threading.Timer(START_DEADLINE, program.kill)
    late.start()
    try:
        found = (re.search(r"http://(127\.0\.0\.1|\[::1\]):\d+", line) for line in program.stdout)
        url = next((match.group(0) for match in found if match), None)
        late.cancel()
        if url is None:
            sys.exit(f"umapi_client_suite.py: FAILED: {sandbox} sandbox first_day did not say where it listens")
        # What else it prints must not fill the pipe and stop it.
        threading.Thread(target=program.stdout.read, daemon=True).start()
        yield url
    finally:
        late.cancel()
        program.terminate()
        program.wait(timeout=START_DEADLINE)


def main():
    sandbox = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SANDBOX")
    if not sandbox:
        print("usage: umapi_client_suite.py PROGRAM|URL", file=sys.stderr)
        sys.exit(64)
    # The client reports every retry; those are asserted on, not read.
    logging.getLogger("umapi_client").setLevel(logging.CRITICAL)
    with running(sandbox) as url:
        served = Sandbox(url)
        world = served.ask("GET", "world")
        for suite in (tokens, listings, single_user, throttle, actions):
            served.ask("PUT", "world", world)
            suite(served)
        served.ask("PUT", "world", world)
    print(f"umapi_client_suite.py: {passed} checks passed")


if __name__ == "__main__":
    main()
