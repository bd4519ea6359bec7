"""The mapping of the official network's state_dict to our variables."""

from selene_tf.architectures import topology

# Where a side of the official array stands in ours: (height, width, in, out), and
# for depthwise kernels (height, width, channels, 1).
_AXES = {"conv": (3, 2, 0, 1), "depth": (2, 3, 0, 1), "vector": (0,)}


def official_names(num_layers):
    """Our variable path in the network -> (official key, kind of array)."""
    names = {}
    _name_conv_norm(names, "stem_1", "backbone.stem.stem_1")
    for stem in ("stem_2", "stem_3"):
        names[f"{stem}/depthwise/kernel"] = (f"backbone.stem.{stem}.0.weight", "depth")
        _name_conv_norm(names, f"{stem}/pointwise", f"backbone.stem.{stem}.1")
    for layer, level in topology.cells(num_layers):
        prefix = f"backbone.all_cell_list.{layer - 1}.{level}"
        ours = topology.cell_name(layer, level)
        _name_cell(names, ours, prefix if layer else "backbone.init_layer")
    for level in range(topology.NUM_LEVELS):
        ours = f"decoder_s{topology.stride(level)}"
        _name_conv_norm(names, ours, f"sem_seg_head.layer_decoder_list.{level}")
    names["predictor/kernel"] = ("sem_seg_head.predictor.weight", "conv")
    names["predictor/bias"] = ("sem_seg_head.predictor.bias", "vector")
    return names


def in_our_layout(array, kind):
    """Transposes an official array to the layout of our variable."""
    return {
        "conv": lambda: array.transpose(2, 3, 1, 0),
        "depth": lambda: array.transpose(2, 3, 0, 1),
        "dense": lambda: array[:, :, 0, 0].T,
        "vector": lambda: array,
    }[kind]()


def official_shape(shape, kind):
    """The official shape of an array that has this shape in our layout."""
    if kind == "dense":
        inputs, outputs = shape
        return (outputs, inputs, 1, 1)
    return tuple(shape[axis] for axis in _AXES[kind])


def _name_conv_norm(names, ours, official):
    names[f"{ours}/conv/kernel"] = (f"{official}.weight", "conv")
    for variable, key in {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }.items():
        names[f"{ours}/norm/{variable}"] = (f"{official}.norm.{key}", "vector")


def _name_cell(names, ours, official):
    operation = f"{official}.cell_ops._ops.0.op"
    for number, first in ((1, 0), (2, 2)):
        separable = f"{ours}/separable_{number}"
        depthwise = f"{operation}.{first}.weight"
        names[f"{separable}/depthwise/kernel"] = (depthwise, "depth")
        _name_conv_norm(names, f"{separable}/pointwise", f"{operation}.{first + 1}")
    _name_conv_norm(names, f"{ours}/up", f"{official}.res_up.1")
    _name_conv_norm(names, f"{ours}/down", f"{official}.res_down.1")
    _name_conv_norm(names, f"{ours}/gate/reduce", f"{official}.gate_conv_beta.0")
    gate = f"{official}.gate_conv_beta.2"
    names[f"{ours}/gate/project/kernel"] = (f"{gate}.weight", "dense")
    names[f"{ours}/gate/project/bias"] = (f"{gate}.bias", "vector")
