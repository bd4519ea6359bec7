"""The layers' arithmetic in plain NumPy, on (batch, height, width, channels)."""

import numpy as np


def pointwise(x, kernel):
    """A 1x1 convolution, kernel (1, 1, channels in, channels out)."""
    return np.einsum("bhwi,io->bhwo", x, np.asarray(kernel)[0, 0])


def depthwise(x, kernel):
    """A depthwise 3x3 convolution with a border of one zero, kernel (3, 3, c, 1)."""
    kernel = np.asarray(kernel)
    _, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, i : i + height, j : j + width] * kernel[i, j, :, 0]
        for i in range(3)
        for j in range(3)
    )


def batch_norm(x, layer):
    """Normalisation with the layer's moving statistics, epsilon 1e-5."""
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gamma, beta = np.asarray(layer.gamma), np.asarray(layer.beta)
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def relu(x):
    return np.maximum(x, 0.0)


def double(x):
    """Bilinear enlargement by 2: three quarters of a pixel, one of its neighbour's."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        before = np.concatenate([x[:1], x[:-1]])
        after = np.concatenate([x[1:], x[-1:]])
        pairs = np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=1)
        x = np.moveaxis(pairs.reshape(-1, *x.shape[1:]), 0, axis)
    return x


def conv_norm(x, layer, activation=True):
    """Our ConvNorm with a 1x1 kernel, at inference."""
    x = batch_norm(pointwise(x, layer.conv.kernel), layer.norm)
    return relu(x) if activation else x


def separable(x, layer, activation=True):
    """Our SeparableConvNorm with stride 1, at inference."""
    x = depthwise(x, layer.depthwise.kernel)
    return conv_norm(x, layer.pointwise, activation)


def gate(x, layer):
    """Our SoftGate, at inference."""
    pooled = conv_norm(x, layer.reduce).mean(axis=(1, 2))
    kernel, bias = np.asarray(layer.project.kernel), np.asarray(layer.project.bias)
    return relu(np.tanh(pooled @ kernel + bias))
