"""Disputed trades with stock clients: one party speaks MCP, the other A2A, and both see the end.
Once operators rule, by `marketplace-admin`; once a rule does, because a party concedes."""

import asyncio
import os
import subprocess
import sys

import httpx
from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import get_data_parts, new_data_message, new_text_message
from a2a.types import (
    GetTaskRequest, Role, SendMessageConfiguration, SendMessageRequest, SubscribeToTaskRequest,
    TaskState,
)
from google.protobuf.json_format import MessageToDict

from identity import Agent
from tools import call, connect


async def a2a_of(agent, streaming=False):
    headers = {"Authorization": "Bearer " + agent.access_token()}
    http = httpx.AsyncClient(headers=headers, timeout=30)
    return await create_client(agent.url, ClientConfig(httpx_client=http, streaming=streaming))


async def tell(client, message):
    request = SendMessageRequest(message=message, configuration=SendMessageConfiguration())
    async for told in client.send_message(request):
        return told.task


async def data(client, task=None, **body):
    return await tell(client, new_data_message(body, role=Role.ROLE_USER, task_id=task))


async def dispute_is(client, order, *phases):
    for _ in range(200):
        dispute = await call(client, "get_dispute", order_id=order)
        if dispute["phase"] in phases:
            return dispute
        await asyncio.sleep(0.05)
    raise AssertionError(f"the dispute is {dispute['phase']}, not {phases}")


async def follow(client, order, told, begun):
    async for event in client.subscribe(SubscribeToTaskRequest(id=order)):
        told.append(event)
        begun.set()


def metadata(task):
    return MessageToDict(task)["metadata"]


def rule(url, dispute):
    subprocess.run(
        ["marketplace-admin", "disputes", "rule", dispute, "--finding", "half", "--yes",
         "--reason", "half of the rows are there", "--url", url, "--key", os.environ["OPERATOR_KEY"]],
        check=True, stdout=subprocess.DEVNULL)


async def ruled_by_operators(url):
    """The buyer speaks MCP, the seller A2A. No jurors are there, so operators rule."""
    seller_agent, buyer_agent = Agent(url), Agent(url)
    for agent in (seller_agent, buyer_agent):
        agent.faucet()
    seller = await a2a_of(seller_agent)
    async with connect(url, buyer_agent) as buyer:
        listed = await data(seller, action="list_service", service={
            "service_type": "custom", "name": "Rows", "description": "Four of them", "price": "8"})
        listing = get_data_parts(listed.artifacts[0].parts)[0]["id"]
        order = (await call(buyer, "purchase", listing_id=listing))["order_id"]
        told, begun = [], asyncio.Event()
        following = asyncio.create_task(follow(await a2a_of(seller_agent, True), order, told, begun))
        await asyncio.wait_for(begun.wait(), 20)
        await data(seller, order, action="deliver", inline="rows: 2 of 4")

        opened = await call(buyer, "open_dispute", order_id=order, category="poor_quality", remedy="full",
                            reason="half of the rows are missing", evidence={"rows": 2})
        assert opened["phase"] == "AWAITING_RESPONSE", opened
        assert (await call(buyer, "wallet"))["in_bonds"] == "11"
        seen = await seller.get_task(GetTaskRequest(id=order))
        assert metadata(seen)["a2a-se"]["settlementStatus"] == "disputed", seen
        assert seen.status.state == TaskState.TASK_STATE_INPUT_REQUIRED, seen
        await data(seller, order, action="add_evidence", inline="the other two are empty")
        await data(seller, order, action="contest")
        await dispute_is(buyer, order, "UNDER_OPERATORS")
        refused = await buyer.call_tool("complete_order", {"order_id": "nonsense"})
        assert refused.is_error, refused
        await asyncio.to_thread(rule, url, opened["dispute_id"])

        await asyncio.wait_for(following, 20)
        assert told[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED, told
        final = await dispute_is(buyer, order, "FINAL")
        assert final["available_actions"] == [], final
        bought = await call(buyer, "get_order", order_id=order)
        assert (bought["status"], bought["phase"]) == ("COMPLETED", "RULED"), bought
        ended = await seller.get_task(GetTaskRequest(id=order))
        assert ended.status.state == TaskState.TASK_STATE_COMPLETED, ended
        assert metadata(ended)["order"]["phase"] == "RULED", ended
        assert (await call(buyer, "wallet"))["in_bonds"] == "0"
        wallet = await tell(seller, new_text_message("balance", role=Role.ROLE_USER))
        # Half of the price; both bonds came back.
        available = get_data_parts(wallet.artifacts[0].parts)[0]["available"]
        assert available == "12", available
    print("a dispute that operators rule, between MCP and A2A, works")


async def ruled_by_a_rule(url):
    """The buyer speaks A2A, in plain words; the seller speaks MCP and concedes: a rule decides."""
    seller_agent, buyer_agent = Agent(url), Agent(url)
    for agent in (seller_agent, buyer_agent):
        agent.faucet()
    buyer = await a2a_of(buyer_agent)
    async with connect(url, seller_agent) as seller:
        listing = (await call(seller, "list_service", service_type="custom", name="Rows",
                              description="Four of them", price="3"))["id"]
        order = (await data(buyer, action="purchase", listing_id=listing)).id
        await call(seller, "deliver", order_id=order, inline="no rows")
        words = new_text_message("dispute there are no rows", role=Role.ROLE_USER, task_id=order)
        assert (await tell(buyer, words)).id == order
        waiting = await call(seller, "get_dispute", order_id=order)
        assert {"contest", "concede"} <= {action["action"] for action in waiting["available_actions"]}, waiting
        conceded = await call(seller, "concede_dispute", order_id=order)
        assert conceded["phase"] == "FINAL", conceded
        sold = await call(seller, "get_order", order_id=order)
        assert sold["phase"] == "RULED", sold
        ended = await buyer.get_task(GetTaskRequest(id=order))
        assert metadata(ended)["order"]["phase"] == "RULED", ended
        assert metadata(ended)["order"]["status"] == sold["status"], ended
    print("a dispute that a rule decides, between A2A and MCP, works")


async def main(url):
    await asyncio.wait_for(ruled_by_operators(url), 60)
    await asyncio.wait_for(ruled_by_a_rule(url), 60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
