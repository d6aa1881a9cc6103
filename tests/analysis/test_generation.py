"""Measures of generated images, against closed forms and torchmetrics."""

import math

import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from autoencoder.analysis.generation import (
    frechet_distance,
    nearer_share,
    nearest_distance,
    precision_recall,
)


def points(n: int, size: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def with_moments(mean: Tensor, covariance: Tensor, n: int = 100) -> Tensor:
    """Points of exactly this mean and covariance."""
    drawn = points(n, len(mean)).double()
    drawn = drawn - drawn.mean(0)
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(torch.cov(drawn.T)), drawn.T, upper=False
    ).T
    there: Tensor = mean + white @ torch.linalg.cholesky(covariance).T
    return there


def test_the_same_features_have_no_distance() -> None:
    features = points(200)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert precision_recall(features, features) == (1, 1)


def test_gaussians_of_one_basis_have_the_closed_form() -> None:
    mean, variances = torch.tensor([1.0, 2, 3]).double(), torch.tensor([1.0, 4, 9]).double()
    other_mean, others = torch.tensor([0.0, 2, 5]).double(), torch.tensor([4.0, 1, 9]).double()
    basis = torch.linalg.qr(points(3, 3).double()).Q
    covariances = [basis @ v.diag() @ basis.T for v in (variances, others)]
    expected = (mean - other_mean).square().sum() + (
        variances.sqrt() - others.sqrt()
    ).square().sum()
    found = frechet_distance(
        with_moments(mean, covariances[0]), with_moments(other_mean, covariances[1])
    )
    assert found == pytest.approx(expected.item(), rel=1e-9)


def test_the_distance_is_that_of_torchmetrics() -> None:
    class Flat(nn.Module):
        num_features = 12

        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1)

    mixed = points(12, 12, seed=1)
    a, b = points(300, 12) @ mixed, points(400, 12, seed=2) + 0.3
    metric = FrechetInceptionDistance(Flat(), normalize=True, input_img_size=(3, 2, 2))
    metric.set_dtype(torch.float64)
    metric.update(a.view(-1, 3, 2, 2).double(), real=True)
    metric.update(b.view(-1, 3, 2, 2).double(), real=False)
    assert frechet_distance(a, b) == pytest.approx(metric.compute().item(), rel=1e-6)


def test_a_covariance_may_be_singular() -> None:
    line = points(50, 1) @ torch.ones(1, 8)
    assert frechet_distance(line, line) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(line, line + 1) == pytest.approx(8, rel=1e-6)
    assert frechet_distance(points(9, 1), points(9, 1) + 2) == pytest.approx(4, rel=1e-5)


def test_disjoint_sets_have_no_precision_and_no_recall() -> None:
    assert precision_recall(points(100), points(150, seed=1) + 100) == (0, 0)


def test_sets_of_one_distribution_cover_each_other() -> None:
    precision, recall = precision_recall(points(1500, 4), points(1500, 4, seed=1))
    assert precision > 0.9
    assert recall > 0.9


def test_a_dropped_mode_lowers_the_recall_alone() -> None:
    modes = torch.cat([points(200), points(200, seed=1) + 50])
    both = torch.cat([points(200, seed=2), points(200, seed=3) + 50])
    one = both[:200]
    of_both, of_one = precision_recall(modes, both), precision_recall(modes, one)
    assert of_one.recall < 0.55 * of_both.recall
    assert of_one.precision == pytest.approx(of_both.precision, abs=0.05)


def test_stray_points_lower_the_precision_alone() -> None:
    real = points(300)
    strays = torch.cat([real, points(300, seed=1) + 50])
    precision, recall = precision_recall(real, strays)
    assert (precision, recall) == (0.5, 1)


def test_precision_and_recall_are_those_of_loops() -> None:
    real, generated, k = points(40, 3), 1.5 * points(30, 3, seed=1), 2

    def share(of: Tensor, among: Tensor) -> float:
        inside = 0
        for point in of:
            for center in among:
                radius = sorted(math.dist(center, other) for other in among)[k]
                if math.dist(point, center) <= radius:
                    inside += 1
                    break
        return inside / len(of)

    assert precision_recall(real, generated, k) == (
        share(generated, real),
        share(real, generated),
    )


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = points(100), points(90, seed=1)
    whole = precision_recall(real, generated)
    monkeypatch.setattr("autoencoder.analysis.generation._BLOCK", 7)
    assert precision_recall(real, generated) == whole


@pytest.mark.parametrize(
    "features",
    [points(3), points(20, 7), points(20).flatten(), torch.full((20, 8), math.nan)],
)
def test_features_that_say_nothing_are_refused(features: Tensor) -> None:
    with pytest.raises(ValueError, match=r"features|points"):
        precision_recall(points(20), features)


def test_distances_need_two_points() -> None:
    with pytest.raises(ValueError, match="2 points or more"):
        frechet_distance(points(20), points(1))


def test_distances_are_those_to_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = points(50, 3) + 1000, points(40, 3, seed=1) + 1000
    expected = torch.tensor([min(math.dist(point, other) for other in b) for point in a])
    monkeypatch.setattr("autoencoder.analysis.generation._BLOCK", 7)
    torch.testing.assert_close(nearest_distance(a, b), expected, atol=1e-4, rtol=1e-4)


def test_copies_are_nearer_and_strays_further_than_what_was_never_seen() -> None:
    train, test = points(400, 3), points(200, 3, seed=1)
    unseen = nearest_distance(test, train)
    assert nearer_share(unseen, unseen) == pytest.approx(0.5)
    fresh = nearest_distance(points(200, 3, seed=2), train)
    assert nearer_share(fresh, unseen) == pytest.approx(0.5, abs=0.08)
    assert nearer_share(nearest_distance(train[:100], train), unseen) == 1
    assert nearer_share(nearest_distance(test + 50, train), unseen) == 0
