"""Semi-supervised search and training of small segmentation networks.

A notebook needs this one import:

    import selene_tf

    summary = selene_tf.train(selene_tf.Config(run_dir="runs/a"))
    scores = selene_tf.evaluate("runs/a")
    model = selene_tf.load("runs/a")

Each name is imported when it is first used: until then neither TensorFlow nor Keras
starts.
"""

import importlib

__version__ = "0.1.0"

# Name to the module that defines it. No name of a module of the package is among them,
# since `from selene_tf import experiment` has to give the module.
_EXPORTS = {
    "Config": "config",
    "CrossPseudo": "algorithms.cross_pseudo",
    "MeanTeacher": "algorithms.mean_teacher",
    "RoutingArchitecture": "architectures",
    "RoutingPath": "architectures",
    "Supervised": "algorithms.supervised",
    "UserError": "errors",
    "build": "networks",
    "load": "inference.loading",
    "load_run": "experiment",
    "train": "experiment",
}
# The same under another name.
_RENAMED = {"evaluate": ("inference.scoring", "evaluate_run")}


def __getattr__(name):
    if name in _RENAMED:
        module, original = _RENAMED[name]
    elif name in _EXPORTS:
        module, original = _EXPORTS[name], name
    else:
        raise AttributeError(f"module 'selene_tf' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"selene_tf.{module}"), original)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_EXPORTS, *_RENAMED})
