"""The networks of a model, compiled for its training by `torch.compile`."""

from typing import Any

import torch
from torch import Tensor, nn

from autoencoder.models import Autoencoder

MODES = ("default", "reduce-overhead")


def compile_training(model: Autoencoder, mode: str) -> None:
    """Has the encoder and the decoder compiled when they are first trained.

    Outside the training they stay as they are: each further size of a batch is compiled anew, which
    takes longer than what is saved there.

    Args:
        model: Changed in place; its parameters keep their names.
        mode: `default`, or `reduce-overhead`, which on a GPU records CUDA graphs.
    """
    # What earlier runs of the process have compiled counts against a limit, past which torch does
    # not compile at all.
    torch.compiler.reset()
    for network in (model.encoder, model.decoder):
        _compile(network, mode)


def _compile(network: nn.Module, mode: str) -> None:
    eager = network.forward
    # Dynamic shapes would compile once more for the short last batch, and then use that for all.
    compiled = torch.compile(eager, mode=mode, dynamic=False)

    def forward(*inputs: Any) -> Tensor:
        found: Tensor = (compiled if network.training else eager)(*inputs)
        return found

    network.forward = forward
