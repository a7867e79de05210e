"""The table of routes: which method of which path is answered by whom."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_qwen_workspace.sandbox._batch_api.batches import Batches
from langchain_qwen_workspace.sandbox._batch_api.files import Files
from langchain_qwen_workspace.sandbox._calls import COMPATIBLE, NATIVE, NATIVE_RERANK, Answer
from langchain_qwen_workspace.sandbox._errors import Refusal
from langchain_qwen_workspace.sandbox._http import management_routes, model_routes

_ID = "{id}"


class Routes:
    """Finds what answers a request.

    Args:
        files: The files that workspaces upload.
        batches: The batches that workspaces run.
    """

    def __init__(self, files: Files, batches: Batches) -> None:
        self._table: Mapping[str, Mapping[str, Answer]] = {
            **{path: {"POST": model_routes.native_chat} for path in model_routes.FAMILIES},
            f"{COMPATIBLE}/chat/completions": {"POST": model_routes.compatible_chat},
            f"{COMPATIBLE}/embeddings": {"POST": model_routes.compatible_embeddings},
            f"{COMPATIBLE}/models": {"GET": model_routes.model_list},
            f"{NATIVE}/embeddings/text-embedding/text-embedding": {"POST": model_routes.native_embeddings},
            f"{NATIVE}/embeddings/multimodal-embedding/multimodal-embedding": {"POST": model_routes.media_embeddings},
            "/compatible-api/v1/reranks": {"POST": model_routes.compatible_rerank},
            NATIVE_RERANK: {"POST": model_routes.native_rerank},
            "/api/v1/models/permissions": {"GET": management_routes.permissions},
            "/api/v1/models/limits": {"GET": management_routes.limits},
            "/api/v1/quotas": {"GET": management_routes.limits},
            f"{COMPATIBLE}/files": {"POST": files.upload},
            f"{COMPATIBLE}/files/{_ID}": {"GET": files.show, "DELETE": files.delete},
            f"{COMPATIBLE}/files/{_ID}/content": {"GET": files.download},
            f"{COMPATIBLE}/batches": {"POST": batches.create, "GET": batches.list},
            f"{COMPATIBLE}/batches/{_ID}": {"GET": batches.show},
            f"{COMPATIBLE}/batches/{_ID}/cancel": {"POST": batches.cancel},
        }

    def find(self, method: str, path: str) -> tuple[Answer, str]:
        """What answers a method of a path, and the id the path names, empty where it names none.

        Args:
            method: The HTTP method.
            path: The path, without the query.

        Returns:
            The answering function and the id.

        Raises:
            Refusal: If there is no such path, or it has no such method.
        """
        object_id = ""
        methods = self._table.get(path)
        if methods is None:
            methods, object_id = self._find_with_id(path)
        if method not in methods:
            raise Refusal(f"Request method '{method}' is not supported.", with_id=False)
        return methods[method], object_id

    def _find_with_id(self, path: str) -> tuple[Mapping[str, Answer], str]:
        """The methods of a path with one segment read as an id."""
        segments = path.split("/")
        for position, segment in enumerate(segments):
            template = "/".join([*segments[:position], _ID, *segments[position + 1 :]])
            if segment and template in self._table:
                return self._table[template], segment
        raise Refusal(code="NotFound", with_id=False)
