import keras
import numpy as np

from selene_tf.export import equalization
from selene_tf.networks import dynamic_routing, folding


def make_network():
    keras.utils.set_random_seed(3)
    network = dynamic_routing.build(3, channels=4, num_layers=3)
    return folding.fold(network, np.full((4, 4, 3), 0.9))


def images(count):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (32, 64, 3), dtype=np.uint8) for _ in range(count)]


def ranges_of(network, measured):
    names = [x.name for x in network.layers if x.name.endswith("_depthwise")]
    outputs = keras.Model(network.input, [network.get_layer(n).output for n in names])
    values = [outputs(image[None].astype("float32")) for image in measured]
    return [
        np.max([np.abs(np.asarray(x)).max((0, 1, 2)) for x in layer], axis=0)
        for layer in zip(*values, strict=True)
    ]


def test_channels_become_alike_and_the_network_stays():
    network, measured = make_network(), images(3)
    # One channel's scale is far off, another is always 0.
    layer = network.get_layer("cell_01_s8_separable_1_depthwise")
    kernel = layer.get_weights()[0]
    kernel[:, :, 2] *= 1e-3
    kernel[:, :, 3] = 0
    layer.set_weights([kernel])
    others = np.stack(images(5)[3:]).astype("float32")
    expected = np.asarray(network(others)["logits"])
    before = ranges_of(network, measured)
    equalization.equalize_channels(network, measured)
    logits = np.asarray(network(others)["logits"])
    # Only rounding differs, which grows with the layers' sums.
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()
    after = ranges_of(network, measured)
    for old, new in zip(before, after, strict=True):
        # By hand: r sqrt(max / r) = sqrt(r max), the largest unchanged.
        factor = np.minimum(np.sqrt(old * old.max()), 64 * old)
        np.testing.assert_allclose(new, factor, rtol=1e-4)
