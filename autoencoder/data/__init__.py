"""Images: where they come from, how they are split and corrupted, as LightningDataModules.

Tensors in, batches out; no network and no metric is known here.
"""

from autoencoder.data.arrays import ArrayImages
from autoencoder.data.huggingface_images import HuggingFaceImages
from autoencoder.data.image_folder import ImageFolder
from autoencoder.data.mapped import MappedImages
from autoencoder.data.module import ImageDataModule
from autoencoder.data.published import KMNIST, MNIST, FashionMNIST
from autoencoder.data.sources import ImageData
from autoencoder.data.split import Batch, Split, in_batches, to_bytes, to_float
from autoencoder.data.streamed import StreamedImages
from autoencoder.data.synthetic import SyntheticGarments
from autoencoder.data.torchvision_images import TorchvisionImages

__all__ = [
    "KMNIST",
    "MNIST",
    "ArrayImages",
    "Batch",
    "FashionMNIST",
    "HuggingFaceImages",
    "ImageData",
    "ImageDataModule",
    "ImageFolder",
    "MappedImages",
    "Split",
    "StreamedImages",
    "SyntheticGarments",
    "TorchvisionImages",
    "in_batches",
    "to_bytes",
    "to_float",
]
