"""Build hook of hatchling: project URLs and absolute links in the README, from the constant `REPOSITORY` in dev.py."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class RepositoryHook(MetadataHookInterface):
    """Sets `project.urls` and `project.readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README to the metadata, and the URLs if the repository exists."""
        root = Path(self.root)
        dev = runpy.run_path(str(root / "dev.py"))
        text = (root / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": dev["absolute_links"](text, dev["REPOSITORY"])}
        if urls := dev["project_urls"](dev["REPOSITORY"]):
            metadata["urls"] = urls
