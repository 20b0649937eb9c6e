"""`edgecls service`: writes, shows and removes the systemd unit that runs a bundle from boot on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from edgecls.cli.console import say
from edgecls.errors import EdgeclsError, UsageError


class Action(str, Enum):
    """What to do with the unit."""

    install = "install"
    show = "show"
    remove = "remove"


@dataclass(frozen=True)
class Run:
    """`edgecls run` as a service calls it: `read` is what it reads, `written` what it writes by an absolute path."""

    arguments: tuple[str, ...]
    read: tuple[Path, ...]
    written: tuple[Path, ...]


def command(
    action: Annotated[Action, typer.Argument(help="What to do.", show_default=False)],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BUNDLE] [-- OPTIONS]",
            help="install: the bundle, by default the newest; after -- the options of edgecls run.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="The service's name.")] = "edgecls",
    config: Annotated[Path | None, typer.Option(help="install: a TOML file for edgecls run.")] = None,
    system: Annotated[
        bool | None,
        typer.Option(
            "--system/--user",
            help="Of the system, from boot on (needs root), or of this user; by default the system's for root.",
            show_default=False,
        ),
    ] = None,
    unit_dir: Annotated[
        Path | None,
        typer.Option(help="Where units lie, if not in /etc/systemd/system or ~/.config/systemd/user."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="install: replace a unit that edgecls wrote.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="install: print the unit and write nothing.")
    ] = False,
) -> None:
    """Write the unit that runs a bundle from boot on, show it, or remove it; systemctl is left to you.

    A service waits for its camera, is started anew when results stop for two minutes, and may write below its own
    folder only, /var/lib/edgecls/NAME. Example: edgecls service install mybundle -- --camera 0 --jsonl results.jsonl
    """
    from edgecls.runtime.service import FOLDERS, read_unit, unit_path

    scope = "system" if (os.geteuid() == 0 if system is None else system) else "user"
    path = unit_path(name, scope, unit_dir)
    if action is Action.install:
        writes_system = path.parent == FOLDERS["system"] and not dry_run
        if writes_system and os.geteuid() != 0:
            raise EdgeclsError(
                f"{path}: expected to be root, found another user; call it with sudo, or add --user"
            )
        _install(path, scope, _read_run(words or [], config), name=name, force=force, dry_run=dry_run)
    elif words or config or force or dry_run:
        raise UsageError(
            f"service {action.value} takes --name, --system or --user, and --unit-dir; leave the rest out"
        )
    elif action is Action.show:
        typer.echo(read_unit(path), nl=False)
    else:
        _remove(path, scope)


def _install(path: Path, scope: str, run: Run, *, name: str, force: bool, dry_run: bool) -> None:
    from edgecls.runtime.service import L4T_RELEASE, Service, write_unit
    from edgecls.runtime.service_account import installed_command

    account = _account(run) if scope == "system" else None
    if scope == "system":
        _say_closed(run.written, name)
    words = (*installed_command(), "run", *run.arguments)
    service = Service(name, scope, words, account, jetson=L4T_RELEASE.exists())
    if dry_run:
        typer.echo(service.text, nl=False)
        say(f"{path}: not written")
        return
    replaced = path.exists()
    write_unit(path, service, force=force)
    say(f"{path}: written")
    _say_next(name, scope, replaced=replaced)


def _account(run: Run) -> str | None:
    """Whom a service of the system runs as; said unless systemd makes one up."""
    from edgecls.runtime.service_account import account_for, installed_paths

    account, private = account_for([*installed_paths(), *run.read])
    if account is not None:
        say(
            f"it will run as {account}, who alone may read {private}; files that all may read need no such account"
        )
    return account


def _say_closed(paths: Sequence[Path], name: str) -> None:
    own = Path("/var/lib/edgecls", name)
    for path in paths:
        if not path.is_relative_to(own):
            say(
                f"{path} cannot be written: only what is below {own} can, where paths that are not absolute are"
            )


def _say_next(name: str, scope: str, *, replaced: bool) -> None:
    from edgecls.runtime.service import SYSTEMCTL

    systemctl, user = SYSTEMCTL[scope], "--user " if scope == "user" else ""
    say(f"next: {systemctl} daemon-reload")
    say(f"      {systemctl} enable --now {name}")
    if replaced:
        say(f"      {systemctl} restart {name}")
    if user:
        say("      loginctl enable-linger   (so that it runs without you being logged in)")
    say(f"then: {systemctl} status {name}; journalctl {user}--unit {name} --follow")


def _remove(path: Path, scope: str) -> None:
    from edgecls.runtime.service import SYSTEMCTL, remove_unit

    remove_unit(path, scope)
    say(f"{path}: removed")
    say(f"if it still runs: {SYSTEMCTL[scope]} stop {path.stem}; then: {SYSTEMCTL[scope]} daemon-reload")


def _read_run(words: Sequence[str], config: Path | None) -> Run:
    """What `edgecls run` is to be called with, read as it would itself, its inputs made absolute.

    Raises what it would raise for a wrong option, ModelError for a damaged bundle, and UsageError for a password.
    """
    configured = [] if config is None else ["--config", str(config.absolute())]
    context = _context([*words, *configured])
    given = 1 if words and not words[0].startswith("-") else 0
    if not given and _origin(context, "bundle") == "COMMANDLINE":
        raise UsageError("expected the bundle before --, found it among the options; put it first")
    _check_secrets(context)
    _check_lasting(context)
    model, files = _model(context.params["bundle"], context.params["model"])
    camera = _camera_file(context.params["camera"])
    added = [*(["--camera", str(camera)] if camera else []), "--wait", *model]
    read = [*files, *([camera] if camera else []), *([config.absolute()] if config else [])]
    return Run((*words[given:], *configured, *added), tuple(read), _outputs(context))


def _check_lasting(context: Any) -> None:
    """A service whose run ends at once would be started anew for ever."""
    from edgecls.cli.run_parts import read_votes
    from edgecls.runtime.watcher import Steadiness

    asked = context.params
    for name in ("print_config", "max_frames"):
        if asked[name]:
            raise UsageError(
                f"a service goes on until it is stopped, found --{name.replace('_', '-')}; leave it out"
            )
    Steadiness(asked["smooth"], *read_votes(asked["confirm"]), asked["hysteresis"], asked["hold"])


def _context(arguments: list[str]) -> Any:
    """The context of `edgecls run` with these arguments, and nothing from this shell's environment."""
    from typer.main import get_command

    from edgecls.cli.app import build

    group: Any = get_command(build(["run"]))
    return group.commands["run"].make_context("edgecls run", arguments, auto_envvar_prefix=None)


def _origin(context: Any, name: str) -> str:
    source = context.get_parameter_source(name)
    return source.name if source else ""


def _check_secrets(context: Any) -> None:
    """The unit and the list of processes can be read by everybody, what stands in it is no secret."""
    from edgecls.cli.run_config import ADDRESSES, PREFIX, SECRETS

    for name in sorted(SECRETS | ADDRESSES):
        value = context.params.get(name)
        secret = value is not None and (name in SECRETS or _has_password(str(value)))
        if secret and _origin(context, name) == "COMMANDLINE":
            raise UsageError(
                f"--{name.replace('_', '-')} holds a password, which everybody could read in the unit; leave it out, "
                f"and write {PREFIX}_{name.upper()}=... into the .env file that the unit names"
            )


def _has_password(address: str) -> bool:
    try:
        return urlsplit(address).password is not None
    except ValueError:  # no address at all: run says what it is
        return False


def _model(bundle: str | None, file: Path | None) -> tuple[list[str], list[Path]]:
    """The model as an argument, checked, and the files it consists of."""
    from edgecls.runtime.selection import select_model

    selection = select_model(bundle, file=file)
    if selection.bundle is None:
        path = selection.model.path.absolute()
        return [str(path)] if file is None else ["--model", str(path)], [path]
    folder = selection.bundle.folder.absolute()
    return [str(folder)], [folder, *folder.rglob("*")]


def _camera_file(camera: str) -> Path | None:
    """The photos or video that --camera names, if any; cameras lie in /dev, where everybody finds them."""
    path = Path(camera).absolute()
    found = not camera.isdecimal() and path.exists() and not path.is_relative_to("/dev")
    return path if found else None


def _outputs(context: Any) -> tuple[Path, ...]:
    """Absolute paths among the options that are not read: `edgecls run` will write there."""
    paths = {name: value for name, value in context.params.items() if isinstance(value, Path)}
    return tuple(
        path for name, path in paths.items() if name not in ("model", "config") and path.is_absolute()
    )
