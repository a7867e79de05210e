"""Carries a plan out, step by step, up to the first failure."""

from langchain_qwen_workspace._admin.flows import Flow
from langchain_qwen_workspace._admin.key_store import Keys, KeyStore, save_function
from langchain_qwen_workspace._admin.plan import Plan, make_plan
from langchain_qwen_workspace._admin.steps import Context, Step
from langchain_qwen_workspace.errors import ConfigurationError, QwenWorkspaceError


def apply_plan(plan: Plan, keys: Keys, region: str) -> Flow[tuple[Step, ...]]:
    """Carry out what of a plan is not done yet, and return the steps that were done.

    Raises:
        ConfigurationError: The plan is stale, or nobody takes its keys; nothing was done.
    """
    has_key = keys.has_key if isinstance(keys, KeyStore) else None
    current, workspaces = yield from make_plan(plan.spec, plan.delete, has_key)
    _check_is_fresh(plan, current)
    if current.gives_keys:
        save_function(keys)
    context = Context(region, {workspace.name: workspace for workspace in workspaces}, keys)
    done: list[Step] = []
    for step in current.steps:
        try:
            yield from step._run(context)  # noqa: SLF001 - part of it that users do not call
        except Exception as error:
            _add_progress(error, step, done, len(current.steps))
            raise
        done.append(step)
    return tuple(done)


def _check_is_fresh(plan: Plan, current: Plan) -> None:
    """Raise if something has to change now that the plan does not have: somebody else changed it since."""
    changed = current.changes - plan.changes
    unplanned = [str(step) for step in current.steps if step.changes & changed]
    if unplanned:
        raise ConfigurationError(
            "The plan is stale: since it was made, something changed that it does not cover; nothing was done. Not in "
            f"the plan: {'; '.join(unplanned)}. Make a new plan and check it."
        )


def _add_progress(error: Exception, failed: Step, done: list[Step], total: int) -> None:
    """Add to an error which steps were done, and which one failed."""
    before = "; ".join(map(str, done)) or "nothing"
    progress = (
        f"Step {len(done) + 1} of {total} failed ({failed}); done before: {before}. Plan and apply again to continue."
    )
    if isinstance(error, QwenWorkspaceError):
        error.hint = f"{error.hint} {progress}" if error.hint else progress
    else:
        error.add_note(progress)
