"""How calls are carried, the same for every LangChain component: protocol, patience, headers, HTTP clients."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from langchain_qwen_workspace._endpoints import Service
from langchain_qwen_workspace._protocols import ProtocolField, transport_for
from langchain_qwen_workspace._types import Transport
from langchain_qwen_workspace.errors import ConfigurationError
from langchain_qwen_workspace.workspace import QwenWorkspace, WorkspaceFields

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise ConfigurationError(
                f"`default_headers` has {name!r}, whose name or value HTTP cannot carry. Expected printable ASCII "
                "without line breaks."
            )
    return headers


def _checked_client(client: Any, info: ValidationInfo) -> Any:
    if client is not None and not (hasattr(client, "build_request") and hasattr(client, "send")):
        raise ConfigurationError(f"`{info.field_name}` is {client!r}. Expected a client of `httpx` or `httpx2`.")
    return client


HTTPClient = Annotated[Any, AfterValidator(_checked_client)]


class ClientFields(WorkspaceFields):
    """The fields by which a component is told its workspace and how to call it."""

    protocol: ProtocolField = "openai"
    """Which wire carries the calls: `"openai"`, the compatible one, or `"dashscope"` (`"native"`)."""

    timeout: float = Field(default=600.0, gt=0)
    """Seconds to wait for the next bytes, on both protocols; the shared hosts cut calls at 600 themselves."""

    max_retries: int = Field(default=2, ge=0)
    """How often a request that failed before its first event is sent again, on both protocols."""

    default_headers: Annotated[Mapping[str, str], AfterValidator(_checked_headers)] | None = Field(
        default=None, exclude=True, repr=False
    )
    """Headers sent with every request beside the SDK's own. Default: none."""

    http_client: HTTPClient = Field(default=None, exclude=True, repr=False)
    """Your own `httpx.Client` or `httpx2.Client`, for a proxy or a certificate; you close it. Default: the SDK's."""

    http_async_client: HTTPClient = Field(default=None, exclude=True, repr=False)
    """The same for asynchronous calls; it belongs to the event loop that first uses it. Default: the SDK's."""

    @model_validator(mode="after")
    def _reaches_its_protocol(self) -> Self:
        self.resolved_workspace().base_url_for(self.protocol)
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return a deep copy; HTTP clients that the user made are shared, since nobody can copy a pool."""
        memo = {} if memo is None else memo
        memo |= {id(client): client for client in (self.http_client, self.http_async_client) if client is not None}
        return super().__deepcopy__(memo)

    def _transport(self, workspace: QwenWorkspace, service: Service = "models") -> Transport:
        return transport_for(
            self.protocol,
            workspace,
            service,
            timeout=self.timeout,
            max_retries=self.max_retries,
            headers=tuple((self.default_headers or {}).items()),
            http_client=self.http_client,
            http_async_client=self.http_async_client,
        )
