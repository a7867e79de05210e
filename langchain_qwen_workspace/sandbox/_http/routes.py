"""The routes of the sandbox: which handler answers a method of a path."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from langchain_qwen_workspace.sandbox._admin.account import Account
from langchain_qwen_workspace.sandbox._batch_api.batches import Batches
from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._calls import Handler, Routes
from langchain_qwen_workspace.sandbox._chat.responses import Responses
from langchain_qwen_workspace.sandbox._chat.responses_conversations import Conversations
from langchain_qwen_workspace.sandbox._errors import Refusal
from langchain_qwen_workspace.sandbox._http import management_routes
from langchain_qwen_workspace.sandbox._http.permission_routes import WorkspaceAdministration
from langchain_qwen_workspace.sandbox._http.protocols import PROTOCOLS

_ID = "{id}"


class Router:
    """Finds the handler of a request.

    Args:
        files: The files of the workspaces.
        batches: The batches of the workspaces.
        responses: The responses of the workspaces.
        account: The workspaces, with their permissions and limits.
    """

    def __init__(self, files: Files, batches: Batches, responses: Responses, account: Account) -> None:
        self._routes: Routes = {
            **{path: methods for protocol in PROTOCOLS.values() for path, methods in protocol.routes.items()},
            **_batch_api_routes("/compatible-mode/v1", files, batches),
            **_responses_routes("/compatible-mode/v1", responses),
            **_permission_routes("/api/v1", WorkspaceAdministration(account)),
        }

    def find(self, method: str, path: str) -> tuple[Handler, str]:
        """Return the handler of a method of a path, and the id in the path: empty if there is none, `a/b` for two.

        Args:
            method: The HTTP method.
            path: The path, without the query.

        Returns:
            The handler and the id.

        Raises:
            Refusal: If no route has the path, or the path does not have the method.
        """
        object_id = ""
        methods = self._routes.get(path)
        if methods is None:
            methods, object_id = self._find_with_id(path)
        if method not in methods:
            raise Refusal(f"Request method '{method}' is not supported.", with_id=False)
        return methods[method], object_id

    def _find_with_id(self, path: str) -> tuple[Mapping[str, Handler], str]:
        """Return the methods of a path with one or two segments read as ids, and the ids."""
        segments = path.split("/")
        named = [position for position, segment in enumerate(segments) if segment]
        for number in (1, 2):
            for positions in itertools.combinations(named, number):
                template = "/".join(_ID if at in positions else segment for at, segment in enumerate(segments))
                if template in self._routes:
                    return self._routes[template], "/".join(segments[at] for at in positions)
        raise Refusal(code="NotFound", with_id=False)


def _batch_api_routes(prefix: str, files: Files, batches: Batches) -> Routes:
    return {
        f"{prefix}/files": {"POST": files.upload, "GET": files.list},
        f"{prefix}/files/{_ID}": {"GET": files.show, "DELETE": files.delete},
        f"{prefix}/files/{_ID}/content": {"GET": files.download},
        f"{prefix}/batches": {"POST": batches.create, "GET": batches.list},
        f"{prefix}/batches/{_ID}": {"GET": batches.show},
        f"{prefix}/batches/{_ID}/cancel": {"POST": batches.cancel},
    }


def _responses_routes(prefix: str, responses: Responses) -> Routes:
    conversations = Conversations(responses)
    one = f"{prefix}/conversations/{_ID}"
    return {
        f"{prefix}/responses": {"POST": responses.create},
        f"{prefix}/responses/{_ID}": {"GET": responses.show, "DELETE": responses.delete},
        f"{prefix}/responses/{_ID}/input_items": {"GET": responses.list_input_items},
        f"{prefix}/conversations": {"POST": conversations.create},
        one: {"GET": conversations.show, "POST": conversations.update, "DELETE": conversations.delete},
        f"{one}/items": {"POST": conversations.add_items, "GET": conversations.list_items},
        f"{one}/items/{_ID}": {"GET": conversations.show_item, "DELETE": conversations.delete_item},
    }


def _permission_routes(prefix: str, administration: WorkspaceAdministration) -> Routes:
    return {
        f"{prefix}/models/permissions": {
            "GET": management_routes.list_permissions,
            "POST": administration.update_permissions,
        },
        f"{prefix}/models/limits": {"GET": administration.list_limits, "POST": administration.update_limits},
        f"{prefix}/quotas": {"GET": administration.list_limits},
    }
