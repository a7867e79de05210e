"""Sends requests to the control plane of Model Studio, through Alibaba Cloud's official SDK.

The only module that imports the SDK, which signs and sends. Its own module state stays as it is. Facts about it:
alibabacloud-modelstudio20260210 2.2.3, alibabacloud-tea-openapi 0.4.6, darabonba-core 1.0.9, run on 2026-11-29.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from alibabacloud_modelstudio20260210 import models
from alibabacloud_modelstudio20260210.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from langchain_qwen_workspace._admin import values
from langchain_qwen_workspace._admin.credentials import AccessKey
from langchain_qwen_workspace._admin.error_table import error_class_and_hint
from langchain_qwen_workspace._admin.flows import Call, Json, invalid_response
from langchain_qwen_workspace._redaction import mask_secrets
from langchain_qwen_workspace.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidResponseError,
    QwenWorkspaceError,
)

_CONNECT_TIMEOUT = 5.0
# With the environment's DEBUG=sdk the SDK logs the headers of each synchronous request.
_SECRET_HEADERS = re.compile(r"(?im)^(\W*(?:authorization|x-acs-(?:accesskey-id|security-token|bearer-token)) : ).*$")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the control plane is and with which credentials it is called.

    Attributes:
        region: The region's id.
        base_url: An origin that replaces the region's host.
        access_key: The AccessKey, unless there is a credential object.
        credential: A credential object of `alibabacloud_credentials`.
        timeout: The seconds to wait for each response.
    """

    region: str
    base_url: str | None
    access_key: AccessKey | None
    credential: Any
    timeout: float


class _RawResponse(RuntimeOptions):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's options of one call, which take up the decoded JSON of its response."""

    body: Any = None


class _Client(Client):  # type: ignore[misc]  # same
    """The official client, but for the responses: its objects drop the fields that they do not know."""

    def call_api(self, params: Any, request: Any, runtime: Any) -> dict[str, Any]:
        runtime.body = super().call_api(params, request, runtime)["body"]
        return {}

    async def call_api_async(self, params: Any, request: Any, runtime: Any) -> dict[str, Any]:
        runtime.body = (await super().call_api_async(params, request, runtime))["body"]
        return {}


class ControlPlane:
    """The control plane of one region, called with one AccessKey."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is sent."""
        self._settings = settings

    @cached_property
    def _client(self) -> Any:
        key, url = self._settings.access_key, urlsplit(self._settings.base_url or "")
        # Not a variable: the text of a `Config` shows the secret.
        return _Client(
            Config(
                access_key_id=key.id.get_secret_value() if key else None,
                access_key_secret=key.secret.get_secret_value() if key else None,
                security_token=key.security_token.get_secret_value() if key and key.security_token else None,
                credential=self._settings.credential,
                region_id=self._settings.region,
                endpoint=url.netloc or None,
                protocol=url.scheme or None,
            )
        )

    def send(self, call: Call) -> Json:
        """Send a call once and return the response's body.

        Raises:
            QwenWorkspaceError: The service refused it, also under HTTP status 200, or was not reached.
        """
        runtime = self._runtime()
        try:
            getattr(self._client, f"{_method(call.operation)}_with_options")(*_arguments(call), {}, runtime)
        except Exception as error:
            raise self._error_for(call, error) from error
        return self._check(call, runtime.body)

    async def asend(self, call: Call) -> Json:
        """Send a call once and return the response's body, like `send`."""
        runtime = self._runtime()
        try:
            await getattr(self._client, f"{_method(call.operation)}_with_options_async")(*_arguments(call), {}, runtime)
        except Exception as error:
            raise self._error_for(call, error) from error
        return self._check(call, runtime.body)

    def _runtime(self) -> _RawResponse:
        timeout = self._settings.timeout
        return _RawResponse(
            read_timeout=round(timeout * 1000), connect_timeout=round(min(timeout, _CONNECT_TIMEOUT) * 1000)
        )

    def _secrets(self) -> list[str]:
        key = self._settings.access_key
        return key.secrets if key else []

    def _host(self) -> str:
        return str(self._settings.base_url or f"modelstudio.{self._settings.region}.aliyuncs.com")

    def _check(self, call: Call, body: Any) -> Json:
        """Return a body that says success: the SDK raises nothing for `"success": false` under HTTP status 200."""
        if not isinstance(body, dict):
            raise invalid_response(call.operation, "a JSON object", body)
        if str(body.get("success")).lower() == "false":
            raise self._refusal(call, body, None)
        return body

    def _error_for(self, call: Call, error: Exception) -> QwenWorkspaceError:
        """Return the error for an exception of the SDK."""
        if isinstance(error, AlibabaCloudException):
            body = error.data if isinstance(error.data, dict) else {}
            failure = self._refusal(call, {"code": error.code, **body}, error.status_code)
            if isinstance(error, ThrottlingException) and error.retry_after is not None:
                failure.retry_after = error.retry_after / 1000
            return failure
        # It holds the request, whose headers have the security token.
        vars(error)["last_request"] = None
        text = mask_secrets(str(error), self._secrets())
        context: dict[str, Any] = {"region": self._settings.region, "workspace_id": call.workspace_id}
        if "parse the value as json" in text or "object has no attribute" in text:
            hint = f"Something in front of {self._host()} answered, such as a proxy: check `region=` and the network."
            message = f"The response of {call.operation} is not a JSON object."
            return InvalidResponseError(f"{message} {text[:200]}", hint=hint, **context)
        if "timed out" in text.lower() or "timeout" in text.lower() or isinstance(error.__cause__, TimeoutError):
            message = f"{self._host()} did not respond to {call.operation} in {self._settings.timeout:g} seconds."
            return APITimeoutError(message, hint="Give a longer `timeout=`.", **context)
        return APIConnectionError(
            f"{self._host()} was not reached for {call.operation}: {text or type(error).__name__}",
            hint="Check the network and `region=`: not every region is known to have a control plane.",
            **context,
        )

    def _refusal(self, call: Call, body: Mapping[str, Any], status: int | None) -> QwenWorkspaceError:
        """Return the error for a body that says why the service refused."""
        code = _text(body, "code", "Code")
        stated = body.get("httpStatusCode")
        status = stated if status is None and isinstance(stated, int) else status
        denied = body.get("AccessDeniedDetail") or body.get("accessDeniedDetail")
        action = denied.get("AuthAction") if isinstance(denied, dict) else None
        error_class, hint = error_class_and_hint(
            code, status, operation=call.operation, region=self._settings.region, action=action
        )
        message = _text(body, "message", "errorMessage", "Message") or "The service gave no reason."
        return error_class(
            mask_secrets(f"{call.operation} was refused: {message}{values.reasons(body)}", self._secrets()),
            code=code,
            status_code=status,
            request_id=_text(body, "requestId", "RequestId"),
            region=self._settings.region,
            workspace_id=call.workspace_id,
            hint=hint,
        )


def _text(body: Mapping[str, Any], *names: str) -> str | None:
    # The service writes "null" where there is nothing (billing, docs of 2026-10-11), the SDK "None".
    found = (str(body[name]) for name in names if body.get(name) not in {None, "", "null", "None"})
    return next(found, None)


def _method(operation: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()


def _arguments(call: Call) -> list[Any]:
    """Return the SDK's arguments for a call: the id in the path, and the request, which two operations do not have."""
    request_class = getattr(models, f"{call.operation}Request", None)
    arguments: list[Any] = [] if call.path_id is None else [call.path_id]
    return arguments if request_class is None else [*arguments, request_class().from_map(dict(call.fields))]


def _mask_headers(record: logging.LogRecord) -> bool:
    record.msg = _SECRET_HEADERS.sub(r"\1**********", str(record.msg))
    return True


logging.getLogger("darabonba-core").addFilter(_mask_headers)
