"""Makes pydantic classes of typed dicts that refer to themselves, which LangChain cannot convert."""

import inspect
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, ForwardRef, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field, create_model


def model_of_recursive(typed_dict: Any) -> type[BaseModel] | None:
    """Return a pydantic class with the schema of a recursive typed dict; `None` if the typed dict is not recursive."""
    try:
        if not _is_recursive(typed_dict, ()):
            return None
    except NameError:
        # It names what is not to be found from here, for which LangChain has an error.
        return None
    models = _Models()
    models.reference_to(typed_dict)
    return models.build()[typed_dict]


def is_typed_dict(given: Any) -> bool:
    """Return whether something is a typed dict, of `typing` or of `typing_extensions`."""
    return isinstance(given, type) and issubclass(given, dict) and hasattr(given, "__required_keys__")


def _is_recursive(typed_dict: Any, path: tuple[Any, ...]) -> bool:
    if typed_dict in path:
        return True
    inner = (each for hint in _hints(typed_dict).values() for each in _typed_dicts_in(hint))
    return any(_is_recursive(each, (*path, typed_dict)) for each in inner)


def _hints(typed_dict: Any) -> Mapping[str, Any]:
    # A typed dict within a function can name itself only if it is said what its name stands for.
    return get_type_hints(typed_dict, localns={typed_dict.__name__: typed_dict}, include_extras=True)


def _typed_dicts_in(hint: Any) -> Iterator[Any]:
    if is_typed_dict(hint):
        yield hint
    for argument in get_args(hint):
        yield from _typed_dicts_in(argument)


class _Models:
    """The pydantic classes of several typed dicts, which refer to each other by names until all are built."""

    def __init__(self) -> None:
        """Start without a class."""
        self._names: dict[Any, str] = {}
        self._models: dict[Any, type[BaseModel]] = {}

    def reference_to(self, typed_dict: Any) -> ForwardRef:
        """Create the class of a typed dict, unless it was begun before, and return a reference to it."""
        if typed_dict not in self._names:
            self._names[typed_dict] = f"_{len(self._names)}"
            fields: dict[str, Any] = {
                name: self._field(hint, is_required=name in typed_dict.__required_keys__)
                for name, hint in _hints(typed_dict).items()
            }
            doc = inspect.cleandoc(typed_dict.__doc__ or "") or None
            self._models[typed_dict] = create_model(typed_dict.__name__, __doc__=doc, **fields)
        return ForwardRef(self._names[typed_dict])

    def build(self) -> Mapping[Any, type[BaseModel]]:
        """Put the classes in place of the references, and return them by their typed dicts."""
        namespace = {self._names[typed_dict]: model for typed_dict, model in self._models.items()}
        for model in self._models.values():
            model.model_rebuild(_types_namespace=namespace)
        return self._models

    def _field(self, hint: Any, *, is_required: bool) -> tuple[Any, Any]:
        """Return a field's type and settings. As in LangChain, `Annotated` has the default and the description."""
        while (origin := get_origin(hint)) in {Required, NotRequired}:
            is_required, (hint,) = origin is Required, get_args(hint)
        default: Any = ...
        settings: dict[str, Any] = {}
        if origin is Annotated:
            hint, default, *others = get_args(hint)
            settings = {"description": others[0]} if others else {}
        if default is not ...:
            settings["default"] = default
        elif not is_required:
            # A factory is not written into the schema.
            settings["default_factory"] = lambda: None
        return self._replace(hint), Field(**settings)

    def _replace(self, hint: Any) -> Any:
        """Return a type with references in place of the typed dicts in it."""
        if is_typed_dict(hint):
            return self.reference_to(hint)
        if not any(True for _ in _typed_dicts_in(hint)):
            return hint
        arguments = tuple(map(self._replace, get_args(hint)))
        origin: Any = get_origin(hint)
        return Union[arguments] if origin is UnionType else origin[arguments]  # noqa: UP007 - the types are known only here
