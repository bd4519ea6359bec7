import pickle
import struct
import zipfile

import numpy as np
import pytest

from selene_tf.pretrained import torch_checkpoint
from tests.pretrained import torch_zips
from tests.pretrained.torch_zips import WEIGHTS, Ordered, View, assert_same, read_back
from tests.refusals import assert_refused

# What is read.


@pytest.mark.parametrize(
    "wrapped",
    [
        WEIGHTS,
        Ordered(WEIGHTS),
        {"model": Ordered(WEIGHTS), "iteration": 9, "optimizer": {"state": [1, 2.5]}},
        {"state_dict": Ordered(WEIGHTS), "scheduler": None},
        Ordered({f"module.{name}": array for name, array in WEIGHTS.items()}),
    ],
    ids=["dict", "OrderedDict", "model", "state_dict", "distributed"],
)
def test_reads_a_state_dict_however_it_is_wrapped(tmp_path, wrapped):
    assert_same(read_back(tmp_path, wrapped), WEIGHTS)


def test_a_prefix_that_only_some_names_have_stays(tmp_path):
    weights = {"module.a": np.ones(2, "float32"), "b": np.ones(3, "float32")}
    assert_same(read_back(tmp_path, weights), weights)


@pytest.mark.parametrize("order", ["little", "big", None])
@pytest.mark.parametrize(
    "dtype",
    ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "bool"],
)
def test_reads_numbers_of_every_kind_and_byte_order(tmp_path, dtype, order):
    weights = {"a": np.array([[0, 1, 100], [3, 4, 5]]).astype(dtype)}
    assert_same(read_back(tmp_path, weights, order), weights)


@pytest.mark.parametrize("order", ["little", "big"])
def test_bfloat16_is_the_upper_half_of_float32(tmp_path, order):
    expected = np.array([1.0, -2.5, 0.0, 3.0e38, np.inf], "float32")
    expected[3] = np.float32(2.0**127)
    bits = (expected.view("uint32") >> 16).astype("uint16")
    weights = {"a": bits, "scalar": bits[1:2].reshape(())}
    arrays = read_back(tmp_path, weights, order)
    assert_same(arrays, {"a": expected, "scalar": expected[1].reshape(())})


def test_views_honour_offset_strides_and_shared_storages(tmp_path):
    numbers = np.arange(20, dtype="float32")
    arrays = read_back(
        tmp_path,
        {
            "transposed": View("0", numbers, 2, (3, 4), (1, 3)),
            "every_other": View("0", numbers, 1, (5,), (2,)),
            "repeated": View("0", numbers, 4, (2, 3), (0, 1)),
            "last": View("0", numbers, 19, (1, 1), (2**62, 1)),
            "none": View("0", numbers, 0, (0, 3), (3, 1)),
        },
    )
    np.testing.assert_array_equal(
        arrays["transposed"], numbers[2:14].reshape(4, 3).T, strict=True
    )
    np.testing.assert_array_equal(arrays["every_other"], [1, 3, 5, 7, 9])
    np.testing.assert_array_equal(arrays["repeated"], [[4, 5, 6], [4, 5, 6]])
    np.testing.assert_array_equal(arrays["last"], [[19]])
    assert arrays["none"].shape == (0, 3)
    arrays["repeated"][0] = 9
    np.testing.assert_array_equal(arrays["repeated"][1], [4, 5, 6])


# Files that are no checkpoints, or not whole.


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    missing = tmp_path / "missing.pth"
    assert_refused(lambda: torch_checkpoint.read(missing), missing, "no such file")
    assert_refused(lambda: torch_checkpoint.read(tmp_path), tmp_path, "that is no file")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ("begins with b''",)),
        (b"version https://git-lfs", ("begins with b'version '", "download")),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80", ("before release 1.6",)),
        (pickle.dumps({"a": 1}), ("plain pickle", "weights_only=True")),
        (b"PK\x03\x04", ("damaged or cut off",)),
    ],
)
def test_another_format_is_refused(tmp_path, content, words):
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    assert_refused(lambda: torch_checkpoint.read(file), file, *words)


@pytest.mark.parametrize("content", [{}, [], None, {"a": 1}, {"model": {}}, "text"])
def test_a_checkpoint_without_tensors_is_refused(tmp_path, content):
    words = (tmp_path / "weights.pth", "no tensors by name", "state_dict")
    assert_refused(lambda: read_back(tmp_path, content), *words)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({}, ("found 0 entries data.pkl",)),
        ({"a/version": b"3"}, ("found 0 entries data.pkl",)),
        ({"a/data.pkl": b"", "b/data.pkl": b""}, ("found 2 entries data.pkl",)),
        ({"a/data.pkl": b""}, ("damaged pickle",)),
        ({"a/data.pkl": b"\x80\x02}"}, ("damaged pickle",)),
    ],
)
def test_another_archive_is_refused(tmp_path, entries, words):
    file = tmp_path / "weights.pth"
    torch_zips.save_entries(file, entries)
    assert_refused(lambda: torch_checkpoint.read(file), file, *words)


@pytest.fixture
def saved(tmp_path):
    """The bytes of a good file, and its entries."""
    torch_zips.save(tmp_path / "whole.pth", {"model": WEIGHTS})
    with zipfile.ZipFile(tmp_path / "whole.pth") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return (tmp_path / "whole.pth").read_bytes(), entries


def test_a_missing_entry_is_refused(tmp_path, saved):
    file = tmp_path / "weights.pth"
    _, entries = saved
    del entries["archive/data/1"]
    torch_zips.save_entries(file, entries)
    assert_refused(
        lambda: torch_checkpoint.read(file), file, "archive/data/1", "no entry"
    )


def test_compressed_entries_are_refused(tmp_path, saved):
    file = tmp_path / "weights.pth"
    torch_zips.save_entries(file, saved[1], zipfile.ZIP_DEFLATED)
    assert_refused(lambda: torch_checkpoint.read(file), file, "compressed or encrypted")


def test_an_oversized_pickle_is_refused(tmp_path):
    file = tmp_path / "weights.pth"
    torch_zips.save_entries(file, {"a/data.pkl": bytes(2**24 + 1)})
    assert_refused(lambda: torch_checkpoint.read(file), file, f"at most {2**24}")


def test_an_unknown_byte_order_is_refused(tmp_path, saved):
    file = tmp_path / "weights.pth"
    torch_zips.save_entries(file, saved[1] | {"archive/byteorder": b"mid\n"})
    assert_refused(
        lambda: torch_checkpoint.read(file), file, r"'mid\n'", "little or big"
    )


def test_a_size_that_the_archive_only_claims_is_refused(tmp_path):
    """Both sizes of an entry, and the pickle's, say more than there is."""
    file = tmp_path / "weights.pth"
    numbers = np.arange(10, dtype="float32")
    torch_zips.save(file, {"a": View("0", numbers, 0, (10,), (1,), size=2**29)})
    content = file.read_bytes()
    sizes = struct.pack("<II", 40, 40)
    assert content.count(sizes) == 2
    file.write_bytes(content.replace(sizes, struct.pack("<II", 2**31, 2**31)))
    assert_refused(lambda: torch_checkpoint.read(file), file, "damaged or cut off")


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.999])
def test_a_file_that_is_cut_off_is_refused(tmp_path, saved, share):
    content, _ = saved
    file = tmp_path / "weights.pth"
    file.write_bytes(content[: int(len(content) * share)])
    assert_refused(
        lambda: torch_checkpoint.read(file), file, "damaged or cut off", "anew"
    )


def test_a_flipped_bit_never_changes_what_is_read(tmp_path, saved):
    content, _ = saved
    file = tmp_path / "weights.pth"
    refusals = 0
    for position in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        file.write_bytes(damaged)
        try:
            # Bits that nobody reads, such as the time of writing, may differ.
            assert_same(torch_checkpoint.read(file), WEIGHTS)
        except ValueError:
            assert_refused(lambda: torch_checkpoint.read(file), file, "found")
            refusals += 1
    assert refusals > len(content) / 3 / 3


# PyTorch itself, where it is installed.


def test_reads_what_pytorch_writes(tmp_path):
    torch = pytest.importorskip("torch")
    base = torch.arange(24, dtype=torch.float32)
    tensors = {
        "plain": base.reshape(2, 3, 4),
        "transposed": base.reshape(4, 6).T,
        "part": base[5:11:2],
        "expanded": base[:3].expand(2, 3),
        "half": base.half(),
        "bfloat16": (base / 7).bfloat16(),
        "double": base.double(),
        "long": torch.tensor(3),
        "bool": base > 4,
        "parameter": torch.nn.Parameter(base[:2].clone()),
    }
    contents = {
        "bare": tensors,
        "model": {"model": tensors, "iteration": 4, "optimizer": {"state": {0: base}}},
        "distributed": {f"module.{name}": value for name, value in tensors.items()},
    }
    for name, content in contents.items():
        for protocol in (2, 4, 5):
            file = tmp_path / f"{name}.pth"
            torch.save(content, file, pickle_protocol=protocol)
            arrays = torch_checkpoint.read(file)
            assert list(arrays) == list(tensors)
            for key, tensor in tensors.items():
                expected = tensor.float() if key == "bfloat16" else tensor
                np.testing.assert_array_equal(
                    arrays[key], expected.detach().numpy(), strict=True
                )


def test_reads_a_whole_checkpoint_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3])
    module(torch.ones(1, 3, 5, 5)).sum().backward()
    optimizer.step()
    content = {
        "model": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": schedule.state_dict(),
        "best": np.float64(0.5),
    }
    torch.save(content, tmp_path / "checkpoint.pth")
    arrays = torch_checkpoint.read(tmp_path / "checkpoint.pth")
    expected = {name: value.numpy() for name, value in module.state_dict().items()}
    assert_same(arrays, expected)


def test_a_whole_module_and_the_format_before_are_refused(tmp_path):
    torch = pytest.importorskip("torch")
    file = tmp_path / "weights.pth"
    torch.save(torch.nn.Linear(2, 2), file)
    assert_refused(lambda: torch_checkpoint.read(file), file, "torch.nn.modules.linear")
    torch.save({"a": torch.ones(2)}, file, _use_new_zipfile_serialization=False)
    assert_refused(lambda: torch_checkpoint.read(file), file, "before release 1.6")
    torch.save(torch.load(file, weights_only=True), file)
    np.testing.assert_array_equal(torch_checkpoint.read(file)["a"], [1, 1])
