"""Resolves the AccessKey that signs administration requests: given values, the environment, or a credential object.

The SDK's default credential chain is never built here: it reads files of the home folder and asks the metadata address
of the cloud's machines. Whoever wants it makes a credential object and passes it.
"""

import os
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from langchain_qwen_workspace._workspace.keys import PicklableSecret
from langchain_qwen_workspace.errors import ConfigurationError, MissingApiKeyError

# The names of Alibaba Cloud's SDKs (alibabacloud-credentials 1.0.12).
_ENVIRONMENT = {
    "access_key_id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "access_key_secret": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "security_token": "ALIBABA_CLOUD_SECURITY_TOKEN",
}


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An AccessKey of a RAM user, or a temporary one of a RAM role with its security token."""

    id: SecretStr
    secret: SecretStr
    security_token: SecretStr | None = None

    @property
    def secrets(self) -> list[str]:
        """The values in clear, to mask them in errors."""
        parts = (self.id, self.secret, self.security_token)
        return [part.get_secret_value() for part in parts if part is not None]


def hide(value: str | SecretStr | None) -> SecretStr | None:
    """Return a value as a secret, so that no traceback with variables shows it; an empty one as `None`."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return PicklableSecret(value) if value else None


def access_key(id_: SecretStr | None, secret: SecretStr | None, security_token: SecretStr | None) -> AccessKey:
    """Return the AccessKey of given values, or of the environment if none is given.

    A given id is never combined with a secret of the environment: they would belong to different users.

    Raises:
        MissingApiKeyError: There is none.
        ConfigurationError: Only a part is given, or a value has characters that AccessKeys do not have.
    """
    given = {"access_key_id": id_, "access_key_secret": secret, "security_token": security_token}
    names = {name: f"`{name}`" for name in given}
    if not any(given.values()):
        given = {name: hide(os.environ.get(variable)) for name, variable in _ENVIRONMENT.items()}
        names = _ENVIRONMENT
    id_, secret, security_token = given.values()
    if not any(given.values()):
        raise MissingApiKeyError(
            "There is no AccessKey for the administration of workspaces; nothing was sent.",
            hint="Set the environment variables ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or "
            "pass `access_key_id=` and `access_key_secret=`, or a credential object of `alibabacloud_credentials` as "
            "`credential=`. A workspace's API key does not work here. To try things without an AccessKey, use "
            "`langchain_qwen_workspace.sandbox.Sandbox`.",
        )
    if id_ is None or secret is None:
        missing = names["access_key_secret" if secret is None else "access_key_id"]
        raise ConfigurationError(
            f"The AccessKey is incomplete: {missing} is not given. Give the id and the secret in the same way, both as "
            "arguments or both in the environment."
        )
    for name, value in given.items():
        if value is not None:
            _check_characters(names[name], value)
    return AccessKey(id_, secret, security_token)


def check_credential(credential: Any) -> Any:
    """Return a credential object, if it is one.

    Raises:
        ConfigurationError: It does not give credentials.
    """
    if callable(getattr(credential, "get_credential", None)):
        return credential
    raise ConfigurationError(
        f"`credential` is of type {type(credential).__name__}. Expected a `Client` of "
        "`alibabacloud_credentials.client`."
    )


def _check_characters(name: str, secret: SecretStr) -> None:
    value = secret.get_secret_value()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(
            f"{name} contains a space, a line break or a character that AccessKeys do not have. Copy it again."
        )
