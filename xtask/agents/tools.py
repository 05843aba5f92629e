"""The whole trade with the stock MCP client: two identities, structured answers, resources."""

import asyncio
import json
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from identity import Agent


def connect(url, agent):
    headers = {"Authorization": "Bearer " + agent.access_token()} if agent else {}
    return Client(streamable_http_client(url + "/mcp", http_client=httpx2.AsyncClient(headers=headers)))


async def call(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    return result.structured_content


async def main(url):
    seller_agent, buyer_agent = Agent(url), Agent(url)
    for agent in (seller_agent, buyer_agent):
        agent.faucet()
    async with connect(url, seller_agent) as seller, connect(url, buyer_agent) as buyer:
        tools = {tool.name for tool in (await buyer.list_tools()).tools}
        assert {"search_services", "quote", "purchase", "deliver", "complete_order",
                "get_order", "wallet", "cancel", "get_service"} <= tools, tools
        listing = await call(seller, "list_service", service_type="custom", name="Poems",
                             description="Short ones", price="2")
        found = await call(buyer, "search_services", query="poems")
        assert found["results"][0]["id"] == listing["id"], found
        quote = await call(buyer, "quote", listing_id=listing["id"])
        order = await call(buyer, "purchase", listing_id=listing["id"], quote=quote["quote"])
        name = order["order_id"]
        await call(seller, "deliver", order_id=name, inline="Roses are red")
        wrong = await seller.call_tool("complete_order", {"order_id": "nonsense"})
        assert wrong.is_error, wrong
        resources = [str(resource.uri) for resource in (await buyer.list_resources()).resources]
        assert f"marketplace://orders/{name}" in resources, resources
        read = await buyer.read_resource(f"marketplace://orders/{name}")
        assert json.loads(read.contents[0].text)["phase"] == "DELIVERED", read
        done = await call(buyer, "complete_order", order_id=name)
        assert done["status"] == "COMPLETED", done
        assert (await call(seller, "wallet"))["available"] == "2"
    async with connect(url, None) as nobody:
        await call(nobody, "search_services", query="poems")
        refused = await nobody.call_tool("wallet", {})
        assert refused.is_error and refused.structured_content["code"] == "token_missing", refused
    print("the trade over MCP works")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
