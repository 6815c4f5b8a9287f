"""`pytest-atlas name`: set or print the name of a system or an asset in the local Atlas."""

import os
from argparse import Namespace
from uuid import UUID

from pytest_atlas.local import LocalAtlas
from pytest_atlas.publisher.targets import STORE

from . import reading, where
from .problems import USAGE, CommandError
from .terminal import plain


def run(arguments: Namespace) -> int:
    """Set the name, or print the present one."""
    uuid, path = UUID(arguments.uuid), where.atlas_dir(arguments) / STORE
    name = None if arguments.name is None else " ".join(arguments.name.split())
    if name == "":
        raise CommandError("the name is empty. Give a name, or leave it out to print the present one", USAGE)
    if not os.path.lexists(path):
        raise CommandError(reading.no_local_atlas(path.parent))
    with LocalAtlas(path) as atlas:
        if name is not None:
            atlas.name(uuid, name)
        found = atlas.name_of(uuid)
    if found is None:
        raise CommandError(f"no name of {uuid} in {path}. Set one with pytest-atlas name {uuid} NAME")
    print(plain(found))
    return 0
