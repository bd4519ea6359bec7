from selene_tf.benchmarking import latency
from tests.export import exported


def test_medians_leave_out_the_first_call():
    calls = []

    def run(image):
        calls.append(image.shape)
        if len(calls) == 1:
            # A first call that is slow must not show.
            sum(range(10**6))

    assert latency.median(run, (2, 3), 5) < 1
    assert calls == [(1, 2, 3, 3)] * 6


def test_a_network_is_timed_in_both_forms():
    network = exported.network()
    assert latency.of_network(network, exported.SIZE, repeats=1) > 0
    assert latency.of_tflite(network, exported.SIZE, repeats=1) > 0
