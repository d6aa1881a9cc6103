import pytest
import torch

from autoencoder.analysis import walks


@pytest.fixture(params=[(7,), (2,), (8, 3, 3)], ids=str)
def ends(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    start, end = torch.randn(2, 5, *request.param, generator=generator)
    return start, end


@pytest.mark.parametrize("spherical", [False, True])
@pytest.mark.parametrize("steps", [2, 3, 9])
def test_ways_lead_from_end_to_end(
    ends: tuple[torch.Tensor, torch.Tensor], spherical: bool, steps: int
) -> None:
    start, end = ends
    way = walks.interpolate(start, end, steps, spherical=spherical)
    assert way.shape == (5, steps, *start.shape[1:])
    torch.testing.assert_close(way[:, 0], start)
    torch.testing.assert_close(way[:, -1], end)
    back = walks.interpolate(end, start, steps, spherical=spherical)
    torch.testing.assert_close(back.flip(1), way)


def test_a_straight_way_is_even(ends: tuple[torch.Tensor, torch.Tensor]) -> None:
    way = walks.interpolate(*ends, 5)
    torch.testing.assert_close(way[:, 2], (ends[0] + ends[1]) / 2)
    torch.testing.assert_close(
        way.diff(dim=1), (way[:, 1] - way[:, 0])[:, None].expand_as(way[:, 1:])
    )


def test_an_arc_keeps_the_norm_and_turns_evenly(ends: tuple[torch.Tensor, torch.Tensor]) -> None:
    start, end = (torch.nn.functional.normalize(part.flatten(1), dim=1) * 3 for part in ends)
    way = walks.interpolate(start, end, 7, spherical=True)
    torch.testing.assert_close(way.norm(dim=2), torch.full((5, 7), 3.0))
    chords = way.diff(dim=1).norm(dim=2)
    torch.testing.assert_close(chords, chords[:, :1].expand_as(chords))


@pytest.mark.parametrize("factor", [1.0, 2.0, 1 + 1e-6, -1.0, -0.5, 0.0])
def test_without_one_arc_it_is_the_line(factor: float) -> None:
    start = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    for one, other in ((start, factor * start), (factor * start, start)):
        way = walks.interpolate(one, other, 5, spherical=True)
        torch.testing.assert_close(way, walks.interpolate(one, other, 5))
    zeros = walks.slerp(0 * start, 0 * start, 0.5)
    assert torch.equal(zeros, 0 * start)


def test_an_arc_near_the_line_goes_over_into_it() -> None:
    start = torch.tensor([[1.0, 0.0]])
    for angle in (2e-3, 5e-4):
        end = torch.tensor([[1.0, angle]])
        torch.testing.assert_close(
            walks.slerp(start, end, 0.3), torch.lerp(start, end, 0.3), atol=1e-5, rtol=0
        )


def test_one_step_is_no_way(ends: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="two steps"):
        walks.interpolate(*ends, 1)


def test_a_traversal_changes_one_dimension_alone() -> None:
    latent = torch.randn(6)
    copies = walks.traversal(latent, [4, 1], [-3.0, 0.0, 2.5])
    assert copies.shape == (2, 3, 6)
    for row, dimension in enumerate((4, 1)):
        assert copies[row, :, dimension].tolist() == [-3.0, 0.0, 2.5]
        others = [other for other in range(6) if other != dimension]
        assert torch.equal(copies[row][:, others], latent[others].expand(3, 5))


@pytest.mark.parametrize("side", [1, 2, 5, 20])
def test_a_manifold_is_symmetric_and_each_cell_as_likely(side: int) -> None:
    grid = walks.manifold(side)
    assert grid.shape == (side, side, 2)
    torch.testing.assert_close(grid.flip(0, 1), -grid)
    # Mirrored at the diagonal from the bottom left to the top right.
    torch.testing.assert_close(grid.flip(0).transpose(0, 1).flip(0), grid.flip(2))
    shares = torch.special.ndtr(grid[0, :, 0].double())
    torch.testing.assert_close(
        shares, (torch.arange(side).double() + 0.5) / side, atol=1e-6, rtol=0
    )
    assert (grid[:, :, 0].diff(dim=1) > 0).all()
    assert (grid[:, :, 1].diff(dim=0) < 0).all()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 7)])
def test_nearest_is_that_of_all_pairs(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walks, "_BLOCK", 17)
    generator = torch.Generator().manual_seed(2)
    training = torch.randint(0, 256, (100, *shape), generator=generator, dtype=torch.uint8)
    images = torch.rand(9, *shape, generator=generator)
    images[3] = training[71] / 255
    expected = torch.cdist(images.flatten(1), (training / 255).flatten(1)).argmin(1)
    assert torch.equal(walks.nearest(images, training), expected)
    assert torch.equal(walks.nearest(images, training / 255), expected)
    assert expected[3] == 71
