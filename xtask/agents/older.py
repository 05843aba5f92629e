"""List, buy, complete with clients older than A2A 1.0: `agentvault` and `theprotocol-sdk`, as they
are on PyPI, with their own key managers and API keys of ours."""

import asyncio
import json
import pathlib
import sys
import tempfile

import agentvault
import agentvault.client
import agentvault.key_manager
import agentvault.models as vault_models
import httpx
import theprotocol.client.a2a_client
import theprotocol.client.credentials
import theprotocol.models as protocol_models

from identity import Agent


class Vault:
    """agentvault 0.2: `tasks/send`."""

    models = vault_models
    managers = agentvault.key_manager.KeyManager
    role, done, waits = "user", "COMPLETED", "INPUT_REQUIRED"

    def client(self):
        return agentvault.client.AgentVaultClient()

    def follow(self, client, *arguments):
        return client.receive_messages(*arguments)


class Protocol:
    """theprotocol-sdk 0.7: `message/send`, at the URL with a slash at its end."""

    models = protocol_models
    managers = theprotocol.client.credentials.KeyManager
    role, done, waits = "user", "TASK_STATE_COMPLETED", "TASK_STATE_INPUT_REQUIRED"

    def client(self):
        return theprotocol.client.a2a_client.A2AClient()

    def follow(self, client, *arguments):
        return client.subscribe(*arguments)


def api_key(url, agent):
    headers = {"Authorization": "Bearer " + agent.did_jwt()}
    answer = httpx.post(url + "/api/v1/api-keys", headers=headers, json={})
    answer.raise_for_status()
    return answer.json()["api_key"]


class Party:
    def __init__(self, dialect, card, keys, name):
        self.dialect, self.card, self.client = dialect, card, dialect.client()
        self.keys = dialect.managers(key_file_path=keys / (name + ".json"), use_env_vars=False)

    def message(self, data):
        models = self.dialect.models
        part = models.DataPart(content=data)
        return models.Message(role=self.dialect.role, parts=[part])

    async def begin(self, data):
        task = await self.client.initiate_task(self.card, self.message(data), self.keys)
        return await self.look(task)

    async def say(self, task, data):
        assert await self.client.send_message(self.card, task, self.message(data), self.keys)
        return await self.look(task)

    async def look(self, task):
        return await self.client.get_task_status(self.card, task, self.keys)


def parties(url, dialect, folder):
    card = httpx.get(url + "/v0.3/.well-known/agent-card.json").json()
    # agentvault takes plain HTTP from this very name only.
    card["url"] = card["url"].replace("127.0.0.1", "localhost")
    made = []
    for name in ("seller", "buyer"):
        agent = Agent(url)
        agent.faucet()
        keys = {card["humanReadableId"]: api_key(url, agent)}
        (folder / (name + ".json")).write_text(json.dumps(keys))
        # Their own model of a card reads ours.
        made.append(Party(dialect, dialect.models.AgentCard.model_validate(dict(card)), folder, name))
    return made


async def trade(url, dialect, folder):
    seller, buyer = parties(url, dialect, folder)
    listed = await seller.begin({"type": "list_service", "service": {
        "type": "custom", "name": "Proofs", "description": "Reads proofs", "price": "2"}})
    assert listed.state.value == dialect.done, listed
    listing = listed.artifacts[0].content["listing_id"]
    found = await buyer.begin({"type": "search_request", "query": "proofs"})
    assert listing in [result["id"] for result in found.artifacts[0].content["results"]], found

    bought = await buyer.begin({"type": "purchase_request", "listing_id": listing})
    assert bought.state.value == dialect.waits, bought
    told = []

    async def follow():
        events = dialect.follow(buyer.client, buyer.card, bought.id, buyer.keys)
        async for event in events:
            told.append(event)

    following = asyncio.create_task(follow())
    delivered = await seller.say(bought.id, {"action": "deliver", "inline": "No mistakes"})
    assert delivered.state.value == dialect.waits, delivered
    got = await buyer.look(bought.id)
    assert "No mistakes" in json.dumps([artifact.content for artifact in got.artifacts]), got
    done = await buyer.say(bought.id, {"type": "order_complete"})
    assert done.state.value == dialect.done, done
    await asyncio.wait_for(following, 20)
    states = [event.state.value for event in told if hasattr(event, "state")]
    assert states and states[-1] == dialect.done, told

    second = await buyer.begin({"action": "purchase", "listing_id": listing})
    cancel = getattr(buyer.client, "terminate_task", None) or buyer.client.cancel_task
    assert await cancel(buyer.card, second.id, buyer.keys)
    assert (await buyer.look(second.id)).state.value.endswith("CANCELED")
    await seller.client.close()
    await buyer.client.close()


async def main(url):
    for dialect in (Vault(), Protocol()):
        with tempfile.TemporaryDirectory() as folder:
            await asyncio.wait_for(trade(url, dialect, pathlib.Path(folder)), 60)
        print(f"list, buy and complete work: {dialect.__doc__.split(':')[0]}")


asyncio.run(main(sys.argv[1]))
