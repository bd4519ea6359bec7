"""Weights of keras.applications in encoders; of files that the tests write."""

import keras
import numpy as np
import pytest

from selene_tf import networks
from selene_tf.architectures import DeepLabV3PlusArchitecture
from selene_tf.pretrained import applications
from tests.refusals import assert_refused


@pytest.fixture(scope="module")
def application():
    keras.utils.set_random_seed(1)
    network = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    # Statistics too, so that a layer without them is noticed.
    rng = np.random.default_rng(0)
    for variable in network.weights:
        if "moving" in variable.path or "gamma" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return network


@pytest.fixture(scope="module")
def network():
    architecture = DeepLabV3PlusArchitecture(3, "mobilenet_v2", 32)
    return networks.build(architecture, colours=applications.COLOURS["mobilenet_v2"])


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_the_encoder_gives_what_the_application_gives(
    application, network, tmp_path, suffix
):
    """The same features of the same image, the normalisation of colours included."""
    file = str(tmp_path / f"weights{suffix}")
    (application.save_weights if suffix == ".weights.h5" else application.save)(file)
    count = applications.load_encoder(network, "mobilenet_v2", file)
    # Up to the last block's projection: a kernel and four arrays of normalisation each.
    assert count == 51 * 5
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    tap = keras.Model(
        application.input, application.get_layer("block_16_project_BN").output
    )
    expected = np.asarray(tap(image / 127.5 - 1))
    features = np.asarray(network(image)["features"][-1])
    np.testing.assert_allclose(features, expected, atol=1e-4 * np.abs(expected).max())


def test_weights_of_another_network_are_one_line(application, network, tmp_path):
    file = str(tmp_path / "weights.weights.h5")
    application.save_weights(file)
    assert_refused(
        lambda: applications.load_encoder(network, "resnet50", file),
        *("--encoder_weights", file, "ResNet50"),
    )


@pytest.mark.parametrize("name", ["no.h5", "folder.h5", "weights.pth", "imagenet2"])
def test_what_is_no_file_of_weights_is_one_line(tmp_path, name):
    (tmp_path / "folder.h5").mkdir()
    source = str(tmp_path / name)
    assert_refused(
        lambda: applications.check_source(source), "--encoder_weights", source
    )


def test_a_damaged_file_is_one_line(network, tmp_path):
    file = tmp_path / "damaged.weights.h5"
    file.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert_refused(
        lambda: applications.load_encoder(network, "mobilenet_v2", str(file)),
        *("--encoder_weights", file),
    )
