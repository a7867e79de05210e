"""The checks by the names that `data/beliefs.json` gives them."""

from collections.abc import Mapping

from langchain_qwen_workspace._verify import checks_access, checks_admin, checks_chat, checks_other
from langchain_qwen_workspace._verify.observation import Check

CHECKS: Mapping[str, Check] = {
    "response": checks_access.check_response,
    "unpermitted_model": checks_access.check_unpermitted_model,
    "throttled_model": checks_access.check_throttled_model,
    "wrong_key": checks_access.check_wrong_key,
    "limits_of_key": checks_access.check_limits_of_key,
    "finish_reasons": checks_chat.check_finish_reasons,
    "increments": checks_chat.check_increments,
    "cumulative_texts": checks_chat.check_cumulative_texts,
    "usage_in_last_event": checks_chat.check_usage_in_last_event,
    "usage_in_every_event": checks_chat.check_usage_in_every_event,
    "tool_calls": checks_chat.check_tool_calls,
    "fragment_ids": checks_chat.check_fragment_ids,
    "search_results": checks_chat.check_search_results,
    "json_answer": checks_chat.check_json_answer,
    "normalized_vector": checks_other.check_vector_length,
    "unnormalized_vector": checks_other.check_vector_not_normalized,
    "ranking": checks_other.check_ranking,
    "batch": checks_other.check_batch,
    "admin_workspaces": checks_admin.check_workspaces,
    "admin_masked_keys": checks_admin.check_masked_keys,
    "admin_limits": checks_admin.check_limits,
    "admin_permissions": checks_admin.check_permissions,
}
