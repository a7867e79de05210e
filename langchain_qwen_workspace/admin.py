"""Administration: workspaces, their keys, permissions and limits, and the bill, with an AccessKey (extra `admin`).

Needs `pip install 'langchain-qwen-workspace[admin]'`: Alibaba Cloud's official SDK signs and sends the requests.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

from langchain_qwen_workspace._admin import billing, operations, rotation
from langchain_qwen_workspace._admin.apply import apply_plan
from langchain_qwen_workspace._admin.billing import Bill, BillPeriod, BillRow, BillTrend, Dimension, Granularity
from langchain_qwen_workspace._admin.connection import AdminConnection
from langchain_qwen_workspace._admin.flows import Flow
from langchain_qwen_workspace._admin.key_store import DeliveredKey, KeyFile, Keys, KeyStore
from langchain_qwen_workspace._admin.plan import Plan, make_plan
from langchain_qwen_workspace._admin.rotation import Delivery, KeyRotation
from langchain_qwen_workspace._admin.spec import KeySpec, LimitSpec, Spec, WorkspaceSpec
from langchain_qwen_workspace._admin.steps import Step
from langchain_qwen_workspace._admin.values import CreatedKey, IpRanges, KeyInfo, KeyScope, Models, WorkspaceInfo
from langchain_qwen_workspace._workspace.catalogue import Catalogue
from langchain_qwen_workspace._workspace.permissions import ModelLimits, ModelPermission, RateLimit

__all__ = [
    "Bill",
    "BillPeriod",
    "BillRow",
    "BillTrend",
    "CreatedKey",
    "DeliveredKey",
    "KeyFile",
    "KeyInfo",
    "KeyRotation",
    "KeyScope",
    "KeySpec",
    "KeyStore",
    "LimitSpec",
    "ModelLimits",
    "ModelPermission",
    "Plan",
    "RateLimit",
    "Spec",
    "Step",
    "WorkspaceAdmin",
    "WorkspaceInfo",
    "WorkspaceSpec",
    "read_spec",
]


class WorkspaceAdmin(AdminConnection):
    """The workspaces of an account in one region, administered with an AccessKey of RAM.

    Every method has an asynchronous form, whose name begins with `a`. Requests that read are retried after throttling,
    failures of the service and lost connections; requests that create a workspace or a key are sent once. The guide to
    administration lists the RAM actions that each method needs; the error for a missing one names it, with a policy.

    Example:
        ```python
        from langchain_qwen_workspace.admin import WorkspaceAdmin

        admin = WorkspaceAdmin(region="singapore")  # AccessKey from the environment
        team = admin.create_workspace("team-a")
        admin.grant(team.id, ["qwen-plus"])
        key = admin.create_key(team.id, models=["qwen-plus"])  # key.workspace is a `QwenWorkspace`
        ```
    """

    # ------------------------------------------------------------------------------------------------------ workspaces

    def workspaces(self) -> list[WorkspaceInfo]:
        """Return the workspaces of the region."""
        return self._run(operations.list_workspaces())

    async def aworkspaces(self) -> list[WorkspaceInfo]:
        """Return the workspaces of the region, like `workspaces`."""
        return await self._arun(operations.list_workspaces())

    def create_workspace(self, name: str, *, service_site: str | None = None) -> WorkspaceInfo:
        """Create a workspace; it may call no model until some are granted.

        Args:
            name: The name. One that exists is refused here, although the service may accept it.
            service_site: The deployment scope, such as `"global"`. Default: the service's. Beijing and Singapore have
                only one, and accept no value.

        Raises:
            ConfigurationError: A workspace has the name already.
        """
        return self._run(operations.create_workspace(name, service_site))

    async def acreate_workspace(self, name: str, *, service_site: str | None = None) -> WorkspaceInfo:
        """Create a workspace, like `create_workspace`."""
        return await self._arun(operations.create_workspace(name, service_site))

    def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace.

        Raises:
            InvalidRequestError: The service refused; the message has its reasons, such as keys that still exist.
        """
        self._run(operations.delete_workspace(workspace_id))

    async def adelete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace, like `delete_workspace`."""
        await self._arun(operations.delete_workspace(workspace_id))

    # ------------------------------------------------------------------------------------------------------------ keys

    def keys(self, workspace_id: str) -> list[KeyInfo]:
        """Return the keys of a workspace, without their values."""
        return self._run(operations.list_keys(workspace_id))

    async def akeys(self, workspace_id: str) -> list[KeyInfo]:
        """Return the keys of a workspace, like `keys`."""
        return await self._arun(operations.list_keys(workspace_id))

    def create_key(
        self, workspace_id: str, *, models: Models, ip_ranges: IpRanges = "anywhere", description: str = ""
    ) -> CreatedKey:
        """Create a key of a workspace.

        Args:
            workspace_id: The workspace's id.
            models: The models that the key may call, or `"all"` for all those that the workspace may call.
            ip_ranges: The addresses from which it works, as CIDR ranges, or `"anywhere"` (default). An empty list is
                refused: the service would read it as anywhere.
            description: A description, which the console shows. Default: none.

        Returns:
            The key's id, and the workspace with the key, host and region, ready to use. The service returns the key's
            value only this once.

        Raises:
            ConfigurationError: `models` or `ip_ranges` is empty, or has something that is not valid.
            NotFoundError: There is no such workspace; no key was created.
        """
        return self._run(operations.create_key(workspace_id, models, ip_ranges, description, self.region))

    async def acreate_key(
        self, workspace_id: str, *, models: Models, ip_ranges: IpRanges = "anywhere", description: str = ""
    ) -> CreatedKey:
        """Create a key of a workspace, like `create_key`."""
        return await self._arun(operations.create_key(workspace_id, models, ip_ranges, description, self.region))

    def disable_key(self, key_id: str | int) -> None:
        """Disable a key, until `enable_key` is called."""
        self._run(operations.disable_key(key_id))

    async def adisable_key(self, key_id: str | int) -> None:
        """Disable a key, like `disable_key`."""
        await self._arun(operations.disable_key(key_id))

    def enable_key(self, key_id: str | int) -> None:
        """Enable a disabled key."""
        self._run(operations.enable_key(key_id))

    async def aenable_key(self, key_id: str | int) -> None:
        """Enable a disabled key, like `enable_key`."""
        await self._arun(operations.enable_key(key_id))

    def reset_key(self, key_id: str | int) -> CreatedKey:
        """Give a key a new value; the old one stops working at once. To change it without that, use `rotate_key`."""
        return self._run(operations.reset_key(key_id, self.region))

    async def areset_key(self, key_id: str | int) -> CreatedKey:
        """Give a key a new value, like `reset_key`."""
        return await self._arun(operations.reset_key(key_id, self.region))

    def delete_key(self, key_id: str | int) -> None:
        """Delete a key for good."""
        self._run(operations.delete_key(key_id))

    async def adelete_key(self, key_id: str | int) -> None:
        """Delete a key for good, like `delete_key`."""
        await self._arun(operations.delete_key(key_id))

    def rotate_key(self, key_id: str | int, *, grace: timedelta, deliver: Delivery) -> KeyRotation:
        """Replace a key with a new one, without losing a call.

        It creates a key with the same scope, delivers its value, waits, and disables the old key. A `QwenWorkspace`
        whose `api_key` is a callable gets the new key from it: new processes at once, running ones after the first
        HTTP 401. The descriptions of both keys record the progress: called again after an interruption, the method
        continues, and creates no third key. `delete_retired_keys` deletes old keys later.

        Args:
            key_id: The id of the key to replace.
            grace: How long the old key still works after the new one was delivered; the method waits that long.
            deliver: A function that takes the value of the new key, a `SecretStr`, and stores it where the callable
                reads it; for `arotate_key` it may be an `async def`. Or a `KeyFile` or another `KeyStore`, which stores
                it by the workspace's name, and by the key's name in its file or else its new id. If it raises an error,
                the old key keeps working.

        Raises:
            ConfigurationError: `grace` is negative, or the key is disabled or has a scope that is not known.
        """
        return self._run(rotation.rotate_key(key_id, grace, deliver, self.region))

    async def arotate_key(self, key_id: str | int, *, grace: timedelta, deliver: Delivery) -> KeyRotation:
        """Replace a key with a new one, like `rotate_key`."""
        return await self._arun(rotation.rotate_key(key_id, grace, deliver, self.region))

    def delete_retired_keys(self, workspace_id: str, *, older_than: timedelta) -> list[str]:
        """Delete the keys that `rotate_key` disabled at least `older_than` ago, and return their ids."""
        return self._run(rotation.delete_retired_keys(workspace_id, older_than))

    async def adelete_retired_keys(self, workspace_id: str, *, older_than: timedelta) -> list[str]:
        """Delete the keys that `rotate_key` disabled at least `older_than` ago, like `delete_retired_keys`."""
        return await self._arun(rotation.delete_retired_keys(workspace_id, older_than))

    # ----------------------------------------------------------------------------------------- permissions and limits

    def permissions(self, workspace_id: str) -> list[ModelPermission]:
        """Return the models that a workspace may call."""
        return self._run(operations.list_permissions(workspace_id))

    async def apermissions(self, workspace_id: str) -> list[ModelPermission]:
        """Return the models that a workspace may call, like `permissions`."""
        return await self._arun(operations.list_permissions(workspace_id))

    def grant(self, workspace_id: str, models: Sequence[str]) -> None:
        """Permit a workspace to call models, in addition to those that it may call already.

        More than 20 models need several requests; if one is refused, the error says which models were granted before.
        """
        self._run(operations.set_permissions(workspace_id, models, inference=True))

    async def agrant(self, workspace_id: str, models: Sequence[str]) -> None:
        """Permit a workspace to call models, like `grant`."""
        await self._arun(operations.set_permissions(workspace_id, models, inference=True))

    def revoke(self, workspace_id: str, models: Sequence[str]) -> None:
        """Forbid a workspace to call models. Like `grant`, it sends 20 at a time."""
        self._run(operations.set_permissions(workspace_id, models, inference=False))

    async def arevoke(self, workspace_id: str, models: Sequence[str]) -> None:
        """Forbid a workspace to call models, like `revoke`."""
        await self._arun(operations.set_permissions(workspace_id, models, inference=False))

    def open_to_all(self, workspace_id: str) -> None:
        """Permit a workspace to call all models, including future ones."""
        self._run(operations.set_access_to_all(workspace_id, is_open=True))

    async def aopen_to_all(self, workspace_id: str) -> None:
        """Permit a workspace to call all models, like `open_to_all`."""
        await self._arun(operations.set_access_to_all(workspace_id, is_open=True))

    def close(self, workspace_id: str) -> None:
        """End `open_to_all`. The service may also drop what was granted before: read `permissions` afterwards."""
        self._run(operations.set_access_to_all(workspace_id, is_open=False))

    async def aclose(self, workspace_id: str) -> None:
        """End `open_to_all`, like `close`."""
        await self._arun(operations.set_access_to_all(workspace_id, is_open=False))

    def limits(self, workspace_id: str) -> list[ModelLimits]:
        """Return how fast a workspace may call its models: the account's limits, and the workspace's own, if any."""
        return self._run(operations.list_limits(workspace_id))

    async def alimits(self, workspace_id: str) -> list[ModelLimits]:
        """Return how fast a workspace may call its models, like `limits`."""
        return await self._arun(operations.list_limits(workspace_id))

    def set_limits(self, workspace_id: str, limits: Mapping[str, RateLimit]) -> None:
        """Limit how fast a workspace may call models.

        Args:
            workspace_id: The workspace's id.
            limits: A `RateLimit` by model. What it does not set stays as it is. The service accepts a limit of `usage`
                only for a model that has one of `requests`.
        """
        self._run(operations.set_limits(workspace_id, limits))

    async def aset_limits(self, workspace_id: str, limits: Mapping[str, RateLimit]) -> None:
        """Limit how fast a workspace may call models, like `set_limits`."""
        await self._arun(operations.set_limits(workspace_id, limits))

    def remove_limits(self, workspace_id: str, models: Sequence[str]) -> None:
        """Remove a workspace's own limits of models; the account's limits still apply."""
        self._run(operations.remove_limits(workspace_id, models))

    async def aremove_limits(self, workspace_id: str, models: Sequence[str]) -> None:
        """Remove a workspace's own limits of models, like `remove_limits`."""
        await self._arun(operations.remove_limits(workspace_id, models))

    def catalogue(self) -> Catalogue:
        """Return the service's catalogue of models, like `QwenWorkspace.catalogue`, with an AccessKey.

        It has no prices: this operation of the service returns them only as text, which is in `entries`.
        """
        return self._run(operations.read_catalogue(self.region))

    async def acatalogue(self) -> Catalogue:
        """Return the service's catalogue of models, like `catalogue`."""
        return await self._arun(operations.read_catalogue(self.region))

    # ------------------------------------------------------------------------------------------------------------ bill

    def bill(
        self,
        month: str | date,
        by: Dimension = "workspace",
        *,
        workspace: str | Sequence[str] | None = None,
        model: str | Sequence[str] | None = None,
        key: str | Sequence[str] | None = None,
    ) -> Bill:
        """Return the bill of a month, which may lag behind the calls.

        Args:
            month: The month, such as `"2026-10"`, or a day in it.
            by: The dimension by which it is split: `"workspace"` (default), `"model"`, `"key"`, `"kind"`, `"fee"`,
                `"charge"`, `"region"`, `"site"` or `"article"`. For two, read the bill of each workspace by the other.
            workspace: The ids of the workspaces whose costs are included. Default: all.
            model: The models whose costs are included. Default: all.
            key: The ids of the keys whose costs are included. Default: all.
        """
        return self._run(billing.get_bill(month, by, {"workspace": workspace, "model": model, "key": key}))

    async def abill(
        self,
        month: str | date,
        by: Dimension = "workspace",
        *,
        workspace: str | Sequence[str] | None = None,
        model: str | Sequence[str] | None = None,
        key: str | Sequence[str] | None = None,
    ) -> Bill:
        """Return the bill of a month, like `bill`."""
        return await self._arun(billing.get_bill(month, by, {"workspace": workspace, "model": model, "key": key}))

    def bill_trend(
        self,
        start: date,
        end: date,
        *,
        granularity: Granularity = "day",
        by: Dimension = "workspace",
        workspace: str | Sequence[str] | None = None,
        model: str | Sequence[str] | None = None,
        key: str | Sequence[str] | None = None,
    ) -> BillTrend:
        """Return the bills of successive days or months.

        Args:
            start: The first day.
            end: The last day.
            granularity: `"day"` (default) or `"month"`.
            by: The dimension by which each is split, as for `bill`. Default: `"workspace"`.
            workspace: The ids of the workspaces whose costs are included. Default: all.
            model: The models whose costs are included. Default: all.
            key: The ids of the keys whose costs are included. Default: all.
        """
        filters: dict[Dimension, str | Sequence[str] | None] = {"workspace": workspace, "model": model, "key": key}
        return self._run(billing.get_bill_trend(start, end, granularity, by, filters))

    async def abill_trend(
        self,
        start: date,
        end: date,
        *,
        granularity: Granularity = "day",
        by: Dimension = "workspace",
        workspace: str | Sequence[str] | None = None,
        model: str | Sequence[str] | None = None,
        key: str | Sequence[str] | None = None,
    ) -> BillTrend:
        """Return the bills of successive days or months, like `bill_trend`."""
        filters: dict[Dimension, str | Sequence[str] | None] = {"workspace": workspace, "model": model, "key": key}
        return await self._arun(billing.get_bill_trend(start, end, granularity, by, filters))

    # -------------------------------------------------------------------------------------------------- specifications

    def plan(self, spec: Spec | str | Path, *, keys: KeyStore | None = None, delete: Collection[str] = ()) -> Plan:
        """Return the plan that makes workspaces as a file specifies them. Nothing is changed.

        Args:
            spec: The path of a `workspaces.yaml`, or a `Spec`.
            keys: The store of the keys' values, such as a `KeyFile`: the plan resets keys whose value it does not have.
                Default: it resets only keys whose value was never delivered.
            delete: The names of what is to be deleted: workspaces, and keys as `workspace/key`. Nothing else is
                deleted, even if the file does not name it.

        Raises:
            ConfigurationError: The file is not valid (the error names the line), or several workspaces have one name.
        """
        return self._run(_plan(spec, keys, delete))

    async def aplan(
        self, spec: Spec | str | Path, *, keys: KeyStore | None = None, delete: Collection[str] = ()
    ) -> Plan:
        """Return the plan that makes workspaces as a file specifies them, like `plan`."""
        return await self._arun(_plan(spec, keys, delete))

    def apply(self, plan: Plan, *, keys: Keys = None) -> tuple[Step, ...]:
        """Apply the steps of a plan that are not done yet, and return the steps that were done.

        For each workspace, the steps that restrict it come before those that permit more, so that meanwhile it is never
        more open than before and after. It stops at the first failure, and the error says what was done. Called again,
        it continues.

        Args:
            plan: The plan.
            keys: The store for the values of new keys: a `KeyFile`, another `KeyStore`, or a function that takes a
                `DeliveredKey`; for `aapply` it may be an `async def`. Default: none, for a plan without new keys.

        Raises:
            ConfigurationError: The plan is stale, or creates keys and `keys` is missing; nothing was done.
        """
        return self._run(apply_plan(plan, keys, self.region))

    async def aapply(self, plan: Plan, *, keys: Keys = None) -> tuple[Step, ...]:
        """Apply the steps of a plan that are not done yet, like `apply`."""
        return await self._arun(apply_plan(plan, keys, self.region))


def read_spec(path: str | Path) -> Spec:
    """Return the specification in a `workspaces.yaml`.

    Raises:
        ConfigurationError: It cannot be read, or something in it is unknown or not valid; the error names the line.
    """
    # Imported here: it needs the YAML library, which a plan made in Python does not.
    spec: Spec = import_module("langchain_qwen_workspace._admin.spec_file").read_spec(path)
    return spec


def _plan(spec: Spec | str | Path, keys: KeyStore | None, delete: Collection[str]) -> Flow[Plan]:
    wanted = spec if isinstance(spec, Spec) else read_spec(spec)
    plan, _ = yield from make_plan(wanted, delete, None if keys is None else keys.has_key)
    return plan
