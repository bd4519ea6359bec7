"""A routing cell in plain PyTorch, to be timed beside ours."""

import torch
from torch import nn
from torch.nn import functional

from selene_tf.architectures import topology


class Cell(nn.Module):
    """What `RoutingCell` computes in training, with routes keep, up and down.

    Args:
        channels: Channels of its inputs, an even number.
        small_gate: Whether the gate looks at a quarter of the resolution.

    Call arguments:
        features: List of (batch, channels, height, width), summed.

    Returns:
        Outputs of keep, up and down, and the gates (batch, 3).
    """

    def __init__(self, channels, small_gate=False):
        super().__init__()
        self.small_gate = small_gate
        self.separable_1 = nn.Sequential(*_separable(channels), nn.ReLU())
        self.separable_2 = nn.Sequential(*_separable(channels))
        self.reduce = _conv_norm(channels, channels // 2)
        self.project = nn.Linear(channels // 2, len(topology.ROUTES))
        # Every route starts open.
        nn.init.constant_(self.project.bias, 1.5)
        self.up = _conv_norm(channels, channels // 2)
        self.down = _conv_norm(channels, channels * 2, stride=2)

    def forward(self, features):
        inputs = sum(features[1:], start=features[0])
        gates = self._gates(inputs)
        closed = gates.detach().sum(1) < topology.OPEN_ABOVE
        keep, up, down = gates[:, :, None, None, None].unbind(1)
        transformed = self.separable_2(self.separable_1(inputs)) + inputs
        transformed = functional.relu(transformed)
        unchanged = closed[:, None, None, None].to(inputs.dtype) * inputs
        larger = functional.interpolate(
            up * self.up(transformed), scale_factor=2.0, mode="bilinear"
        )
        return (
            unchanged + keep * transformed,
            larger,
            down * self.down(transformed),
            gates,
        )

    def _gates(self, inputs):
        if self.small_gate:
            inputs = functional.interpolate(inputs, scale_factor=0.25, mode="bilinear")
        pooled = self.reduce(inputs).mean((2, 3))
        return functional.relu(torch.tanh(self.project(pooled)))


def cell(features, gradients, small_gate, threads):
    """A function that goes forward and backward through one cell, on the CPU.

    Args:
        features: Arrays (batch, height, width, channels), summed.
        gradients: Arrays, those of keep, up and down.
        small_gate: Whether the gate looks at a quarter of the resolution.
        threads: Number of threads; 0 for as many as PyTorch takes.
    """
    if threads:
        torch.set_num_threads(threads)
    layer = Cell(features[0].shape[-1], small_gate)
    layer = layer.to(memory_format=torch.channels_last).train()
    features = [channels_last(array).requires_grad_() for array in features]
    gradients = [channels_last(array) for array in gradients]
    sources = [*features, *layer.parameters()]

    def step():
        *outputs, _ = layer(features)
        return torch.autograd.grad(outputs, sources, gradients)

    return step


def channels_last(array):
    """An array (batch, height, width, channels) as a tensor of the same memory."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def _separable(channels):
    return [
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _conv_norm(channels, filters, stride=1):
    return nn.Sequential(
        nn.Conv2d(channels, filters, 1, stride=stride, bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
    )
