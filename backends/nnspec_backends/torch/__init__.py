"""The PyTorch backend, on the CPU and on CUDA devices."""

from nnspec_backends.torch.backend import TorchBackend

__all__ = ["TorchBackend"]
