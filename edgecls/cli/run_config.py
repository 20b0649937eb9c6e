"""Configuration of `edgecls run`: flags, then EDGECLS_RUN_..., then the table [run] of one TOML file, then defaults."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer

from edgecls.errors import UsageError

PREFIX = "EDGECLS_RUN"
TABLE = "run"
SECRETS = frozenset({"mqtt_password", "webhook_token", "preview_token"})
ADDRESSES = frozenset({"camera", "mqtt", "webhook"})  # which may hold a password
ORIGINS = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment", "DEFAULT_MAP": "file"}
NOT_KEPT = frozenset({"config", "print_config", "help"})


def read_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make the file's values the command's defaults: a callback of --config, called before other options are read.

    Raises UsageError for a file that is no TOML, a table or a key that is unknown.
    """
    if path is not None:
        table = _table(path)
        known = {name for one in ctx.command.params if (name := one.name) is not None} - NOT_KEPT
        values = {key.replace("-", "_"): value for key, value in table.items()}
        unknown = sorted(set(values) - known)
        if unknown:
            expected = ", ".join(sorted(known)).replace("_", "-")
            raise UsageError(f"{path}: unknown key '{unknown[0]}' in [{TABLE}]; expected one of {expected}")
        flags = {one.name for one in ctx.command.params if getattr(one, "is_flag", False)}
        ctx.default_map = {key: _as_text(path, key, value, key in flags) for key, value in values.items()}
    return path


def _table(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: expected a TOML file, found none ({error.strerror}); check the path"
        ) from error
    except ValueError as error:
        raise UsageError(f"{path}: expected TOML, found: {error}; correct it") from error
    unknown = sorted(set(document) - {TABLE})
    table = document.get(TABLE, {})
    if unknown or not isinstance(table, dict):
        raise UsageError(
            f"{path}: expected one table [{TABLE}], found '{(unknown or [TABLE])[0]}'; see --print-config"
        )
    return table


def _as_text(path: Path, key: str, value: Any, is_flag: bool) -> Any:
    """What the command line would have: it takes numbers for text where an option is text, as a camera's is."""
    if isinstance(value, bool) != is_flag or not isinstance(value, bool | int | float | str):
        expected = "true or false" if is_flag else "a text or a number"
        raise UsageError(f"{path}: '{key}' in [{TABLE}] expects {expected}, found {value!r}; correct it")
    return value if is_flag else str(value)


def config_text(ctx: typer.Context) -> str:
    """Every option as it holds now, as a TOML file that says where each came from; secrets are left out."""
    lines = [f"[{TABLE}]"]
    for parameter in ctx.command.params:
        name = parameter.name
        if name is None or name in NOT_KEPT:
            continue
        value, source = ctx.params.get(name), ctx.get_parameter_source(name)
        lines.append(_line(name, value, ORIGINS.get(source.name if source else "", "default")))
    return "\n".join(lines) + "\n"


def _line(name: str, value: Any, origin: str) -> str:
    key = name.replace("_", "-")
    if value is None or value == () or value == []:
        return f"# {key} =  # not set"
    if name in SECRETS:
        return f"# {key} =  # {origin}, not shown"
    if name in ADDRESSES:
        from edgecls.runtime.sources.network import without_password

        try:
            shown = without_password(str(value)).partition("?")[0] if "://" in str(value) else str(value)
        except ValueError:  # no address at all: the run will say so
            shown = "..."
        if shown != str(value):
            return f"# {key} = {_toml(shown)}  # {origin}, with more that is not shown"
    return f"{key} = {_toml(value)}  # {origin}"


def _toml(value: Any) -> str:
    """A value as TOML has it, whose strings and lists are JSON's for what a command line can hold."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(str(value), ensure_ascii=False)
