"""Where something happened, as a plugin's author looks for it: in a file of the plugin's own."""

from __future__ import annotations

import os
import sys
from pathlib import PurePath
from types import FrameType

_LIBRARY = os.path.dirname(os.__file__)
_IMPORTING = "<frozen importlib"


def home_of(kind: object) -> str:
    """Return what the names of a plugin's files begin with; "" when it has none."""
    name = getattr(kind, "__module__", "")
    file = getattr(sys.modules.get(name), "__file__", None)
    return home_in(name, file) if file else ""


def home_in(module: str, file: str) -> str:
    """Return the folder of the module's package, with a separator, or the module's one file."""
    package, folder = module.partition(".")[0], os.path.dirname(file)
    while os.path.basename(folder) != package and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    is_package = os.path.exists(os.path.join(folder, "__init__.py"))
    return folder + os.sep if is_package else file


def is_own(file: str, home: str) -> bool:
    """Whether a file is the plugin's."""
    return bool(home) and file.startswith(home)


def is_library(file: str) -> bool:
    """Whether a file is the standard library's, or no file at all."""
    return file.startswith("<") or (file.startswith(_LIBRARY) and "site-packages" not in file)


def is_importing(frame: FrameType | None) -> bool:
    """Whether a frame runs because a module is being imported."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTING):
            return True
        frame = frame.f_back
    return False


def culprit(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame that is not the standard library's.

    None when a module is imported in between: what that does is the module's own business.
    """
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_IMPORTING):
            return None
        if not is_library(file):
            return frame
        frame = frame.f_back
    return None


def own_or_innermost(frame: FrameType | None, home: str) -> FrameType | None:
    """Return the plugin's innermost frame; without one, the innermost that is no library's."""
    here = frame
    while here is not None:
        if is_own(here.f_code.co_filename, home):
            return here
        here = here.f_back
    return culprit(frame)


def shown(file: str, line: int | None) -> str:
    """Return ``folder/file.py:12``: many packages have an ``__init__.py``."""
    return f"{'/'.join(PurePath(file).parts[-2:])}:{line}"


def place_of(error: BaseException, home: str) -> str:
    """Return where an error arose: the innermost line of the plugin's, or of anyone's."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    own = [place for place in places if is_own(place[0], home)]
    return shown(*(own or places)[-1]) if places else ""
