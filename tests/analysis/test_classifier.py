"""The classifier that judges what is generated."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autoencoder.analysis.classifier import Classifier, Recipe
from autoencoder.data import FashionMNIST, ImageDataModule, SyntheticGarments
from autoencoder.data.split import Split, to_float
from autoencoder.report.measure.judge import kept_classifier

QUICK = Recipe(channels=(8, 16), features=16, epochs=1, least_steps=60, batch_size=32)


def garments(train_size: int = 288, image_size: int = 12, channels: int = 1) -> ImageDataModule:
    sizes = {"train_size": train_size, "test_size": 60, "image_size": image_size}
    data = SyntheticGarments(
        **sizes, channels=channels, batch_size=8, val_size=2, seed=0, split_seed=0, num_workers=0
    )
    data.setup()
    return data


@pytest.fixture(scope="module")
def data() -> ImageDataModule:
    return garments()


@pytest.fixture(scope="module")
def classifier(data: ImageDataModule) -> Classifier:
    return Classifier.trained(data, QUICK)


def test_it_tells_garments_apart(classifier: Classifier, data: ImageDataModule) -> None:
    images, labels = data.test.images, data.test.labels
    assert classifier.test_accuracy > 0.6
    accuracy = (classifier.predict(images) == labels).double().mean()
    assert classifier.test_accuracy.item() == pytest.approx(accuracy.item())


def test_features_are_what_the_last_layer_reads(
    classifier: Classifier, data: ImageDataModule
) -> None:
    images = data.test.images
    features = classifier.features(images)
    assert features.shape == (60, 16)
    with torch.inference_mode():
        logits = classifier.head(features)
        torch.testing.assert_close(logits, classifier(to_float(images)))
    torch.testing.assert_close(features, classifier.features(to_float(images)))
    assert (logits.argmax(1) == classifier.predict(images)).all()


def test_the_seed_alone_decides(classifier: Classifier, data: ImageDataModule) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    again = Classifier.trained(data, QUICK)
    assert (torch.random.get_rng_state() == before).all()
    assert again.fingerprint == classifier.fingerprint
    assert Classifier.trained(data, replace(QUICK, seed=1)).fingerprint != classifier.fingerprint


@pytest.mark.parametrize(
    ("train_size", "image_size", "channels"), [(5, 8, 1), (40, 9, 3), (290, 16, 1)]
)
def test_it_takes_images_of_any_size_and_number(
    train_size: int, image_size: int, channels: int
) -> None:
    data = garments(train_size, image_size, channels)
    classifier = Classifier.trained(data, replace(QUICK, least_steps=5))
    assert classifier.features(data.test.images).isfinite().all()


def test_one_class_is_not_enough() -> None:
    data = garments()
    data.train = Split(data.train.images, None, torch.zeros_like(data.train.labels))
    with pytest.raises(ValueError, match="two classes"):
        Classifier.trained(data, QUICK)


def test_it_is_trained_once(
    tmp_path: Path, data: ImageDataModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept_classifier(tmp_path, "garments", data, QUICK)
    file = next(tmp_path.iterdir())
    assert file.name == f"classifier-garments-{QUICK.key}.pt"
    assert all(isinstance(value, torch.Tensor) for value in torch.load(file).values())
    with monkeypatch.context() as patched:
        patched.setattr(Classifier, "_fit", None)
        second = kept_classifier(tmp_path, "garments", data, QUICK)
    assert second.fingerprint == first.fingerprint
    assert second.test_accuracy == first.test_accuracy
    assert not second.training


def with_a_bit_turned(content: bytes) -> bytes:
    return content[:5000] + bytes([content[5000] ^ 64]) + content[5001:]


@pytest.mark.parametrize(
    "broken",
    [lambda _: b"", lambda _: b"nonsense", lambda content: content[:2000], with_a_bit_turned],
)
def test_a_broken_file_is_made_again(
    tmp_path: Path, data: ImageDataModule, broken: Callable[[bytes], bytes]
) -> None:
    recipe = replace(QUICK, least_steps=1)
    first = kept_classifier(tmp_path, "garments", data, recipe)
    file = next(tmp_path.iterdir())
    file.write_bytes(broken(file.read_bytes()))
    assert kept_classifier(tmp_path, "garments", data, recipe).fingerprint == first.fingerprint
    assert len(list(tmp_path.iterdir())) == 1


def test_another_recipe_has_another_key() -> None:
    assert Recipe().key == Recipe().key
    assert replace(Recipe(), epochs=9).key != Recipe().key


@pytest.mark.real
@pytest.mark.skipif(
    "AUTOENCODER_DATA" not in os.environ,
    reason="AUTOENCODER_DATA is not set to the folder of the Fashion-MNIST files",
)
def test_an_epoch_of_real_garments_goes_far() -> None:
    data = FashionMNIST(
        os.environ["AUTOENCODER_DATA"],
        batch_size=8, val_size=5000, seed=0, split_seed=0, num_workers=0,
    )  # fmt: skip
    data.setup()
    assert Classifier.trained(data, replace(Recipe(), epochs=1)).test_accuracy > 0.88
