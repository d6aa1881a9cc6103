"""Priors: what they have in common, and what each of them keeps of the latents."""

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from torch import Tensor

from autoencoder.analysis.priors import Gaussian, Mixture, Neighbours, Prior, StandardNormal
from autoencoder.commandline.configs import CONF_DIR, choices

SMALL = {"mixture": ["prior.mixture.components=4"], "two_stage": ["prior.two_stage.epochs=20"]}
# Of numbers: test_codes.py tries that of codes.
PRIORS = [name for name in choices("prior") if name not in ("auto", "none", "codes")]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def described(name: str) -> Prior:
    """The prior of a file in `conf/prior`, of few parts."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("evaluate", [f"prior={name}", *SMALL.get(name, [])])
    prior: Prior = instantiate(cfg.prior[name], _convert_="all")
    return prior


def clusters(n: int = 400, size: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Two round clusters, at -10 and 10, and which is which."""
    labels = np.arange(n) % 2
    noise = np.random.default_rng(0).standard_normal((n, size)) * 0.5
    return (noise + (20 * labels - 10)[:, None]).astype(np.float32), labels


def test_every_prior_is_tried() -> None:
    assert len(PRIORS) >= 4


@pytest.mark.parametrize("name", PRIORS)
def test_draws_come_from_the_generator_alone(name: str) -> None:
    latents, _ = clusters()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    prior = described(name).fit(latents)
    drawn = prior.sample(50, generator())
    assert (torch.random.get_rng_state() == before).all()
    assert drawn.shape == (50, 5)
    assert drawn.dtype == torch.float32
    assert drawn.isfinite().all()
    assert torch.equal(drawn, described(name).fit(latents).sample(50, generator()))
    assert not torch.equal(drawn, prior.sample(50, generator(1)))
    assert len(prior.sample(0, generator())) == 0


@pytest.mark.parametrize("name", [name for name in PRIORS if name != "standard_normal"])
def test_a_class_is_drawn_from_its_own_latents(name: str) -> None:
    latents, labels = clusters()
    prior = described(name).fit(latents, labels)
    asked = torch.arange(60) % 2
    drawn = prior.sample(60, generator(), asked)
    assert torch.equal(drawn.mean(1) > 0, asked == 1)
    # Another order of the same classes is no reason to mix them up.
    asked = torch.tensor([1, 1, 0, 1, 0, 0, 0])
    assert torch.equal(prior.sample(7, generator(), asked).mean(1) > 0, asked == 1)


@pytest.mark.parametrize("name", PRIORS)
def test_labels_are_asked_for_where_it_was_fitted_with_them(name: str) -> None:
    latents, labels = clusters(80)
    prior = described(name).fit(latents, labels)
    with pytest.raises(ValueError, match="with labels"):
        prior.sample(3, generator())
    with pytest.raises(ValueError, match=r"classes \[2\]"):
        prior.sample(3, generator(), torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match="without labels"):
        prior.fit(latents).sample(3, generator(), torch.tensor([0, 1, 0]))


@pytest.mark.parametrize("name", PRIORS)
def test_latents_that_say_nothing_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        described(name).fit(np.full((30, 4), np.nan))


def between(drawn: Tensor) -> float:
    """The share of draws that lie in neither of the two clusters."""
    return float((drawn.mean(1).abs() < 5).double().mean())


def mixture(**values: float) -> Mixture:
    given = {"components": 2, "dimensions": 64, "max_points": 1000, "tol": 1e-3, "max_iter": 50}
    return Mixture(**given | {"seed": 0} | values)


def test_one_gaussian_fills_the_gap_that_the_others_leave() -> None:
    latents, _ = clusters()
    assert between(Gaussian().fit(latents).sample(2000, generator())) > 0.2
    assert between(mixture().fit(latents).sample(2000, generator())) == 0
    assert between(Neighbours(3).fit(latents).sample(2000, generator())) == 0


@pytest.mark.parametrize("prior", [Gaussian(), mixture(components=1), mixture(dimensions=2)])
def test_moments_are_those_of_the_latents(prior: Prior) -> None:
    mixing = np.random.default_rng(1).standard_normal((6, 6))
    latents = np.random.default_rng(0).standard_normal((800, 6)) @ mixing * 100 + 300
    drawn = prior.fit(latents.reshape(800, 2, 3)).sample(200_000, generator()).numpy()
    np.testing.assert_allclose(drawn.mean(0), latents.mean(0), atol=3)
    scale = np.cov(latents.T).diagonal().max()
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(latents.T), atol=0.02 * scale)


def test_a_mixture_keeps_the_weights_and_the_shapes_of_its_parts() -> None:
    latents, labels = clusters(600)
    latents = np.concatenate([latents[labels == 0], latents[labels == 1][::2]])
    latents[:, 0] *= 3
    drawn = mixture().fit(latents).sample(20_000, generator())
    upper, of_upper = drawn[drawn[:, 1] > 0], latents[latents[:, 1] > 0]
    assert len(upper) / len(drawn) == pytest.approx(1 / 3, abs=0.02)
    np.testing.assert_allclose(upper.mean(0), of_upper.mean(0), atol=0.1)
    np.testing.assert_allclose(upper.std(0), of_upper.std(0), rtol=0.1)


def test_components_are_shared_out_among_classes() -> None:
    latents, labels = clusters()
    # One component a class can't show that a class has two parts.
    latents[labels == 1] += 40 * (np.arange(200) % 2)[:, None]
    asked = torch.ones(2000, dtype=torch.int64)

    def gap(components: int) -> float:
        drawn = mixture(components=components).fit(latents, labels).sample(2000, generator(), asked)
        return float(((drawn.mean(1) > 20) & (drawn.mean(1) < 40)).double().mean())

    assert gap(2) > 0.2
    assert gap(4) == 0


def test_a_dead_latent_stays_where_it_is() -> None:
    latents = np.pad(clusters(100, 2)[0], ((0, 0), (0, 6)), constant_values=2)
    for prior in (Gaussian(), mixture(), Neighbours(2)):
        drawn = prior.fit(latents).sample(100, generator())
        torch.testing.assert_close(drawn[:, 2:], torch.full((100, 6), 2.0), atol=0.2, rtol=0)


def test_neighbours_are_joined_by_lines() -> None:
    latents = np.array([[0.0, 0], [1, 0], [0, 10], [1, 10]])
    drawn = Neighbours(1).fit(latents).sample(500, generator())
    assert set(drawn[:, 1].tolist()) == {0, 10}
    assert drawn[:, 0].min() >= 0
    assert drawn[:, 0].max() <= 1
    assert drawn[:, 0].mean().item() == pytest.approx(0.5, abs=0.05)


def test_a_standard_normal_knows_nothing_of_the_latents() -> None:
    drawn = StandardNormal().fit(clusters()[0]).sample(50_000, generator())
    torch.testing.assert_close(drawn.mean(0), torch.zeros(5), atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.ones(5), atol=0.03, rtol=0)


def test_more_components_than_latents_are_refused() -> None:
    with pytest.raises(ValueError, match="n_components"):
        mixture(components=50).fit(clusters(20)[0])
