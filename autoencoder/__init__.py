"""A PyTorch Lightning + Hydra experiment framework for autoencoders."""
