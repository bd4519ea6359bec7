import keras
import numpy as np
import pytest

from selene_tf.training.schedules import PolyWithWarmUp
from selene_tf.training.sgd import TorchSGD, decays

MOMENTUM, DECAY, STEPS = 0.9, 0.1, 3
DECAYING = {"kernel": True, "bias": True, "gamma": False, "beta": False}


def make_variables():
    """Kernel and bias of a convolution, gamma and beta of a normalisation."""
    rng = np.random.default_rng(0)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            keras.layers.Conv2D(3, 1, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
        ]
    )
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model.trainable_variables


def make_gradients(variables):
    rng = np.random.default_rng(1)
    return [
        [rng.normal(size=variable.shape).astype("float32") for variable in variables]
        for _ in range(STEPS)
    ]


def kind(variable):
    return variable.path.rsplit("/", 1)[-1]


def by_hand(weight, gradients, rates, momentum, decay):
    velocity = np.zeros_like(weight)
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = momentum * velocity + (gradient + decay * weight)
        weight = weight - rate * velocity
    return weight


def schedule():
    return PolyWithWarmUp(0.5, 10, power=1.0)


# (1 - t / 10) / 2, at steps 0, 1, 2.
RATES = [0.5, 0.45, 0.4]


def test_three_steps_at_a_falling_rate_as_numpy_takes_them():
    variables = make_variables()
    start = [variable.numpy() for variable in variables]
    gradients = make_gradients(variables)
    optimizer = TorchSGD(schedule(), MOMENTUM, DECAY)
    for values in gradients:
        optimizer.apply(values, variables)
    assert [kind(variable) for variable in variables] == list(DECAYING)
    for i, variable in enumerate(variables):
        decay = DECAY if DECAYING[kind(variable)] else 0.0
        own = [values[i] for values in gradients]
        expected = by_hand(start[i], own, RATES, MOMENTUM, decay)
        np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-6)


def test_three_steps_as_pytorch_takes_them():
    torch = pytest.importorskip("torch")
    variables = make_variables()
    gradients = make_gradients(variables)
    theirs = [torch.nn.Parameter(torch.tensor(v.numpy())) for v in variables]
    groups = [
        {
            "params": [parameter],
            "weight_decay": DECAY if DECAYING[kind(variable)] else 0.0,
        }
        for parameter, variable in zip(theirs, variables, strict=True)
    ]
    sgd = torch.optim.SGD(groups, lr=1.0, momentum=MOMENTUM)
    optimizer = TorchSGD(schedule(), MOMENTUM, DECAY)
    for values, rate in zip(gradients, RATES, strict=True):
        optimizer.apply(values, variables)
        for group in sgd.param_groups:
            group["lr"] = rate
        for parameter, value in zip(theirs, values, strict=True):
            parameter.grad = torch.tensor(value)
        sgd.step()
    for variable, parameter in zip(variables, theirs, strict=True):
        np.testing.assert_allclose(
            variable, parameter.detach().numpy(), rtol=1e-5, atol=1e-6
        )


def test_without_momentum_and_decay_it_subtracts_the_gradient():
    variables = make_variables()
    start = [variable.numpy() for variable in variables]
    gradients = make_gradients(variables)[0]
    TorchSGD(0.25, momentum=0.0).apply(gradients, variables)
    for variable, old, gradient in zip(variables, start, gradients, strict=True):
        np.testing.assert_allclose(variable, old - 0.25 * gradient, atol=1e-6)


@pytest.mark.parametrize(("name", "expected"), DECAYING.items())
def test_what_decays(name, expected):
    found = {kind(variable): decays(variable) for variable in make_variables()}
    assert found[name] is expected


def test_comes_back_from_its_configuration():
    optimizer = TorchSGD(schedule(), momentum=0.8, weight_decay=0.3)
    back = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(optimizer)
    )
    assert back.get_config() == optimizer.get_config()
    # One step shows that the decay is in use: 1 - 0.5 (1 + 0.3).
    variable = keras.Variable([1.0], name="kernel")
    back.apply([np.ones(1, "float32")], [variable])
    np.testing.assert_allclose(variable, [0.35], rtol=1e-6)


def test_an_encoders_weights_have_a_rate_of_their_own():
    encoder, decoder = (keras.Variable([1.0], name=name) for name in ("conv", "head"))
    optimizer = TorchSGD(
        0.5, momentum=0.0, encoder_multiplier=0.1, encoder_paths=[encoder.path]
    )
    gradient = np.ones(1, "float32")
    optimizer.apply([gradient, gradient], [encoder, decoder])
    np.testing.assert_allclose(encoder, [1 - 0.05], rtol=1e-6)
    np.testing.assert_allclose(decoder, [1 - 0.5], rtol=1e-6)
