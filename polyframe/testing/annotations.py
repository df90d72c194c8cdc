"""Whether a hook's annotations say what its specification says.

The rule: an argument's annotation must take whatever the specification gives (the same type, or a
wider one), a return annotation may promise no more than the specification allows (the same type, or
a narrower one: ``list[Veto]`` where it says ``Sequence[Veto] | None``). What is not annotated is
not judged, nor is what only a type checker can know: a Protocol of the plugin's own, and a name
that its module has under ``if TYPE_CHECKING:`` from elsewhere than polyframe.
"""

from __future__ import annotations

import collections.abc
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin

import polyframe
from polyframe import model, views
from polyframe.hooks import Hooks
from polyframe.runtime.signatures import HOOK_ARGUMENTS
from polyframe.testing.checker_names import UNKNOWN, checker_names

# Names that a module often imports for the type checker only.
_KNOWN: dict[str, Any] = {
    **{name: getattr(typing, name) for name in typing.__all__},
    **{name: getattr(collections.abc, name) for name in collections.abc.__all__},
    **vars(views),
    **vars(model),
    **{name: getattr(polyframe, name) for name in polyframe.__all__},
}
_UNREAD = object()
_WORD = re.compile(r"[A-Za-z_]\w*")


def annotation_faults(hook: str, function: Callable[..., Any]) -> Iterator[str]:
    """Yield what is wrong with each annotation of a hook's function."""
    if hook not in HOOK_ARGUMENTS:
        return
    spec = _annotations(getattr(Hooks, hook))
    inner = inspect.unwrap(function)
    for name, found in _annotations(inner).items():
        wanted = spec.get(name)
        if wanted is None or found is UNKNOWN or _has_own_protocol(found):
            continue
        if found is _UNREAD:
            yield (
                f"{hook}: the annotation {inner.__annotations__[name]!r} of {name!r} cannot be "
                "read; import the name at the top of the module, not inside a function"
            )
        elif name == "return":
            if not is_within(found, wanted):
                yield (
                    f"{hook} says it returns {shown(found)}, the hook returns {shown(wanted)}; "
                    "write that, or a part of it"
                )
        elif not is_within(wanted, found):
            yield (
                f"{hook} says {name!r} is {shown(found)}, but it is given {shown(wanted)}; "
                "write that, or leave the annotation out"
            )


def _annotations(function: Any) -> dict[str, Any]:
    module = sys.modules.get(function.__module__)
    scope = {
        **_KNOWN,
        **checker_names(module),
        **(vars(module) if module is not None else {}),
    }
    return {
        name: _read(written, scope)
        for name, written in getattr(function, "__annotations__", {}).items()
    }


def _read(written: Any, scope: Mapping[str, Any]) -> Any:
    if not isinstance(written, str):
        return type(None) if written is None else written
    names = {name for name, meaning in scope.items() if meaning is UNKNOWN}
    if names & set(_WORD.findall(written)):
        return UNKNOWN
    try:
        found = eval(written, dict(scope))
    except Exception:  # noqa: BLE001 - an annotation is an expression of the plugin's
        return _UNREAD
    return type(None) if found is None else found


def _has_own_protocol(annotation: Any) -> bool:
    """Whether a Protocol of the plugin's is in it: what fits that only a type checker can tell."""
    if getattr(annotation, "_is_protocol", False):
        return annotation.__module__.partition(".")[0] not in ("polyframe", "typing")
    return any(_has_own_protocol(part) for part in get_args(annotation))


def is_within(narrow: Any, wide: Any) -> bool:
    """Whether every value of one annotation is a value of the other, as far as this can tell."""
    if Any in (narrow, wide) or wide is object or narrow == wide:
        return True
    if _is_union(narrow):
        return all(is_within(member, wide) for member in get_args(narrow))
    if _is_union(wide):
        return any(is_within(narrow, member) for member in get_args(wide))
    narrow_class, wide_class = get_origin(narrow) or narrow, get_origin(wide) or wide
    if not (isinstance(narrow_class, type) and isinstance(wide_class, type)):
        return False
    if (narrow_class, wide_class) == (int, float):
        return True
    return _is_subclass(narrow_class, wide_class) and _arguments_within(narrow, wide)


def _arguments_within(narrow: Any, wide: Any) -> bool:
    narrow_arguments, wide_arguments = get_args(narrow), get_args(wide)
    if not narrow_arguments or not wide_arguments:
        return True
    if get_origin(narrow) is tuple and get_origin(wide) is not tuple:
        [element] = wide_arguments
        members = [member for member in narrow_arguments if member is not Ellipsis]
        return all(is_within(member, element) for member in members)
    # A mapping's keys are all that a wider container of it holds.
    pairs = zip(narrow_arguments, wide_arguments, strict=False)
    return all(is_within(one, other) for one, other in pairs)


def _is_subclass(narrow: type, wide: type) -> bool:
    try:
        return issubclass(narrow, wide)
    except TypeError:  # a Protocol without a check at run time
        return wide in narrow.__mro__


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (typing.Union, types.UnionType)


def shown(annotation: Any) -> str:
    """Return an annotation as people write it, without module names."""
    if annotation is type(None):
        return "None"
    if _is_union(annotation):
        return " | ".join(shown(member) for member in get_args(annotation))
    arguments = get_args(annotation)
    name = getattr(get_origin(annotation) or annotation, "__name__", str(annotation))
    if not arguments:
        return str(name)
    inner = ", ".join("..." if part is Ellipsis else shown(part) for part in arguments)
    return f"{name}[{inner}]"
