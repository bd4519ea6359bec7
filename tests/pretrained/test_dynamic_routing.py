import numpy as np
import pytest

from selene_tf import pretrained
from selene_tf.networks import dynamic_routing
from tests import reference
from tests.pretrained import torch_zips
from tests.pretrained.official_weights import (
    HEAD,
    PREDICTOR,
    STEM,
    assert_filled,
    build,
    state,
    without,
)

# The official network itself.


@pytest.mark.parametrize("suffix", [".npz", ".pth"])
def test_rgb_images_give_the_official_logits(tmp_path, suffix):
    arrays, file = reference.load(), tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        weights = {k[3:]: arrays[k] for k in arrays if k.startswith("sd/")}
        torch_zips.save(file, {"model": torch_zips.Ordered(weights)})
    else:
        np.savez(file, **arrays)
    network = dynamic_routing.build(num_classes=5, channels=8, num_layers=4)
    report = pretrained.load_dynamic_routing(network, file)
    assert (len(report.loaded), report.left, report.unused) == (380, (), ())
    mean_bgr = np.array([103.53, 116.28, 123.675], "float32")
    images = arrays["input"].transpose(0, 2, 3, 1) + mean_bgr
    logits = np.asarray(network(images[..., ::-1])["logits"])
    for i in range(2):
        theirs = arrays[f"eval_b1/{i}/logits"].transpose(0, 2, 3, 1)
        known = ~np.isnan(theirs)
        difference = np.abs(logits[i : i + 1] - theirs)[known].max()
        assert difference < 1e-4 * np.abs(theirs[known]).max()


# What is loaded, left and reported.


def test_a_whole_checkpoint_fills_the_whole_network(network, official, file):
    distributed = {f"module.{key}": value for key, value in official.items()}
    for content in (official, {"model": torch_zips.Ordered(distributed)}):
        torch_zips.save(file, content)
        report = pretrained.load_dynamic_routing(network, file)
        assert set(report.loaded) == {v.path for v in network.weights}
        assert_filled(network, official, report.loaded)
        total = len(network.weights)
        kernels = sum(w.path.endswith("kernel") for w in network.weights)
        assert report.line() == (
            f"loaded {total} of {total} arrays from {file}, {kernels} of them in "
            "another layout"
        )


def test_the_report_says_which_arrays_changed_their_layout(network, official, file):
    torch_zips.save(file, official)
    reshaped = pretrained.load_dynamic_routing(network, file).reshaped
    assert reshaped["backbone.stem.stem_1.weight"] == ((64, 3, 3, 3), (3, 3, 3, 64))
    assert reshaped["backbone.stem.stem_2.0.weight"] == ((64, 1, 3, 3), (3, 3, 64, 1))
    gate = "backbone.init_layer.gate_conv_beta.2"
    assert reshaped[f"{gate}.weight"] == ((2, 2, 1, 1), (2, 2))
    assert f"{gate}.bias" not in reshaped
    kernels = [key for key, array in official.items() if array.ndim == 4]
    assert sorted(reshaped) == sorted(kernels)


def test_the_network_uses_the_official_colours(network, official, file):
    torch_zips.save(file, official)
    pretrained.load_dynamic_routing(network, file)
    layer = network.get_layer("normalize")
    assert layer.mean == (123.675, 116.28, 103.53)
    assert layer.standard_deviation == (1, 1, 1)
    assert layer.colour_order == "bgr"


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_precisions_are_converted(network, official, file, dtype):
    weights = {
        key: value.astype(dtype) if value.dtype.kind == "f" else value
        for key, value in official.items()
    }
    torch_zips.save(file, weights)
    report = pretrained.load_dynamic_routing(network, file)
    assert_filled(network, weights, report.loaded)


@pytest.mark.parametrize(
    ("variant", "layer"),
    [({"pooling": "psp"}, "pooling"), ({"drop_path": 0.1}, "drop_path")],
)
def test_layers_that_the_official_network_lacks_are_left(
    official, file, variant, layer
):
    network = build(**variant)
    torch_zips.save(file, official)
    report = pretrained.load_dynamic_routing(network, file)
    assert report.left
    assert {path.split("/")[0] for path in report.left} == {layer}
    assert report.line().endswith(f"; left: {layer} ({len(report.left)})")


def test_small_gates_have_the_same_arrays(official, file):
    network = build(small_gate=True)
    torch_zips.save(file, official)
    assert pretrained.load_dynamic_routing(network, file).left == ()


def test_without_gates_their_constants_are_ignored(official, file):
    network = build(gated=False)
    constants = {"backbone.init_layer.gate_weights_beta": np.ones((1, 2, 1, 1), "f4")}
    weights = {k: v for k, v in official.items() if "gate_conv" not in k}
    torch_zips.save(file, weights | constants)
    report = pretrained.load_dynamic_routing(network, file)
    assert (report.left, report.unused) == ((), ())


def test_other_classes_leave_the_predictor(official, file):
    network = build(num_classes=7)
    before = network.get_layer("predictor").get_weights()
    torch_zips.save(file, official)
    report = pretrained.load_dynamic_routing(network, file, other_classes=True)
    assert report.left == ("predictor/kernel", "predictor/bias")
    assert report.unused == (f"{PREDICTOR}weight", f"{PREDICTOR}bias")
    assert "; left: predictor (2); unused: sem_seg_head (2)" in report.line()
    assert_filled(network, official, report.loaded)
    for ours, kept in zip(
        network.get_layer("predictor").get_weights(), before, strict=True
    ):
        np.testing.assert_array_equal(ours, kept)


def test_the_same_classes_fill_the_predictor_all_the_same(network, official, file):
    torch_zips.save(file, official)
    report = pretrained.load_dynamic_routing(network, file, other_classes=True)
    assert report.left == ()


@pytest.mark.parametrize("prefix", ["backbone.", ""])
@pytest.mark.parametrize("stem", [True, False])
def test_an_encoder_leaves_the_head_and_maybe_the_stem(official, file, prefix, stem):
    network = build()
    arrays, _ = state(network)
    weights = without(official, HEAD) if stem else without(official, HEAD, STEM)
    weights = {prefix + key.removeprefix("backbone."): v for key, v in weights.items()}
    classifier = {"fc.weight": np.ones((9, 4), "f4"), "fc.bias": np.ones(9, "f4")}
    torch_zips.save(file, weights | classifier)
    report = pretrained.load_dynamic_routing(network, file, encoder_only=True)
    assert report.unused == ("fc.weight", "fc.bias")
    left = {path.split("/")[0] for path in report.left}
    stems = set() if stem else {"stem_1", "stem_2", "stem_3"}
    assert left == stems | {"predictor", *(f"decoder_s{4 << i}" for i in range(4))}
    assert_filled(network, official, report.loaded)
    for variable, before in zip(network.weights, arrays, strict=True):
        if variable.path in report.left:
            np.testing.assert_array_equal(variable.numpy(), before)


def test_an_encoder_is_taken_from_a_whole_checkpoint(official, file):
    torch_zips.save(file, official)
    network = build(num_classes=9)
    report = pretrained.load_dynamic_routing(network, file, encoder_only=True)
    assert all(key.startswith(HEAD) for key in report.unused)
    assert len(report.unused) == len(report.left) == 4 * 5 + 2


def test_npz_arrays_need_no_prefix(network, official, tmp_path):
    np.savez(tmp_path / "weights.npz", **official)
    report = pretrained.load_dynamic_routing(network, tmp_path / "weights.npz")
    assert_filled(network, official, report.loaded)
