"""An agent's key: did:key, did-jwt, and proofs that are bound to one request."""

import base64
import hashlib
import json
import secrets
import time

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return text


class Agent:
    def __init__(self, url: str):
        self.url = url
        self.key = Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.fragment = "z" + base58(b"\xed\x01" + public)
        self.did = "did:key:" + self.fragment

    def sign(self, header: dict, claims: dict) -> str:
        text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
        return text + "." + b64(self.key.sign(text.encode()))

    def did_jwt(self) -> str:
        now = int(time.time())
        claims = {"iss": self.did, "aud": self.url, "iat": now, "exp": now + 60,
                  "nonce": secrets.token_hex(16)}
        return self.sign({"alg": "EdDSA", "typ": "JWT"}, claims)

    def access_token(self) -> str:
        headers = {"Authorization": "Bearer " + self.did_jwt()}
        answer = httpx.post(self.url + "/api/v1/auth/token", headers=headers)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def faucet(self):
        headers = {"Authorization": "Bearer " + self.access_token()}
        httpx.post(self.url + "/api/v1/wallet/faucet", headers=headers).raise_for_status()


class BoundAuth(httpx.Auth):
    """Signs each request, body included."""

    requires_request_body = True

    def __init__(self, agent: Agent, changed: dict | None = None):
        self.agent, self.changed = agent, changed or {}

    def auth_flow(self, request):
        now = int(time.time())
        claims = {
            "iss": self.agent.did, "sub": self.agent.did, "aud": self.agent.url,
            "iat": now, "exp": now + 100, "jti": secrets.token_hex(16),
            "htm": request.method, "htu": str(request.url.copy_with(query=None)),
            "bsh": b64(hashlib.sha256(request.content).digest()),
        } | self.changed
        header = {"alg": "EdDSA", "typ": "did-auth+jwt",
                  "kid": self.agent.did + "#" + self.agent.fragment}
        request.headers["Authorization"] = "Bearer " + self.agent.sign(header, claims)
        yield request
