"""DeepLabV3+: sizes against published numbers, dilation against strides."""

import keras
import numpy as np
import pytest

from selene_tf import architectures
from selene_tf.architectures import (
    DeepLabV3PlusArchitecture,
    RoutingArchitecture,
    deeplab_v3_plus,
    layer_costs,
)
from selene_tf.networks import backbones


@pytest.mark.parametrize(
    ("backbone", "parameters", "macs"),
    # keras.applications' own counts without their moving statistics and, of the
    # second, without the last convolution (320 to 1280 channels).
    [
        ("resnet50", 23_587_712 - 53_120, 3.86e9),
        ("mobilenet_v2", 2_257_984 - 34_112 - 320 * 1280 - 2 * 1280, 0.28e9),
    ],
)
def test_the_formula_has_the_applications_parameters(backbone, parameters, macs):
    """And the MACs that their papers give for an image of 224 x 224."""
    architecture = DeepLabV3PlusArchitecture(2, backbone, output_stride=32)
    # Behind the backbone are ten convolutions of pyramid and decoder.
    rows = deeplab_v3_plus.convolutions(architecture)[:-10]
    assert sum(weights + others for weights, others, _ in rows) == parameters
    counted = sum(weights * (224 // stride) ** 2 for weights, _, stride in rows)
    assert counted == pytest.approx(macs, rel=0.02)


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_counted_macs_of_the_large_backbone_are_the_formulas(output_stride):
    network = backbones.build("resnet50", output_stride, synchronized=False)
    architecture = DeepLabV3PlusArchitecture(2, "resnet50", output_stride)
    rows = deeplab_v3_plus.convolutions(architecture)[:-10]
    counted = layer_costs.count(network, 64, 96)
    assert counted.parameters == sum(w + others for w, others, _ in rows)
    assert counted.macs == sum(w * (64 * 96 // s**2) for w, _, s in rows)


@pytest.mark.parametrize(
    ("name", "first"),
    # ResNet's strided convolutions are 1x1 and take the first pixel of two; those of
    # MobileNetV2 are 3x3, padded at one side alone, and are centred on the second.
    [("resnet50", 0), ("mobilenet_v2", 1)],
)
def test_a_dilated_backbone_gives_what_the_strided_one_gives_and_more(name, first):
    """Chen et al. 2017: the same weights, at every pixel in place of every second."""
    strided, dense = (backbones.build(name, stride, False) for stride in (32, 16))
    dense.set_weights(strided.get_weights())
    image = np.random.default_rng(0).normal(size=(1, 320, 320, 3)).astype("float32")
    expected = np.asarray(strided(image)[-1])
    features = np.asarray(dense(image)[-1])[:, first::2, first::2]
    # Away from the border, which is padded on other sides.
    inside = np.s_[:, 4:-4, 4:-4]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(features[inside], expected[inside], atol=1e-4 * scale)


def test_every_normalisation_is_ours():
    """Keras's own would take a frozen teacher's moving statistics."""
    network = backbones.build("mobilenet_v2", 16, synchronized=False)
    kinds = {
        type(layer).__name__
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert kinds == {"BatchNorm"}


def test_four_times_the_routing_networks_macs_lie_between_output_strides_32_and_16():
    """SELENE, section 5.3: up to 4 times as many; no output stride gives it exactly."""
    routing = architectures.cost(RoutingArchitecture(19), 512, 512).macs
    by_stride = {
        stride: architectures.cost(
            DeepLabV3PlusArchitecture(19, "resnet50", stride), 512, 512
        ).macs
        for stride in (32, 16)
    }
    assert by_stride[32] < 4 * routing < by_stride[16]
