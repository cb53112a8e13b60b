"""Import optional dependencies where they are used, with an error that names the extra."""

import importlib
from typing import Any


def extra(module: str, name: str) -> Any:
    """Import a module that the extra `name` of this package installs."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"this needs {package}, which is not installed: pip install 'mlp_fast[{name}]'"
        ) from error
