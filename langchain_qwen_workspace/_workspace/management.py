"""What a workspace's own key may read and change of its workspace: permitted models and limits."""

from abc import abstractmethod
from collections.abc import Collection, Mapping

from langchain_qwen_workspace._seam import Destination, Transport
from langchain_qwen_workspace._workspace import permissions
from langchain_qwen_workspace._workspace.keys import SecretKeyModel
from langchain_qwen_workspace._workspace.permissions import ModelLimits, ModelPermission, RateLimit

TIMEOUT = 60.0
TOTAL_TIMEOUT = 600.0
"""Seconds that one page of a list may take with its retries."""

MAX_RETRIES = 2


class ManagedByKey(SecretKeyModel):
    """The operations of a workspace on itself, as far as the service lets its key."""

    @abstractmethod
    def _management(self, *, timeout: float = TIMEOUT, max_retries: int = MAX_RETRIES) -> tuple[Transport, Destination]:
        """Return the transport to the management API, and the destination of its requests."""

    def permitted_models(self) -> list[ModelPermission]:
        """Return the models that the service lets this workspace call, in the service's order.

        Raises:
            QwenWorkspaceError: The service refused, as it may for a sub-workspace's key, or was not reached.
        """
        return permissions.list_permitted_models(*self._management())

    async def apermitted_models(self) -> list[ModelPermission]:
        """Return the models that the service lets this workspace call, like `permitted_models`."""
        return await permissions.alist_permitted_models(*self._management())

    def limits(self, model: str | None = None) -> list[ModelLimits]:
        """Return how fast this workspace may call its models; each row also names the workspace's own id.

        Args:
            model: One model. Default: all.

        Raises:
            QwenWorkspaceError: The service refused, as it may for a sub-workspace's key, or was not reached.
        """
        return permissions.list_limits(*self._management(), model)

    async def alimits(self, model: str | None = None) -> list[ModelLimits]:
        """Return how fast this workspace may call its models, like `limits`."""
        return await permissions.alist_limits(*self._management(), model)

    def grant(self, models: Collection[str]) -> None:
        """Permit this workspace to call models, with its own key.

        The service documents this for Beijing only, and does not say whether the key of a sub-workspace may do it
        (2026-08-20). With an AccessKey, use `langchain_qwen_workspace.admin.WorkspaceAdmin.grant`.

        Args:
            models: The models' names; 20 are sent at a time.

        Raises:
            ConfigurationError: `models` is empty, or is not a list of names; nothing was sent.
            QwenWorkspaceError: The service refused, or was not reached. If only an administrator may do it, the hint
                has the command.
        """
        permissions.grant_models(*self._management(), models)

    async def agrant(self, models: Collection[str]) -> None:
        """Permit this workspace to call models, like `grant`."""
        await permissions.agrant_models(*self._management(), models)

    def set_limits(self, limits: Mapping[str, RateLimit | None]) -> None:
        """Limit how fast this workspace may call models, with its own key; the service may refuse it, as for `grant`.

        Args:
            limits: A `RateLimit` by model. What it does not set stays as it is; `None` removes the workspace's own
                limit.

        Raises:
            ConfigurationError: `limits` is empty, or a limit sets nothing; nothing was sent.
            QwenWorkspaceError: As for `grant`.
        """
        permissions.change_limits(*self._management(), limits)

    async def aset_limits(self, limits: Mapping[str, RateLimit | None]) -> None:
        """Limit how fast this workspace may call models, like `set_limits`."""
        await permissions.achange_limits(*self._management(), limits)
