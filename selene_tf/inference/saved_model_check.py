"""Looks into a SavedModel before TensorFlow runs it.

A SavedModel is a program: its graph can read and write files and call Python. What it
consists of is read from saved_model.pb, without loading it.
"""

import pathlib

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from selene_tf.errors import UserError

# What a graph of ours computes with: numbers from numbers.
_PURE = frozenset(
    """
    Abs Add AddN AddV2 All Any ArgMax AvgPool BatchToSpaceND BiasAdd BroadcastArgs
    BroadcastTo Cast Ceil ClipByValue Concat ConcatV2 Const Conv2D
    Conv2DBackpropInput DepthwiseConv2dNative Div DivNoNan Einsum Elu EnsureShape Equal
    Erf Exp
    ExpandDims Fill Floor FloorDiv FloorMod FusedBatchNormV3 GatherNd GatherV2 Greater
    GreaterEqual Identity IdentityN If LeakyRelu Less LessEqual Log Log1p LogSoftmax
    LogicalAnd LogicalNot LogicalOr MatMul Max MaxPool Maximum Mean Merge Min Minimum
    MirrorPad Mod Mul MulNoNan Neg NoOp NotEqual OneHot Pack Pad PadV2
    PartitionedCall Placeholder PlaceholderWithDefault Pow Prod Range Rank
    ReadVariableOp RealDiv Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ReverseV2 Round Rsqrt Select SelectV2 Shape ShapeN Sigmoid
    Sign Size Slice Softmax Softplus Softsign SpaceToBatchND SpaceToDepth DepthToSpace
    Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
    StatelessIf StatelessWhile StopGradient StridedSlice Sub Sum Switch Tan Tanh
    TensorListFromTensor TensorListGetItem TensorListReserve TensorListSetItem
    TensorListStack Tile TopKV2 Transpose TruncateDiv TruncateMod Unpack VarHandleOp
    Where ZerosLike OnesLike
    DecodeImage DecodeJpeg DecodePng DecodeBmp
    Assert DecodeRaw ExtractJpegShape StringJoin Substr While
    """.split()
)
# Beside these: how TensorFlow saves and restores variables. Loading calls none of them
# by name; it restores variables itself.
_SAVING = frozenset(
    """
    AssignVariableOp DisableCopyOnRead MergeV2Checkpoints RestoreV2 SaveV2
    ShardedFilename StaticRegexFullMatch StringJoin
    """.split()
)


def check(folder):
    """Refuses a SavedModel that does more than computing with numbers.

    Args:
        folder: The folder of one version.

    Raises:
        UserError: names operations that no export of ours has.
        ValueError: it is no SavedModel, or a damaged one.
    """
    names = foreign_operations(folder)
    if names:
        raise UserError(
            f"'{folder}' holds operations that no export of selene_tf has: "
            f"{', '.join(names[:5])}{' and more' if len(names) > 5 else ''}. They may "
            "do anything on this machine; expected what export.saved_model writes, or "
            "--trust_model if you know who made it."
        )


def foreign_operations(folder):
    """Names of the operations that no export of ours has, sorted.

    Raises:
        ValueError: it is no SavedModel, or a damaged one.
    """
    graphs = _read(pathlib.Path(folder)).meta_graphs
    names = set()
    for meta in graphs:
        functions = {
            each.signature.name: each for each in meta.graph_def.library.function
        }
        called = _reachable(meta.object_graph_def.concrete_functions, functions)
        for name, function in functions.items():
            allowed = _PURE if name in called else _PURE | _SAVING
            names |= (
                {node.op for node in function.node_def} - allowed - functions.keys()
            )
        of_graph = {node.op for node in meta.graph_def.node}
        names |= of_graph - _PURE - _SAVING - functions.keys()
    return sorted(names)


def _read(folder):
    content = (folder / "saved_model.pb").read_bytes()
    try:
        return SavedModel.FromString(content)
    except DecodeError:
        raise ValueError("saved_model.pb is damaged") from None


def _reachable(names, functions):
    """Names of the functions that can be called, from these on."""
    waiting, found = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in found or name not in functions:
            continue
        found.add(name)
        for node in functions[name].node_def:
            waiting.append(node.op)
            for value in node.attr.values():
                waiting += [value.func.name, *(each.name for each in value.list.func)]
    return found
