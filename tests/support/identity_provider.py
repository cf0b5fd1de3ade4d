"""A small OpenID Connect provider on a real socket, which signs what a test wants."""

import base64
import hashlib
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.loopback import listening

CLIENT_ID = "preread"
CLIENT_SECRET = "secret of the client"  # noqa: S105 - of a provider that lives for one test


@dataclass
class Provider:
    """What it knows: ``claims`` go into every token, over its own; ``signed_by`` is the key."""

    key: object
    issuer: str = ""
    claims: dict = field(default_factory=dict)
    signed_by: object = None
    algorithm: str = "RS256"
    codes: dict = field(default_factory=dict)

    def authorize(self, query):
        """Sign somebody in at once and return where the browser goes."""
        code = base64.urlsafe_b64encode(hashlib.sha256(str(query).encode()).digest()).decode()
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form, authorization):
        """Return the answer to a code, once, to whoever proves to be the client that asked."""
        import jwt  # noqa: PLC0415 - an optional extra

        asked = self.codes.pop(form.get("code"), None)
        proof = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        good = (
            asked is not None
            and proof == f"{CLIENT_ID}:secret%20of%20the%20client"
            and challenge == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
        )
        if not good:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "anna",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "name": "Dr. Anna",
            **self.claims,
        }
        token = jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self.signed_by or self.key,
            algorithm=self.algorithm,
            headers={"kid": "k1"},
        )
        return {"access_token": "none of ours", "token_type": "Bearer", "id_token": token}

    def jwks(self):
        """Return the public key."""
        from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415

        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]}

    def discovery(self):
        """Return what a client starts from."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }


def _handler_of(provider):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path == "/jwks":
                self._say(provider.jwks())
            else:
                self._say(provider.discovery())

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(provider.token(form, self.headers.get("Authorization", "")))

        def _say(self, answer):
            content = json.dumps(answer or {"error": "invalid_grant"}).encode()
            self.send_response(200 if answer else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words):
            """Say nothing."""

    return Handler


@contextmanager
def providing(key, host="127.0.0.1"):
    """Run a provider on a free port of the loopback."""
    provider = Provider(key)
    with listening(_handler_of(provider)) as port:
        provider.issuer = f"http://{host}:{port}"
        yield provider
