"""The errors edgecls raises, told apart by who must act.

EdgeclsError
 +-- UsageError              the command was used wrongly: exit code 2
 +-- DataError               photos, labels or folders are not as expected
 +-- ModelError              a model, run or bundle is not as expected
 |    +-- GateError          a variant is fine as a file, but too inaccurate to ship
 +-- DeviceError             camera, engine or machine cannot do what was asked
 +-- MissingDependencyError  a package is not installed; names the extra that brings it

Every message says what was expected, what was found and what to do next.
"""

from __future__ import annotations

import importlib
from types import ModuleType


class EdgeclsError(Exception):
    """Base of every error that edgecls raises on purpose."""

    exit_code = 1


class UsageError(EdgeclsError):
    """The command or call was used wrongly."""

    exit_code = 2


class DataError(EdgeclsError):
    """Photos, labels or folders are not as expected."""


class ModelError(EdgeclsError):
    """A model file, run or bundle is not as expected."""


class GateError(ModelError):
    """No variant of a format that was asked for passed the accuracy gate."""


class DeviceError(EdgeclsError):
    """A camera, an engine or the machine cannot do what was asked."""


class MissingDependencyError(EdgeclsError):
    """A package that this step needs is not installed."""


def first_line(error: BaseException) -> str:
    """The first line, at most 200 characters, of what a foreign error says, which may be a page."""
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200]


def need(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra of edgecls brings it.

    Raises MissingDependencyError when the module, or something it imports, is absent.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise MissingDependencyError(
            f"this step needs the package '{missing.split('.')[0]}', which is not installed; "
            f"install it with: pip install 'edgecls[{extra}]'"
        ) from error
