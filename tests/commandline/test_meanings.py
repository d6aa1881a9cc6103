"""Meanings: what --help shows beside a value is what the YAML files say of it."""

from pathlib import Path

from autoencoder.commandline.configs import CONF_DIR
from autoencoder.commandline.meanings import annotated

TEXT = """\
seed: 0
optimizer:
  fused: true
model:
  channels:
  - 16
  beta: 1.0
  likelihood:
    std: 0.4
"""


def meanings(*words: str) -> dict[str, str]:
    lines = annotated(TEXT, "train", words).splitlines()
    return {line.split(":")[0].strip(): line.partition("  # ")[2] for line in lines}


def comment(path: str, key: str) -> str:
    (line,) = [text for text in (CONF_DIR / path).read_text().splitlines() if f"{key}:" in text]
    return line.partition("  # ")[2]


def test_the_comments_of_the_files_that_are_chosen() -> None:
    baseline, vae = meanings(), meanings("model=vae")
    assert baseline["seed"] == comment("train.yaml", " seed".strip()) != ""
    assert baseline["channels"] == comment("model/baseline.yaml", "channels") != ""
    assert baseline["beta"] == ""
    assert vae["beta"] == comment("model/vae.yaml", "beta") != ""
    assert vae["std"] == comment("model/likelihood/gaussian.yaml", "std") != ""
    # From a file that a file of the defaults list builds on.
    assert vae["fused"] == comment("optimizer/adam.yaml", "fused") != ""


def test_a_folder_of_one_s_own_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/mine.yaml").write_text("channels: [3]  # of mine\n")
    assert meanings("--config-dir", str(tmp_path), "model=mine")["channels"] == "of mine"
