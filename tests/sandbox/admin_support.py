"""Clients of Alibaba Cloud's own SDK for the sandbox's control plane, and calls that several tests make."""

from __future__ import annotations

from typing import Any

import openai
from alibabacloud_modelstudio20260210 import models
from alibabacloud_modelstudio20260210.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from langchain_qwen_workspace.sandbox import Sandbox, SandboxAccessKey

REGION = "cn-beijing"


def client_of(sandbox: Sandbox, key: SandboxAccessKey | None = None, **config: Any) -> Any:
    """Return the SDK's client; by default with an AccessKey of Beijing that may do everything."""
    key = key or sandbox.access_key(REGION)
    given = {
        "access_key_id": key.access_key_id,
        "access_key_secret": key.access_key_secret,
        "security_token": key.security_token,
        "endpoint": sandbox.endpoint,
        "protocol": "http",
        # A busy machine is slow, and the SDK does not wait long.
        "read_timeout": 60_000,
        "connect_timeout": 60_000,
    }
    return Client(Config(**{**given, **config}))


def create_workspace(client: Any, name: str) -> str:
    """Make a workspace that may call no model, and return its id."""
    body = client.create_workspace(models.CreateWorkspaceRequest(workspace_name=name)).body
    workspace_id: str = body.workspace.workspace_id
    return workspace_id


def create_key(client: Any, workspace_id: str, auth: Any = None, description: str = "") -> Any:
    """Make a key, and return it as the SDK does."""
    request = models.CreateApiKeyRequest(workspace_id=workspace_id, auth=auth, description=description)
    return client.create_api_key(request).body.api_key


def custom_auth(*names: str, ip_ranges: list[str] | None = None) -> Any:
    """Return the authorization of a key that may call these models, by default all of its workspace's."""
    scope = models.CreateApiKeyRequestAuthModelAccessScope(allow_all_models=not names, accessible_models=list(names))
    return models.CreateApiKeyRequestAuth(type="Custom", access_ips=ip_ranges, model_access_scope=scope)


def change_permissions(client: Any, workspace_id: str, mode: str = "KEEP", **actions: bool) -> Any:
    """Permit models or not, by their names with `_` for `-`, and return the answer's body."""
    items = [
        models.UpdateModelPermissionsRequestModels(model=name.replace("_", "-"), inference=is_permitted)
        for name, is_permitted in actions.items()
    ]
    request = models.UpdateModelPermissionsRequest(
        workspace_id=workspace_id, access_all_entities=mode, models=items or None
    )
    return client.update_model_permissions(request).body


def change_limits(client: Any, workspace_id: str, operation: str = "OVERLAY", **fields: Any) -> Any:
    """Change the limits of qwen-plus, and return the answer's body."""
    item = models.UpdateModelLimitsRequestWorkspaceLimits(model="qwen-plus", operation_type=operation, **fields)
    request = models.UpdateModelLimitsRequest(workspace_id=workspace_id, workspace_limits=[item])
    return client.update_model_limits(request).body


def ask(sandbox: Sandbox, key: str, model: str = "qwen-plus", text: str = "Hello") -> Any:
    """Ask a model with the raw openai SDK, and return the completion."""
    with openai.OpenAI(api_key=key, base_url=f"{sandbox.base_url}/compatible-mode/v1", max_retries=0) as client:
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


def status_of(sandbox: Sandbox, key: str, model: str = "qwen-plus") -> tuple[int, str | None]:
    """Ask a model, and return the HTTP status and the error code."""
    try:
        ask(sandbox, key, model)
    except openai.APIStatusError as error:
        return error.status_code, error.code
    return 200, None
