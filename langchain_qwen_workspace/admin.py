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

    Every method has an asynchronous form, whose name begins with `a`. Reads are sent again after throttling, failures
    of the service and lost connections; what makes a workspace or a key is sent once. What RAM must allow is in the
    guide; an error for a missing right names the action and a policy.

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
            name: The name. One that exists is refused, although the service may take it.
            service_site: The deployment scope, such as `"global"`. Beijing and Singapore have only one, and take none.

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
            InvalidRequestError: The service will not; the message has its reasons, such as keys that are left.
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
            models: The models that the key may call, or `"all"` for all those that the workspace may.
            ip_ranges: The addresses from which it works, as CIDR ranges, or `"anywhere"`. An empty list is refused: the
                service would read it as from anywhere.
            description: A description, for the console.

        Returns:
            The key's id, and the workspace with the key, host and region, ready to use. Its value is told only now.

        Raises:
            NotFoundError: There is no such workspace; no key was made.
        """
        return self._run(operations.create_key(workspace_id, models, ip_ranges, description, self.region))

    async def acreate_key(
        self, workspace_id: str, *, models: Models, ip_ranges: IpRanges = "anywhere", description: str = ""
    ) -> CreatedKey:
        """Create a key of a workspace, like `create_key`."""
        return await self._arun(operations.create_key(workspace_id, models, ip_ranges, description, self.region))

    def disable_key(self, key_id: str | int) -> None:
        """Stop a key from working, until `enable_key`."""
        self._run(operations.disable_key(key_id))

    async def adisable_key(self, key_id: str | int) -> None:
        """Stop a key from working, like `disable_key`."""
        await self._arun(operations.disable_key(key_id))

    def enable_key(self, key_id: str | int) -> None:
        """Let a disabled key work again."""
        self._run(operations.enable_key(key_id))

    async def aenable_key(self, key_id: str | int) -> None:
        """Let a disabled key work again, like `enable_key`."""
        await self._arun(operations.enable_key(key_id))

    def reset_key(self, key_id: str | int) -> CreatedKey:
        """Give a key a new value; the old one stops working at once. For a change without that, see `rotate_key`."""
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
        """Put a new key in the place of a key, without losing a call.

        Makes a key with the same scope, delivers its value, waits, and disables the old key. A `QwenWorkspace` whose
        `api_key` is a callable gets the new key from it: new processes at once, running ones after the first 401. How
        far it is stands in the descriptions of both keys: called again after an interruption, it continues, and makes
        no third key. `delete_retired_keys` deletes old keys later.

        Args:
            key_id: The id of the key to replace.
            grace: How long the old key still works after the new one was delivered. The call takes as long.
            deliver: A function that takes the value of the new key, and puts it where the callable reads it; of
                `arotate_key`, it may be an `async def`. Or a `KeyFile` or another `KeyStore`, which keeps it under the
                workspace's name and the key's name in its file, or the new id. If it raises, the old key stays.
        """
        return self._run(rotation.rotate_key(key_id, grace, deliver, self.region))

    async def arotate_key(self, key_id: str | int, *, grace: timedelta, deliver: Delivery) -> KeyRotation:
        """Put a new key in the place of a key, like `rotate_key`."""
        return await self._arun(rotation.rotate_key(key_id, grace, deliver, self.region))

    def delete_retired_keys(self, workspace_id: str, *, older_than: timedelta) -> list[str]:
        """Delete the keys that `rotate_key` disabled so long ago, and return their ids."""
        return self._run(rotation.delete_retired_keys(workspace_id, older_than))

    async def adelete_retired_keys(self, workspace_id: str, *, older_than: timedelta) -> list[str]:
        """Delete the keys that `rotate_key` disabled so long ago, like `delete_retired_keys`."""
        return await self._arun(rotation.delete_retired_keys(workspace_id, older_than))

    # ----------------------------------------------------------------------------------------- permissions and limits

    def permissions(self, workspace_id: str) -> list[ModelPermission]:
        """Return the models that a workspace may call."""
        return self._run(operations.list_permissions(workspace_id))

    async def apermissions(self, workspace_id: str) -> list[ModelPermission]:
        """Return the models that a workspace may call, like `permissions`."""
        return await self._arun(operations.list_permissions(workspace_id))

    def grant(self, workspace_id: str, models: Sequence[str]) -> None:
        """Permit a workspace to call models. Those that it may call already stay.

        More than 20 models need several requests; if one is refused, the error says which models were granted before.
        """
        self._run(operations.set_permissions(workspace_id, models, inference=True))

    async def agrant(self, workspace_id: str, models: Sequence[str]) -> None:
        """Permit a workspace to call models, like `grant`."""
        await self._arun(operations.set_permissions(workspace_id, models, inference=True))

    def revoke(self, workspace_id: str, models: Sequence[str]) -> None:
        """Forbid a workspace to call models, like `grant` in 20 at a time."""
        self._run(operations.set_permissions(workspace_id, models, inference=False))

    async def arevoke(self, workspace_id: str, models: Sequence[str]) -> None:
        """Forbid a workspace to call models, like `revoke`."""
        await self._arun(operations.set_permissions(workspace_id, models, inference=False))

    def open_to_all(self, workspace_id: str) -> None:
        """Permit a workspace to call all models, also those of the future."""
        self._run(operations.set_access_to_all(workspace_id, is_open=True))

    async def aopen_to_all(self, workspace_id: str) -> None:
        """Permit a workspace to call all models, like `open_to_all`."""
        await self._arun(operations.set_access_to_all(workspace_id, is_open=True))

    def close(self, workspace_id: str) -> None:
        """End `open_to_all`. The service may also forget what was granted before: read `permissions` afterwards."""
        self._run(operations.set_access_to_all(workspace_id, is_open=False))

    async def aclose(self, workspace_id: str) -> None:
        """End `open_to_all`, like `close`."""
        await self._arun(operations.set_access_to_all(workspace_id, is_open=False))

    def limits(self, workspace_id: str) -> list[ModelLimits]:
        """Return how fast a workspace may call its models: the account's limits, and its own if it has some."""
        return self._run(operations.list_limits(workspace_id))

    async def alimits(self, workspace_id: str) -> list[ModelLimits]:
        """Return how fast a workspace may call its models, like `limits`."""
        return await self._arun(operations.list_limits(workspace_id))

    def set_limits(self, workspace_id: str, limits: Mapping[str, RateLimit]) -> None:
        """Limit how fast a workspace may call models.

        Args:
            workspace_id: The workspace's id.
            limits: A `RateLimit` by model. What it does not set stays as it is. The service takes a limit of `usage`
                only for a model that has one of `requests`.
        """
        self._run(operations.set_limits(workspace_id, limits))

    async def aset_limits(self, workspace_id: str, limits: Mapping[str, RateLimit]) -> None:
        """Limit how fast a workspace may call models, like `set_limits`."""
        await self._arun(operations.set_limits(workspace_id, limits))

    def remove_limits(self, workspace_id: str, models: Sequence[str]) -> None:
        """Remove a workspace's own limits of models; the account's stay."""
        self._run(operations.remove_limits(workspace_id, models))

    async def aremove_limits(self, workspace_id: str, models: Sequence[str]) -> None:
        """Remove a workspace's own limits of models, like `remove_limits`."""
        await self._arun(operations.remove_limits(workspace_id, models))

    def catalogue(self) -> Catalogue:
        """Return the service's catalogue of models, like `QwenWorkspace.catalogue`, with an AccessKey.

        It has no prices: here the service names them in words only, which stay in `entries`.
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
            month: The month, such as `"2026-10"`.
            by: How it is split. One dimension: for workspaces and models, read one bill for each workspace.
            workspace: Only what these workspaces cost, by their ids.
            model: Only what calls of these models cost.
            key: Only what calls with these keys cost, by their ids.
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
            granularity: `"day"` or `"month"`.
            by: How each is split.
            workspace: Only what these workspaces cost, by their ids.
            model: Only what calls of these models cost.
            key: Only what calls with these keys cost, by their ids.
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

    # ------------------------------------------------------------------------------------------------ a file of wishes

    def plan(self, spec: Spec | str | Path, *, keys: KeyStore | None = None, delete: Collection[str] = ()) -> Plan:
        """Compare how workspaces should be with how they are. Nothing is changed.

        Args:
            spec: The path of a `workspaces.yaml`, or a `Spec`.
            keys: Where the values of keys are kept, such as a `KeyFile`: a key that is not there will be reset.
                Default: only keys whose value was never delivered will be.
            delete: What to delete, by name: workspaces, and keys as `workspace/key`. Nothing else is deleted, whatever
                the file does not name.

        Raises:
            ConfigurationError: The file is not valid (the line is named), or names on the service are ambiguous.
        """
        return self._run(_plan(spec, keys, delete))

    async def aplan(
        self, spec: Spec | str | Path, *, keys: KeyStore | None = None, delete: Collection[str] = ()
    ) -> Plan:
        """Compare how workspaces should be with how they are, like `plan`."""
        return await self._arun(_plan(spec, keys, delete))

    def apply(self, plan: Plan, *, keys: Keys = None) -> tuple[Step, ...]:
        """Carry out what of a plan is not done yet, and return the steps that were done.

        For each workspace it first takes away and then gives, so that it is never wider open than before or after. It
        stops at the first failure, and the error says what was done. Run again, it continues.

        Args:
            plan: The plan.
            keys: Where the values of new keys go: a `KeyFile`, another `KeyStore`, or a function that takes a
                `DeliveredKey`; of `aapply`, it may be an `async def`.

        Raises:
            ConfigurationError: The plan is stale, or makes keys and `keys` is missing; nothing was done.
        """
        return self._run(apply_plan(plan, keys, self.region))

    async def aapply(self, plan: Plan, *, keys: Keys = None) -> tuple[Step, ...]:
        """Carry out what of a plan is not done yet, like `apply`."""
        return await self._arun(apply_plan(plan, keys, self.region))


def read_spec(path: str | Path) -> Spec:
    """Return how workspaces should be, as a `workspaces.yaml` says.

    Raises:
        ConfigurationError: It cannot be read, or something in it is not known or not valid; the line is named.
    """
    # Imported here: it needs the YAML library, which a plan made in Python does not.
    spec: Spec = import_module("langchain_qwen_workspace._admin.spec_file").read_spec(path)
    return spec


def _plan(spec: Spec | str | Path, keys: KeyStore | None, delete: Collection[str]) -> Flow[Plan]:
    wanted = spec if isinstance(spec, Spec) else read_spec(spec)
    plan, _ = yield from make_plan(wanted, delete, None if keys is None else keys.has_key)
    return plan
