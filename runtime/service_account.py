"""Service account: how a service calls edgecls, what it must be able to read, and so whom it runs as."""

from __future__ import annotations

import os
import pwd
import site
import sys
import sysconfig
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from edgecls.errors import UsageError

HIDDEN = (Path("/tmp"), Path("/var/tmp"))  # a service has its own, and they are emptied


def installed_command() -> tuple[str, ...]:
    """How to call this very edgecls without a shell's PATH: its script beside this Python, else its module."""
    script = Path(sys.executable).with_name("edgecls")
    return (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-m", "edgecls")


def installed_paths() -> list[Path]:
    """What that command must be able to read: this Python, its libraries, and edgecls, which may lie elsewhere."""
    folders = [sys.executable, sys.prefix, sys.base_prefix, *map(sysconfig.get_path, ("purelib", "platlib"))]
    for package in ("edgecls", "edgecls.runtime", "edgecls.devices"):
        spec = find_spec(package)
        folders += spec.submodule_search_locations or [] if spec else []
    return [path for folder in dict.fromkeys(folders) if (path := Path(folder)).exists()]


def account_for(paths: Iterable[Path]) -> tuple[str | None, Path | None]:
    """Whom a system service must run as to read `paths`, and the folder or file that decides it.

    None when everybody may read them, else the owner of the first that is private: a home, or what Python looks for in
    a home only (pip install --user). Raises UsageError for one that the service would not see, or that this owner may
    not read either.
    """
    places = [place for path in paths for place in dict.fromkeys((path.absolute(), path.resolve()))]
    _check_seen(places)
    private = _closed(places, uid=None) or _of_one_user(places)
    if private is None:
        return None, None
    owner = pwd.getpwuid(private.stat().st_uid)
    closed = _closed(places, uid=owner.pw_uid)
    if closed is not None:
        raise UsageError(
            f"{private} is {owner.pw_name}'s alone, and {closed} is closed to {owner.pw_name}; "
            "let one account, or everybody, read both"
        )
    return owner.pw_name, private


def _check_seen(places: Iterable[Path]) -> None:
    for place in places:
        if any(place.is_relative_to(folder) for folder in HIDDEN):
            raise UsageError(
                f"{place}: expected a place that lasts, and that a service sees, found one in /tmp; put it elsewhere"
            )


def _of_one_user(places: Iterable[Path]) -> Path | None:
    return next((place for place in places if place.is_relative_to(site.getuserbase())), None)


def _closed(places: Iterable[Path], *, uid: int | None) -> Path | None:
    """The first folder or file on the way to `places` that a user, or None for just anybody, may not pass or read."""
    owner = None if uid is None else pwd.getpwuid(uid)
    groups = os.getgrouplist(owner.pw_name, owner.pw_gid) if owner else []
    for place in places:
        for one in (*reversed(place.parents), place):
            status = one.stat()
            shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
            needed = (4 if one == place else 0) | (1 if one.is_dir() else 0)
            if (status.st_mode >> shift) & needed != needed:
                return one
    return None
