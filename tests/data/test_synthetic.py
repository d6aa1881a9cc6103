import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from torch import Tensor

from autoencoder.data.published import FashionMNIST
from autoencoder.data.synthetic import SyntheticGarments, load_synthetic, synthetic_garments


def garments(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    return synthetic_garments(n, 28, 1, seed)


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (28, 1), (29, 3), (64, 2)])
def test_images_have_the_size_that_was_asked_for(size: int, channels: int) -> None:
    images, labels = synthetic_garments(23, size, channels, 0)
    assert images.shape == (23, channels, size, size)
    assert images.dtype == torch.uint8
    assert labels.shape == (23,)
    assert labels.dtype == torch.int64
    assert (images == images[:, :1]).all()
    # Every image shows something bright on something black.
    assert (images.flatten(1).amax(1) > 60).all()
    assert (images.flatten(1).amin(1) == 0).all()


def test_seed_decides_everything() -> None:
    images, labels = garments(50, seed=3)
    again, labels_again = garments(50, seed=3)
    other, labels_other = garments(50, seed=4)
    assert torch.equal(images, again)
    assert torch.equal(labels, labels_again)
    assert not torch.equal(images, other)
    assert not torch.equal(labels, labels_other)


def test_global_random_state_is_left_alone() -> None:
    state = torch.get_rng_state()
    garments(10)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("n", [1, 10, 57, 200])
def test_classes_are_balanced_and_shuffled(n: int) -> None:
    labels = garments(n)[1]
    counts = labels.bincount(minlength=10)
    assert counts.max() - counts.min() <= 1
    if n > 10:
        assert not torch.equal(labels, torch.arange(n) % 10)


def test_classes_can_be_told_apart() -> None:
    images, labels = garments(400, seed=0)
    test_images, test_labels = garments(400, seed=1)
    classifier = RidgeClassifier(alpha=10).fit(images.flatten(1) / 255, labels)
    assert classifier.score(test_images.flatten(1) / 255, test_labels) > 0.9


def test_images_of_a_class_differ() -> None:
    images, labels = garments(400)
    for label in range(10):
        of_class = images[labels == label].flatten(1).float() / 255
        assert of_class.var(dim=0).mean() > 0.005
        assert len({image.numpy().tobytes() for image in of_class}) == 40


def test_small_and_large_images_show_the_same_garments() -> None:
    # One image a class, so that both sizes draw their measures in the same order.
    small, labels = synthetic_garments(10, 28, 1, seed=5)
    large, labels_large = synthetic_garments(10, 56, 1, seed=5)
    assert torch.equal(labels, labels_large)
    shrunk = torch.nn.functional.avg_pool2d(large.float(), 2)
    assert (shrunk - small.float()).abs().mean() < 4


def test_shape_and_classes_are_known_before_anything_is_drawn() -> None:
    data = SyntheticGarments(
        **{"train_size": 20, "test_size": 10, "image_size": 12, "channels": 3},
        **{"batch_size": 8, "val_size": 8, "seed": 0, "split_seed": 0, "num_workers": 0},
    )
    data.prepare_data()
    assert data.image_shape == (3, 12, 12)
    assert data.classes == FashionMNIST.files.classes
    assert "source" not in vars(data)
    data.setup()
    assert data.train.images.shape == (12, *data.image_shape)


def test_load_synthetic_draws_training_and_test_images_apart() -> None:
    data = load_synthetic(40, 20, 16, 3, seed=0)
    assert data.train_images.shape == (40, 3, 16, 16)
    assert data.test_images.shape == (20, 3, 16, 16)
    assert len(data.test_labels) == 20
    assert data.classes == FashionMNIST.files.classes
    assert data.origin == "drawn by autoencoder.data.synthetic, seed 0"
    pictures = [data.train_images, data.test_images, load_synthetic(40, 20, 16, 3, 1).train_images]
    assert len({image.numpy().tobytes() for image in torch.cat(pictures)}) == 100


def test_load_synthetic_has_a_checksum_of_its_data() -> None:
    checksum = load_synthetic(20, 10, 28, 1, seed=0).checksum
    assert len(checksum) == 64
    assert checksum == load_synthetic(20, 10, 28, 1, seed=0).checksum
    assert checksum != load_synthetic(20, 10, 28, 1, seed=1).checksum


def test_pictures_are_those_that_they_have_always_been() -> None:
    # The same with and without NumPy's vector instructions.
    checksum = load_synthetic(41, 23, 17, 3, seed=5).checksum
    assert checksum == "1c1366aba19d78b1bd69012b97bce4d358ca8906bdf42b68a63e4df4fa8cb449"
