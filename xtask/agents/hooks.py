"""Webhooks and A2A push notifications: signed, in order, tried again, paused, replayed, logged."""

import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time

import httpx
from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import get_data_parts, new_data_message, new_text_message
from a2a.types import (
    DeleteTaskPushNotificationConfigRequest, GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest, Role, SendMessageConfiguration, SendMessageRequest,
    TaskPushNotificationConfig,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from identity import Agent


class Receiver:
    """An agent's endpoint. What it answers is said for each path; letters are kept in order."""

    def __init__(self):
        self.letters, self.answers, letters = {}, {}, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                letters.letters.setdefault(self.path, []).append((dict(self.headers), body))
                answers = letters.answers.get(self.path) or [200]
                self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def of(self, path):
        return [(headers, json.loads(body)) for headers, body in self.letters.get(path, [])]


def wait(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen")


class Api:
    def __init__(self, url):
        self.url, self.agent = url, Agent(url)
        self.agent.faucet()
        self.headers = {"Authorization": "Bearer " + self.agent.access_token()}

    def ask(self, method, path, **body):
        body = {"json": body} if body else {}
        return httpx.request(method, self.url + path, headers=self.headers, timeout=30, **body)

    def call(self, method, path, **body):
        answer = self.ask(method, path, **body)
        answer.raise_for_status()
        return answer.json()

    def hook(self, url, *events):
        return self.call("POST", "/api/v1/webhooks", url=url, events=list(events))

    def act(self, hook, action, **body):
        return self.call("POST", f"/api/v1/webhooks/{hook['webhook_id']}/{action}", **body)

    def log(self, hook):
        return self.call("GET", f"/api/v1/webhooks/{hook['webhook_id']}/deliveries")["results"]

    def state(self, hook):
        hooks = self.call("GET", "/api/v1/webhooks")["results"]
        return next(known for known in hooks if known["webhook_id"] == hook["webhook_id"])


def check_signatures(url, secret, headers, body):
    said = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    assert abs(int(headers["Webhook-Timestamp"]) - time.time()) < 120
    signatures = dict(part.split(",") for part in headers["Webhook-Signature"].split(" "))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()
    assert signatures["v1"] == expected, signatures
    for known in httpx.get(url + "/.well-known/jwks.json").json()["keys"]:
        public = base64.urlsafe_b64decode(known["x"] + "=")
        own = Ed25519PublicKey.from_public_bytes(public)
        own.verify(base64.b64decode(signatures["v1a"]), said)


def title(headers):
    return {name.title(): value for name, value in headers.items()}


def order(seller, buyer):
    listing = seller.call("POST", "/api/v1/services/list", service_type="custom",
                          name="n", description="d", price="1")["id"]
    made = buyer.call("POST", "/api/v1/orders/create", listing_id=listing)
    name = made["order_id"]
    seller.call("POST", f"/api/v1/orders/{name}/deliver", inline="work")
    buyer.call("POST", f"/api/v1/orders/{name}/accept", **{})
    return name


def webhooks(url, guarded):
    receiver, seller, buyer = Receiver(), Api(url), Api(url)
    hook = buyer.hook(receiver.url("/buyer"), "order.*")
    quiet = buyer.hook(receiver.url("/quiet"), "juror.*", "no.such")
    receiver.answers["/flaky"] = [500, 503, 200]
    flaky = buyer.hook(receiver.url("/flaky"), "order.placed")
    name = order(seller, buyer)
    told = wait("three letters", lambda: (found := receiver.of("/buyer"))[2:] and found)
    names = ["order.placed", "order.delivered", "order.closed"]
    assert [body["event"] for _, body in told] == names, told
    assert all(body["subject_id"] == name for _, body in told), told
    for headers, body in receiver.letters["/buyer"]:
        check_signatures(url, hook["secret"], title(headers), body)
    assert not receiver.of("/quiet"), "what nobody asked for"
    tries = wait("the third try", lambda: (found := receiver.of("/flaky"))[2:] and found)
    assert len({title(headers)["Webhook-Id"] for headers, _ in tries}) == 1, tries
    wait("the log", lambda: len(buyer.log(flaky)) == 3)
    assert [entry.get("status") for entry in buyer.log(flaky)] == [200, None, None]

    buyer.act(hook, "ping")
    wait("the ping", lambda: receiver.of("/buyer")[-1][1]["event"] == "ping")
    positions = [body["position"] for _, body in told]
    buyer.act(hook, "replay", **{"from": positions[0], "to": positions[1]})
    again = wait("the replay", lambda: (found := receiver.of("/buyer"))[5:] and found)
    assert [body["position"] for _, body in again[4:]] == positions[:2], again
    wait("the log", lambda: [entry["is_replay"] for entry in buyer.log(hook)][:2] == [True, True])

    buyer.act(hook, "pause")
    order(seller, buyer)
    buyer.act(quiet, "ping")
    wait("another's ping", lambda: receiver.of("/quiet"))
    assert len(receiver.of("/buyer")) == 6, "a paused webhook is told nothing"
    buyer.act(hook, "resume")
    wait("what was missed", lambda: len(receiver.of("/buyer")) == 9)

    receiver.answers["/buyer"] = [410]
    order(seller, buyer)
    wait("a pause", lambda: buyer.state(hook)["status"] == "paused")
    with httpx.stream("GET", url + "/api/v1/events?after=0", headers=buyer.headers) as events:
        wait("the notice", lambda: any("webhook.paused" in line for line in events.iter_lines()))
    buyer.act(hook, "remove")
    assert len(buyer.call("GET", "/api/v1/webhooks")["results"]) == 2
    print("webhooks: signed, in order, tried again, paused, replayed, logged")

    inside, port = Api(guarded), receiver.server.server_port
    for address in (receiver.url("/inside"), f"http://localhost:{port}/", f"http://[::ffff:127.0.0.1]:{port}/",
                    "http://169.254.169.254/", "ftp://1.1.1.1/", "http://me:pass@1.1.1.1/", "nonsense"):
        refused = inside.ask("POST", "/api/v1/webhooks", url=address, events=[])
        assert refused.status_code == 422 and refused.json()["field"] == "url", refused.text
    assert inside.hook("https://1.1.1.1/hook")["url"] == "https://1.1.1.1/hook"
    assert not receiver.letters.get("/inside")
    print("webhooks: addresses that would never be called are refused")


async def tell(client, message, push=None):
    configuration = SendMessageConfiguration(task_push_notification_config=push)
    request = SendMessageRequest(message=message, configuration=configuration)
    async for told in client.send_message(request):
        return told.task


async def pushes(url):
    receiver, seller, buyer = Receiver(), Api(url), Api(url)
    http = httpx.AsyncClient(headers=buyer.headers, timeout=30)
    client = await create_client(url, ClientConfig(httpx_client=http, streaming=False))
    listing = seller.call("POST", "/api/v1/services/list", service_type="custom",
                          name="n", description="d", price="1")["id"]
    push = TaskPushNotificationConfig(url=receiver.url("/first"), token="mine")
    push.authentication.scheme, push.authentication.credentials = "Bearer", "theirs"
    message = new_data_message({"action": "purchase", "listing_id": listing}, role=Role.ROLE_USER)
    task = await tell(client, message, push)
    second = TaskPushNotificationConfig(task_id=task.id, id="second", url=receiver.url("/second"))
    await client.create_task_push_notification_config(second)
    gone = TaskPushNotificationConfig(task_id=task.id, id="gone", url=receiver.url("/gone"))
    await client.create_task_push_notification_config(gone)
    listed = await client.list_task_push_notification_configs(
        ListTaskPushNotificationConfigsRequest(task_id=task.id))
    assert len(listed.configs) == 3, listed
    await client.delete_task_push_notification_config(
        DeleteTaskPushNotificationConfigRequest(task_id=task.id, id="gone"))
    got = await client.get_task_push_notification_config(
        GetTaskPushNotificationConfigRequest(task_id=task.id, id="second"))
    assert got.url == second.url, got
    seller.call("POST", f"/api/v1/orders/{task.id}/deliver", inline="work")
    await tell(client, new_text_message("accept", role=Role.ROLE_USER, task_id=task.id))

    def states(path):
        updates = [body.get("statusUpdate") for _, body in receiver.of(path)]
        return [update["status"]["state"] for update in updates if update]

    for path in ("/first", "/second"):
        await asyncio.to_thread(wait, path, lambda: "TASK_STATE_COMPLETED" in states(path))
    headers = title(receiver.of("/first")[0][0])
    assert headers["X-A2A-Notification-Token"] == "mine", headers
    assert headers["Authorization"] == "Bearer theirs", headers
    assert any("artifactUpdate" in body for _, body in receiver.of("/first"))
    assert not receiver.of("/gone")
    print("push notifications: all four operations, and told to the end")


webhooks(sys.argv[1], sys.argv[3])
asyncio.run(pushes(sys.argv[1]))
