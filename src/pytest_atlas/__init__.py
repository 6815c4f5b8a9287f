"""pytest-atlas: mirror a pytest session into an Atlas test run."""

__all__ = ["__version__"]

__version__ = "0.1.0"
