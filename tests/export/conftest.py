"""A network and its exports, each made once a process."""

import shutil

import pytest

from selene_tf.export import onnx, saved_model, tflite
from tests.export import exported


@pytest.fixture(scope="session")
def network():
    return exported.network()


@pytest.fixture(scope="session")
def examples(network):
    """Of two sizes, one of them no multiple of anything."""
    return exported.examples(network, (exported.SIZE, exported.ODD_SIZE))


@pytest.fixture(scope="session")
def examples_of_one_size(network):
    return exported.examples(network)


@pytest.fixture(scope="session")
def saved_model_folder(network, examples, tmp_path_factory):
    """Version 1 of any size, and version 3 of one size with probabilities."""
    folder = tmp_path_factory.mktemp("export") / "model"
    saved_model.export(network, folder, examples, exported.metadata("CC BY 4.0"))
    saved_model.export(
        network,
        folder,
        examples[:1],
        exported.metadata(),
        version=3,
        size=exported.SIZE,
        outputs=("labels", "probabilities"),
    )
    return folder


@pytest.fixture(scope="session")
def onnx_file(network, examples, tmp_path_factory):
    file = tmp_path_factory.mktemp("export") / "model.onnx"
    onnx.export(network, file, examples, exported.metadata("CC BY 4.0"))
    return file


@pytest.fixture(scope="session")
def tflite_folder(network, examples_of_one_size, tmp_path_factory):
    """All four quantizations, from one SavedModel of each type of input."""
    folder, written = tmp_path_factory.mktemp("export"), {}
    write = saved_model.write

    def write_once(network, serve, place, image):
        if image.dtype not in written:
            written[image.dtype] = tmp_path_factory.mktemp("saved") / "model"
            write(network, serve, written[image.dtype], image)
        shutil.copytree(written[image.dtype], place, dirs_exist_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_model, "write", write_once)
        for quantization in tflite.QUANTIZATIONS:
            tflite.export(
                network,
                folder / f"{quantization}.tflite",
                examples_of_one_size,
                exported.metadata("CC BY 4.0"),
                quantization=quantization,
                size=exported.SIZE,
                calibration=[image for image, _ in examples_of_one_size],
            )
    return folder
