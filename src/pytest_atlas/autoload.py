"""The entry point of the distribution: it loads `pytest_atlas.plugin` once, also if `-p pytest_atlas.plugin` did so before.

pytest refuses a module that is registered under two names, and the name of the entry point is `atlas`.
"""

pytest_plugins = ("pytest_atlas.plugin",)
