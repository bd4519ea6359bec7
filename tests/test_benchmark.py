import json

import numpy as np
import pytest

from selene_tf.architectures import cost_table, topology
from selene_tf.benchmarking import measure, steps
from selene_tf.layers.routing_cell import RoutingCell
from tests.commands import assert_one_line, run, run_process, users_environment

TINY = ["--channels=4", "--num_layers=3", "--size=32,64", "--batch_size=2"]
ROWS = {
    "imports": "import",
    "network built": "build",
    "optimiser built": "optimizer",
    "training step traced": "trace",
    "first training step": "first_step",
    "process start to first step": "process_start_to_first_step",
    "inference traced": "inference_trace",
    "first inference": "first_inference",
}
FILE = "configs/architectures/templates_arch1.json"
STEPS = {"training step": "training", "inference": "inference"}


def benchmark(*arguments, run=run, **options):
    return run("-m", "selene_tf.benchmark", *TINY, *arguments, **options)


@pytest.fixture
def started(monkeypatch):
    """TensorFlow, which takes no other number of threads once it has started."""
    monkeypatch.setattr(measure, "_start_tensorflow", lambda _: 0.0)


def rows(text):
    """The table's numbers by row; labels are 28 wide."""
    return {line[:28].strip(): line[28:].split() for line in text.splitlines()}


@pytest.fixture(scope="module")
def all_of_it(tmp_path_factory):
    """The table's rows and the JSON of one run."""
    output = tmp_path_factory.mktemp("benchmark") / "results.json"
    result = benchmark(
        *("--repeats=3", f"--output={output}"),
        run=run_process,
        env=users_environment(),
    )
    assert result.returncode == 0, result.stderr
    return rows(result.stdout), json.loads(output.read_text())


@pytest.mark.slow
def test_the_table_says_what_the_json_says(all_of_it):
    table, results = all_of_it
    for row, name in ROWS.items():
        seconds = results["start_seconds"][name]
        assert table[row] == ["unknown" if seconds is None else f"{seconds:.3f}"]
    for row, name in STEPS.items():
        readings = results["ms_per_image"][name]
        numbers = [
            readings[clock][kind]
            for clock in ("wall", "cpu")
            for kind in ("median", "min", "max")
        ]
        assert table[row] == [f"{number:.3f}" for number in numbers]
    assert table["peak memory, MiB"] == [f"{results['peak_memory_mib']:,.1f}"]
    assert table["MACs an image"] == [f"{results['macs_per_image']:,}"]
    assert table["parameters"] == [f"{results['parameters']:,}"]


@pytest.mark.slow
def test_the_numbers_are_possible(all_of_it):
    _, results = all_of_it
    start = results["start_seconds"]
    total = start["process_start_to_first_step"]
    parts = ("import", "build", "optimizer", "trace", "first_step")
    assert all(start[part] > 0 for part in parts)
    assert total is None or total > sum(start[part] for part in parts)
    for clocks in results["ms_per_image"].values():
        for reading in clocks.values():
            assert 0 < reading["min"] <= reading["median"] <= reading["max"]
    assert results["macs_per_image"] == cost_table.macs(19, 4, 3, 32, 64).supernet
    assert results["parameters"] == cost_table.parameters(19, 4, 3).supernet
    assert results["settings"]["batch_size"] == 2
    assert results["machine"]["tensorflow"].startswith("2.")


@pytest.mark.slow
def test_a_cell_in_pytorch_stands_beside_ours(all_of_it):
    pytest.importorskip("torch")
    table, results = all_of_it
    assert len(table["cell"]) == len(table["cell in PyTorch"]) == 6
    assert {"cell", "cell_torch"} <= set(results["ms_per_image"])


@pytest.mark.slow
@pytest.mark.usefixtures("started")
def test_without_pytorch_our_cell_is_timed_alone():
    result = benchmark("--repeats=1", "--what=cell", missing=["torch"])
    assert result.returncode == 0, result.stderr
    table = rows(result.stdout)
    assert "cell" in table
    assert not {"cell in PyTorch", "training step", "inference"} & set(table)


@pytest.mark.slow
@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    "what", ["train", pytest.param("export", marks=pytest.mark.soak)]
)
def test_a_searched_network_is_timed_alike(tmp_path, what):
    output = tmp_path / "results.json"
    result = benchmark(
        *(f"--architecture={FILE}", f"--what={what}", "--repeats=1"),
        f"--output={output}",
    )
    assert result.returncode == 0, result.stderr
    results = json.loads(output.read_text())
    # The published count, at 19 classes.
    assert results["parameters"] == 268_235
    if what == "train":
        assert set(results["ms_per_image"]) == {"training"}
    else:
        [row] = results["export"]
        assert all(row[form] > 0 for form in ("keras", "saved_model", "tflite"))


def test_pytorch_that_is_wanted_but_missing_is_one_line():
    result = benchmark("--torch=yes", missing=["torch"])
    assert_one_line(result, "--torch", "pip install -e '.[compare]'")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size=128"], ["--size", "'128'", "height,width"]),
        (["--size=31,64"], ["--size", "'31,64'", "32 or more"]),
        (["--size=64,wide"], ["--size", "'64,wide'"]),
        (["--size=96,128", "--small_gate"], ["--size", "128 or more"]),
        (["--channels=5"], ["--channels", "5", "even"]),
        (["--num_layers=2"], ["--num_layers", "2"]),
        (["--repeats=0"], ["--repeats", "0"]),
        (["--threads=-1"], ["--threads", "-1"]),
        (["--batch_size=0"], ["--batch_size", "0"]),
        (["--what=nothing"], ["--what", "nothing"]),
        (["--torch=yes", "--what=train"], ["--torch", "--what=train"]),
        (["--torch=yes", "--what=learning"], ["--torch", "--what=learning"]),
        ([f"--architecture={FILE}", "--what=cell"], ["--architecture", "--what=cell"]),
        ([f"--architecture={FILE}", "--torch=yes"], ["--torch", "routing"]),
        (["--architecture=no.json"], ["no.json", "expected a file"]),
        (["--output=/nowhere/at/all.json"], ["--output", "/nowhere/at"]),
        (["--output=setup.cfg"], ["--output", "setup.cfg", "exists"]),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(arguments, words):
    assert_one_line(benchmark(*arguments), *words)


@pytest.mark.parametrize(
    ("small_gate", "bias"), [(False, 1.5), (True, 1.5), (False, -99.0)]
)
def test_both_cells_give_the_same(small_gate, bias):
    """With gates that are open, and closed."""
    torch = pytest.importorskip("torch")
    from selene_tf.benchmarking import torch_cell

    features, _ = steps.cell_arrays(4, (32, 64), 2)
    layer = RoutingCell(topology.ROUTES, small_gate=small_gate)
    active = [np.ones((2, 1), "float32")] * 3
    layer.build([array.shape for array in features], [(2, 1)] * 3)
    layer.gate.project.bias.assign(np.full(3, bias))
    cell = torch_cell.Cell(8, small_gate)
    copy_weights(layer, cell)
    ours = layer(features, active, training=True)
    *theirs, gates = cell([torch_cell.channels_last(array) for array in features])
    assert np.any(ours["gates"]) == (bias > 0)
    np.testing.assert_allclose(ours["gates"], gates.detach(), atol=1e-4)
    for route, output in zip(topology.ROUTES, theirs, strict=True):
        output = torch.permute(output.detach(), (0, 2, 3, 1))
        np.testing.assert_allclose(ours[route], output, atol=1e-4)


def copy_weights(layer, cell):
    """From our cell to that in PyTorch."""
    separables = [
        (layer.separable_1, cell.separable_1),
        (layer.separable_2, cell.separable_2),
    ]
    for ours, (depthwise, pointwise, *_) in separables:
        # (height, width, channels, 1) to (channels, 1, height, width)
        copy(depthwise.weight, ours.depthwise.kernel.numpy().transpose(2, 3, 0, 1))
        copy(pointwise.weight, ours.pointwise.conv.kernel.numpy().transpose(3, 2, 0, 1))
    convolutions = [
        (layer.gate.reduce, cell.reduce),
        (layer.up, cell.up),
        (layer.down, cell.down),
    ]
    for ours, (conv, *_) in convolutions:
        copy(conv.weight, ours.conv.kernel.numpy().transpose(3, 2, 0, 1))
    copy(cell.project.weight, layer.gate.project.kernel.numpy().T)
    copy(cell.project.bias, layer.gate.project.bias.numpy())


def copy(parameter, array):
    import torch

    assert parameter.shape == array.shape
    parameter.data = torch.from_numpy(array.copy())


def test_both_cells_have_gradients_of_the_same_shapes():
    pytest.importorskip("torch")
    from selene_tf.benchmarking import torch_cell

    arrays = steps.cell_arrays(4, (32, 64), 2)
    ours = steps.cell(*arrays, small_gate=False)()
    theirs = torch_cell.cell(*arrays, small_gate=False, threads=0)()
    sizes = [
        sorted(np.prod(each.shape) for each in gradients)
        for gradients in (ours, theirs)
    ]
    assert sizes[0] == sizes[1]


@pytest.mark.slow
@pytest.mark.usefixtures("started")
def test_what_is_closed_costs_nothing_where_it_is_left_out(tmp_path):
    output = tmp_path / "results.json"
    result = benchmark("--what=conditional", "--repeats=1", f"--output={output}")
    assert result.returncode == 0, result.stderr
    results = json.loads(output.read_text())
    rows = results["conditional"]
    assert rows[0]["macs"] == results["macs_per_image"]
    assert rows[-1]["open_share"] == 0.0
    # The input passes along the finest level, where each cell asks its gate.
    table = cost_table.macs(19, 4, 3, 32, 64)
    gates = int(table.gates[:, 0].sum())
    assert rows[-1]["macs"] == table.stem + table.decoder + gates
    for row in rows:
        assert row["wall"] > 0
        assert f"{row['macs']:,}" in result.stdout
