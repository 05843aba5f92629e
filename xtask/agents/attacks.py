"""What must not work: proofs sent again, changed, for others, too late; tasks of others; words in
another's name; deep JSON; and thousands of bodies of noise. The right error each, never a 500."""

import asyncio
import json
import random
import sys
import time
import uuid

import httpx

from identity import Agent, BoundAuth

SEED = 20_261_122
V1 = {"A2A-Version": "1.0"}
NAMES = ["SendMessage", "SendStreamingMessage", "GetTask", "ListTasks", "CancelTask",
         "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig",
         "ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig",
         "GetExtendedAgentCard", "SubscribeToTask", "message/send", "tasks/send", "tasks/get",
         "tasks/cancel", "tasks/sendSubscribe", "message/stream", "tasks/resubscribe"]


def message(data, **more):
    return {"message": {"messageId": str(uuid.uuid4()), "role": "ROLE_USER",
                        "parts": [{"data": data}], **more}}


def call(method, params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def body_of(method, params):
    return json.dumps(call(method, params)).encode()


class Attacker:
    def __init__(self, url):
        self.url, self.agent = url, Agent(url)
        self.agent.faucet()

    def proof(self, body, path="/a2a", **changed):
        """A proof for this one request, with claims of the attacker's choice."""
        request = httpx.Request("POST", self.url + path, content=body)
        next(BoundAuth(self.agent, changed).auth_flow(request))
        return request.headers["Authorization"]

    def send(self, body, authorization, path="/a2a"):
        headers = V1 | {"Authorization": authorization, "Content-Type": "application/json"}
        return httpx.post(self.url + path, content=body, headers=headers, timeout=30)

    def bearer(self):
        return "Bearer " + self.agent.access_token()


def check(name, answer, status, code=None):
    wrong = f"{name}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code == status, wrong
    if code is not None:
        assert answer.json()["error"]["code"] == code, wrong
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), wrong


def proofs(url):
    a = Attacker(url)
    listing = {"action": "list_service", "service": {
        "service_type": "custom", "name": "n", "description": "d", "price": "1"}}
    body = body_of("SendMessage", message(listing))
    good = a.proof(body)
    check("a fresh proof", a.send(body, good), 200)
    check("replayed", a.send(body, good), 401)
    check("tampered body", a.send(body.replace(b'"1"', b'"9"'), a.proof(body)), 401)
    check("another path", a.send(body, a.proof(body, "/other")), 401)
    check("wrong audience", a.send(body, a.proof(body, aud="did:key:zOther")), 401)
    past = int(time.time()) - 600
    check("expired", a.send(body, a.proof(body, iat=past, exp=past + 100)), 401)
    check("too long a life", a.send(body, a.proof(body, exp=int(time.time()) + 3_600)), 401)
    check("another's subject", a.send(body, a.proof(body, sub="did:key:zOther")), 401)
    check("another method", a.send(body, a.proof(body, htm="GET")), 401)
    old = "Bearer " + a.agent.did_jwt()
    check("a fresh did-jwt", a.send(body, old), 200)
    check("a did-jwt again", a.send(body, old), 401)
    head, claims, signature = a.agent.did_jwt().split(".")
    for name, token in {
        "no signature": f"Bearer {head}.{claims}.",
        "another's signature": f"Bearer {head}.{claims}.{signature[::-1]}",
        "nonsense": "Bearer x",
        "no scheme": "x",
    }.items():
        check(name, a.send(body, token), 401)
    nobody = httpx.post(url + "/a2a", content=body, headers=V1 | {"Content-Type": "application/json"})
    check("nobody", nobody, 401)


def others(url):
    a, b, c = Attacker(url), Attacker(url), Attacker(url)
    forged = message({"type": "purchase_request", "from": b.agent.did, "listing_id": str(uuid.uuid4())})
    check("forged from", a.send(body_of("SendMessage", forged), a.bearer()), 200, -32602)
    rest = a.send(json.dumps(forged).encode(), a.bearer(), "/message:send")
    check("forged from over HTTP+JSON", rest, 403)
    listed = b.send(body_of("SendMessage", message({"action": "list_service", "service": {
        "service_type": "custom", "name": "n", "description": "d", "price": "1"}})), b.bearer())
    task = listed.json()["result"]["task"]
    listing = task["artifacts"][0]["parts"][0]["data"]["id"]
    bought = c.send(body_of("SendMessage", message({"action": "purchase", "listing_id": listing})), c.bearer())
    order = bought.json()["result"]["task"]["id"]
    unknown = str(uuid.uuid4())
    for method in ("GetTask", "CancelTask", "SubscribeToTask"):
        told = {}
        for name in (order, task["id"], unknown):
            answer = a.send(body_of(method, {"id": name}), a.bearer())
            check(method + " of another's task", answer, 200, -32001)
            told[name] = answer.text.replace(name, "ID")
        assert len(set(told.values())) == 1, told
    say = a.send(body_of("SendMessage", message({"action": "accept"}, taskId=order)), a.bearer())
    check("a word to another's task", say, 200, -32001)
    tasks = a.send(body_of("ListTasks", {}), a.bearer()).json()["result"]
    assert order not in json.dumps(tasks), tasks
    disputed = a.send(body_of("SendMessage", message(
        {"action": "open_dispute", "order_id": order, "reason": "mine"})), a.bearer())
    check("a dispute of another's order", disputed, 200)
    assert "error" in disputed.json() or "REJECTED" in disputed.text, disputed.text


def deep(url):
    a = Attacker(url)
    nested = b"[" * 500_000 + b"]" * 500_000
    wrapped = body_of("SendMessage", {"message": "HERE"}).replace(b'"HERE"', nested)
    for path in ("/a2a", "/a2a/"):
        check("nested JSON", a.send(wrapped, a.bearer(), path), 200, -32700)
    check("nested JSON over HTTP+JSON", a.send(nested, a.bearer(), "/message:send"), 400)
    large = a.send(b"[" * 2_000_000, a.bearer())
    assert large.status_code in (200, 413), large.status_code
    check("another media type", httpx.post(url + "/a2a", content=b"{}", headers=V1 | {
        "Content-Type": "text/plain", "Authorization": a.bearer()}), 200, -32005)
    check("another version", httpx.post(url + "/a2a", json=call("GetTask", {"id": "x"}), headers={
        "A2A-Version": "99.0", "Authorization": a.bearer()}), 200, -32009)


ODD = [None, True, -1, 0, 1e308, 2**63, 2**64, "", "\u0000", "x" * 3000, "🦀", [], {}, [[]], [None],
       {"": ""}, "1", "-0", "NaN", "did:key:z", str(uuid.uuid4()), {"data": {}}, "\ud800"]


def noise(dice):
    """A body that is nearly right."""
    actions = ["purchase", "deliver", "accept", "search", "wallet", "open_dispute", "quote", "offer_split"]
    data = {"action": dice.choice(actions), "order_id": str(uuid.UUID(int=dice.getrandbits(128))),
            "listing_id": str(uuid.UUID(int=dice.getrandbits(128))), "inline": "x", "query": "csv"}
    params = message(data) | {"id": str(uuid.UUID(int=dice.getrandbits(128))), "configuration": {
        "historyLength": 3, "returnImmediately": False}, "pageSize": 10, "taskId": "t", "url": "http://x"}
    whole = call(dice.choice(NAMES), params)
    for _ in range(dice.randrange(4)):
        place, key = whole, dice.choice(["id", "method", "params", "jsonrpc"])
        while dice.random() < 0.7 and isinstance(place.get(key), dict) and place[key]:
            place, key = place[key], dice.choice(list(place[key]))
        match dice.randrange(3):
            case 0:
                place.pop(key, None)
            case 1:
                place[key] = dice.choice(ODD)
            case _:
                place[dice.choice(["x", "kind", "role", "parts", "text", "metadata"])] = dice.choice(ODD)
    body = json.dumps(whole).encode()
    if dice.random() < 0.2:
        at = dice.randrange(len(body))
        body = body[:at] + bytes([dice.randrange(256)]) * dice.randrange(3) + body[at + 1:]
    return body


async def fuzz(url, count):
    a = Attacker(url)
    headers = V1 | {"Authorization": a.bearer(), "Content-Type": "application/json"}
    dice, seen = random.Random(SEED), {}
    bodies = [noise(dice) for _ in range(count)]

    async def one(client):
        while bodies:
            body = bodies.pop()
            older = {"A2A-Version": "0.3"} if b"/" in body[:200] else {}
            answer = await client.post(url + "/a2a", content=body, headers=headers | older)
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
            wrong = f"seed {SEED}: {body!r}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500, wrong
            assert '"code":-32603' not in answer.text, wrong

    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(*[one(client) for _ in range(16)])
    print(f"{count} bodies of noise: {seen}")


def main(url, count):
    for step in (proofs, others, deep):
        step(url)
        print(f"{step.__name__}: the right error each")
    asyncio.run(fuzz(url, count))


main(sys.argv[1], int(sys.argv[2]))
