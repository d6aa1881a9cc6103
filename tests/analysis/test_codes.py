"""The prior of codes: which codes it draws, how often, and which together."""

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from autoencoder.analysis.codes import Codes, usual
from autoencoder.analysis.priors import Gaussian
from autoencoder.commandline.configs import CONF_DIR

CODEBOOK = np.random.default_rng(5).standard_normal((4, 3)).astype(np.float32)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def prior(components: int) -> Codes:
    return Codes(components, max_points=10_000, max_iter=30, seed=0)


def latents_of(codes: np.ndarray) -> np.ndarray:
    """Latents (N, 2, 2, 3) of codes (N, 4)."""
    latents: np.ndarray = CODEBOOK[codes].reshape(len(codes), 2, 2, 3)
    return latents


def codes_of(latents: torch.Tensor) -> torch.Tensor:
    """Codes (N, 4) of latents (N, 12), which must be those of the codebook to the last bit."""
    same = (latents.view(-1, 4, 1, 3) == torch.from_numpy(CODEBOOK)).all(3)
    assert same.sum(2).eq(1).all()
    return same.long().argmax(2)


def styles(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 4) of two styles, 0 and 1 or 2 and 3 all over, and which style it is."""
    numbers = np.random.default_rng(0)
    style = numbers.integers(2, size=n)
    return 2 * style[:, None] + numbers.integers(2, size=(n, 4)), style


def test_independent_codes_come_as_often_as_at_their_position() -> None:
    numbers = np.random.default_rng(0)
    shares = [[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.1, 0.2, 0.3, 0.4], [0, 0, 0.9, 0.1]]
    codes = np.stack([numbers.choice(4, 4000, p=share) for share in shares], 1)
    drawn = codes_of(prior(1).fit(latents_of(codes)).sample(20_000, generator()))
    for position, share in enumerate(shares):
        found = drawn[:, position].bincount(minlength=4) / len(drawn)
        assert found.tolist() == pytest.approx(share, abs=0.03)
        assert not any(found[code] > 0 for code in range(4) if share[code] == 0)


def test_components_keep_together_what_belongs_together() -> None:
    latents = latents_of(styles(2000)[0])

    def mixed(components: int) -> float:
        drawn = codes_of(prior(components).fit(latents).sample(2000, generator())) // 2
        return (drawn != drawn[:, :1]).any(1).float().mean().item()

    assert mixed(1) == pytest.approx(7 / 8, abs=0.05)
    assert mixed(8) < 0.05
    drawn = codes_of(prior(8).fit(latents).sample(4000, generator()))
    # Within a style, the codes are drawn and not copied: all 2 x 16 are among them.
    assert len(drawn.unique(dim=0)) >= 32
    assert (drawn[:, 0] // 2).float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_a_class_is_drawn_from_its_own_latents() -> None:
    codes, style = styles(1000)
    fitted = prior(4).fit(latents_of(codes), style)
    asked = torch.arange(300) % 2
    drawn = codes_of(fitted.sample(300, generator(), asked)) // 2
    assert torch.equal(drawn, asked[:, None].expand(-1, 4))


def test_draws_come_from_the_generator_alone() -> None:
    latents = latents_of(styles(300)[0])
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    drawn = prior(3).fit(latents).sample(50, generator())
    assert (torch.random.get_rng_state() == before).all()
    assert drawn.dtype == torch.float32
    assert torch.equal(drawn, prior(3).fit(latents).sample(50, generator()))
    assert not torch.equal(drawn, prior(3).fit(latents).sample(50, generator(1)))
    assert prior(3).fit(latents).sample(0, generator()).shape == (0, 12)


@pytest.mark.parametrize("shape", [(50, 12), (50, 2, 2, 3)])
def test_numbers_are_no_codes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="are no codes"):
        prior(2).fit(np.random.default_rng(0).standard_normal(shape))


def test_what_a_model_generates_from_is_of_what_latents_are_and_as_the_file_says() -> None:
    assert isinstance(usual(discrete=False), Gaussian)
    cfg = OmegaConf.load(CONF_DIR / "prior/codes.yaml")
    found = usual(discrete=True)
    assert vars(found) == vars(instantiate(cfg.codes))
    assert "mixture of 500" in str(found)
    assert "independent codes at each position" in str(prior(1))
    few = latents_of(styles(50)[0])  # fewer than components
    codes_of(found.fit(few).sample(10, generator()))
