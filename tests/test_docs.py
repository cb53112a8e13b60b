"""Pages and docstrings name everything that there is."""

import importlib.util
from pathlib import Path

import pytest

from mlp_fast import MLP
from mlp_fast.activations import ACTIVATIONS
from mlp_fast.losses import LOSSES

ROOT = Path(__file__).parents[1]


def test_the_page_of_paths_is_the_table():
    spec = importlib.util.spec_from_file_location("write_paths", ROOT / "docs" / "write_paths.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    assert writer.PAGE.read_text() == writer.page(), "run python docs/write_paths.py"


@pytest.mark.parametrize("name", [*ACTIVATIONS, *LOSSES])
def test_every_activation_and_loss_is_in_the_readme_and_in_the_docstring(name):
    assert f"`{name}`" in (ROOT / "README.md").read_text()
    assert f"'{name}'" in MLP.__doc__
