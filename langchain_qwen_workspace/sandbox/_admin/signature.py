"""AccessKeys, and the signature of a request (ACS3-HMAC-SHA256), as the SDK computes it.

Source: `alibabacloud_tea_openapi` 0.4.6, and requests recorded on 2026-11-29. Codes and texts of refusals: those of
Alibaba Cloud's gateway, public reports; the texts are shortened.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, quote

from langchain_qwen_workspace.sandbox._admin.refusals import GatewayRefusal

_ALGORITHM = "ACS3-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} Credential=([^,]+), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{{64}})", re.ASCII
)
# A signature without one of these could be used for another request.
_ALWAYS_SIGNED = {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-version"}


@dataclass(frozen=True, slots=True)
class SandboxAccessKey:
    """An AccessKey of an administrator.

    Attributes:
        access_key_id: Its id.
        access_key_secret: Its secret.
        region: The region whose control plane it reaches.
        security_token: The token of a temporary AccessKey (STS); None for a lasting one.
        actions: The actions that its RAM policy allows, with `*` for any text.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    region: str
    security_token: str | None = field(default=None, repr=False)
    actions: tuple[str, ...] = ("*",)

    def check_action(self, action: str) -> None:
        """Check that the policy allows an action.

        Raises:
            GatewayRefusal: If it does not.
        """
        name = f"modelstudio:{action}"
        if any(fnmatchcase(name, pattern) for pattern in self.actions):
            return
        detail = {
            "AuthAction": name,
            "AuthPrincipalType": "SubUser",
            "NoPermissionType": "ImplicitDeny",
            "PolicyType": "ResourceGroupLevelIdentityBasedPolicy",
        }
        text = "You are not authorized to perform this action."
        raise GatewayRefusal("NoPermission", text, 403, {"AccessDeniedDetail": detail})


class AccessKeys:
    """The AccessKeys of the account; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, SandboxAccessKey] = {}

    def add(self, region: str, *, temporary: bool, actions: Iterable[str]) -> SandboxAccessKey:
        """Make an AccessKey, and return it."""
        prefix = "STS" if temporary else "LTAI"
        key = SandboxAccessKey(
            f"{prefix}.sandbox{secrets.token_hex(6)}",
            secrets.token_hex(15),
            region,
            secrets.token_hex(32) if temporary else None,
            tuple(actions),
        )
        with self._lock:
            self._keys[key.access_key_id] = key
        return key

    def authenticate(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> SandboxAccessKey:
        """Return the AccessKey that signed a request.

        Args:
            method: The HTTP method.
            path: The path, as it was sent.
            query: The query, as it was sent.
            headers: The headers, names in lower case.
            body: The body.

        Returns:
            The AccessKey.

        Raises:
            GatewayRefusal: If the signature is missing or does not fit.
        """
        match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if match is None or not set(match[2].split(";")) >= _ALWAYS_SIGNED:
            text = "The request signature does not conform to Aliyun standards."
            raise GatewayRefusal("IncompleteSignature", text, 400)
        with self._lock:
            key = self._keys.get(match[1])
        if key is None:
            raise GatewayRefusal("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        if headers.get("x-acs-security-token") != key.security_token:
            raise GatewayRefusal("InvalidSecurityToken.Malformed", "The specified SecurityToken is malformed.", 400)
        digest = hashlib.sha256(body).hexdigest()
        signed = _sign(key.access_key_secret, method, path, query, {n: headers.get(n, "") for n in match[2].split(";")})
        if headers["x-acs-content-sha256"] != digest or not hmac.compare_digest(signed, match[3]):
            text = "Specified signature is not matched with our calculation."
            raise GatewayRefusal("SignatureDoesNotMatch", text, 400)
        return key


def _sign(secret: str, method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    parameters = sorted(parse_qsl(query, keep_blank_values=True))
    canonical = [
        method,
        path,
        "&".join(f"{name}={quote(value, safe='~')}" for name, value in parameters),
        "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers)),
        ";".join(sorted(headers)),
        headers["x-acs-content-sha256"],
    ]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    return hmac.new(secret.encode(), f"{_ALGORITHM}\n{digest}".encode(), hashlib.sha256).hexdigest()
