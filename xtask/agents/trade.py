"""The whole trade with the stock A2A client: two identities, both bindings, streams."""

import asyncio
import sys

import httpx
from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import get_data_parts, new_data_message, new_text_message
from a2a.types import (
    CancelTaskRequest, GetExtendedAgentCardRequest, GetTaskRequest, ListTasksRequest, Role,
    SendMessageConfiguration, SendMessageRequest, SubscribeToTaskRequest, TaskState,
)
from a2a.utils.errors import (
    TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError,
)
from a2a.utils.signing import create_signature_verifier
from google.protobuf.json_format import MessageToDict
from jwt import PyJWK

from identity import Agent, BoundAuth

DONE = TaskState.TASK_STATE_COMPLETED
WAITS = TaskState.TASK_STATE_INPUT_REQUIRED


def key_of(url):
    keys = {key["kid"]: PyJWK(key) for key in httpx.get(url + "/.well-known/jwks.json").json()["keys"]}
    return lambda kid, jku: keys[kid]


async def client_of(agent, binding, auth, streaming=True):
    http = httpx.AsyncClient(auth=auth, timeout=30)
    config = ClientConfig(
        httpx_client=http, supported_protocol_bindings=[binding], streaming=streaming,
        use_client_preference=True,
    )
    verify = create_signature_verifier(key_of(agent.url), ["EdDSA"])
    return await create_client(agent.url, config, signature_verifier=verify)


async def say(client, message):
    """The task, or the message, as it is after everything that was told."""
    task = None
    request = SendMessageRequest(message=message, configuration=SendMessageConfiguration())
    async for told in client.send_message(request):
        kind = told.WhichOneof("payload")
        if kind == "task":
            task = told.task
        elif kind == "status_update":
            task.status.CopyFrom(told.status_update.status)
        elif kind == "message":
            return told.message
    return task


async def tell(client, data, task_id=None):
    return await say(client, new_data_message(data, role=Role.ROLE_USER, task_id=task_id))


def data_of(task):
    return get_data_parts(task.artifacts[0].parts)[0]


async def expect(error, awaitable):
    try:
        await awaitable
    except error:
        return
    raise AssertionError(f"{error} was expected")


async def trade(url, binding, bound):
    seller_agent, buyer_agent = Agent(url), Agent(url)
    for agent in (seller_agent, buyer_agent):
        agent.faucet()

    def auth(agent):
        if bound:
            return BoundAuth(agent)
        token = agent.access_token()

        def with_token(request):
            request.headers["Authorization"] = "Bearer " + token
            return request
        return with_token

    seller = await client_of(seller_agent, binding, auth(seller_agent))
    buyer = await client_of(buyer_agent, binding, auth(buyer_agent), streaming=bound)
    name = "Translation " + binding + str(bound)
    listed = await tell(seller, {"action": "list_service", "service": {
        "service_type": "custom", "name": name, "description": "From anything to anything",
        "price": "4.5"}})
    assert listed.status.state == DONE, listed
    listing = data_of(listed)["id"]

    found = await say(buyer, new_text_message("search translation under 5", role=Role.ROLE_USER))
    assert found.status.state == DONE, found
    assert listing in [result["id"] for result in data_of(found)["results"]], found
    quote = data_of(await tell(buyer, {"action": "quote", "listing_id": listing}))

    bought = await tell(buyer, {"type": "purchase_request", "from": buyer_agent.did,
                                "listing_id": listing, "expected_total": quote["total"]})
    assert bought.status.state == WAITS, bought
    order = bought.id
    settlement = MessageToDict(bought)["metadata"]["a2a-se"]
    assert settlement["settlementStatus"] == "pending", settlement

    # The stock client follows only when it was made to stream.
    follower = await client_of(buyer_agent, binding, auth(buyer_agent))
    told, begun = [], asyncio.Event()

    async def follow():
        async for event in follower.subscribe(SubscribeToTaskRequest(id=order)):
            told.append(event)
            begun.set()

    following = asyncio.create_task(follow())
    beginning = asyncio.create_task(begun.wait())
    await asyncio.wait({following, beginning}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    assert told, following
    seen = await seller.get_task(GetTaskRequest(id=order))
    assert seen.status.state == WAITS, seen
    delivered = await tell(seller, {"action": "deliver", "inline": "¡Hola!"}, order)
    assert delivered.status.state == WAITS, delivered
    got = await buyer.get_task(GetTaskRequest(id=order))
    assert got.artifacts[0].parts[0].text == "¡Hola!", got
    accepted = await say(buyer, new_text_message("accept", role=Role.ROLE_USER, task_id=order))
    assert accepted.status.state == DONE, accepted
    await asyncio.wait_for(following, 20)
    kinds = [event.WhichOneof("payload") for event in told]
    assert kinds[0] == "task" and "artifact_update" in kinds, kinds
    assert told[-1].status_update.status.state == DONE, told

    await expect(UnsupportedOperationError, tell(buyer, {"action": "accept"}, order))
    await expect(TaskNotCancelableError, buyer.cancel_task(CancelTaskRequest(id=order)))
    stranger = await client_of(Agent(url), binding, BoundAuth(Agent(url)))
    await expect(TaskNotFoundError, stranger.get_task(GetTaskRequest(id=order)))

    second = await tell(buyer, {"action": "purchase", "listing_id": listing})
    cancelled = await buyer.cancel_task(CancelTaskRequest(id=second.id))
    assert cancelled.status.state == TaskState.TASK_STATE_CANCELED, cancelled

    page = await buyer.list_tasks(ListTasksRequest(page_size=2))
    assert len(page.tasks) == 2 and page.next_page_token, page
    rest = await buyer.list_tasks(ListTasksRequest(page_size=100, page_token=page.next_page_token))
    ids = [task.id for task in list(page.tasks) + list(rest.tasks)]
    assert len(set(ids)) == len(ids) == page.total_size and order in ids, ids
    card = await buyer.get_extended_agent_card(GetExtendedAgentCardRequest())
    assert card.name
    wallet = data_of(await say(seller, new_text_message("balance", role=Role.ROLE_USER)))
    assert wallet["available"] == "4.5", wallet


async def main(url):
    for binding in ("JSONRPC", "HTTP+JSON"):
        for bound in (False, True):
            await asyncio.wait_for(trade(url, binding, bound), 60)
            print(f"the trade over {binding} works, bound proofs: {bound}")


asyncio.run(main(sys.argv[1]))
